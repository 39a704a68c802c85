/**
 * Logins of a command line by the device flow, in the manner of RFC 8628: the device shows a short code, a person who
 * is logged in to the dashboard lets it in, the device fetches a token of that person's own.
 *
 * Guarantees: a device code is 256 random bits and works once; the short code is good for ten minutes, and whoever
 * guesses is throttled by the route; the token is one of a session like any other.
 */
import type { Clock } from "../clock.ts";
import type { Random } from "../control/secret.ts";
import { LOGIN_UNDER_WAY_MS, MAX_LOGINS_UNDER_WAY } from "./limits.ts";
import type { Subject } from "./sessions.ts";

export interface DeviceLogin {
  /** For the device alone. */
  readonly deviceCode: string;
  /** For a person to compare and to type. */
  readonly userCode: string;
  readonly expiresAtMs: number;
}

export type DeviceState =
  | { readonly kind: "pending" }
  | { readonly kind: "allowed"; readonly subject: Subject }
  | { readonly kind: "denied" }
  /** Never begun, over, or fetched already. */
  | { readonly kind: "unknown" };

interface UnderWay extends DeviceLogin {
  readonly address: string;
  state: Exclude<DeviceState, { readonly kind: "unknown" }>;
}

/** No vowels, so that no words come out, and nothing that is mistaken for something else (RFC 8628 §6.1). */
const LETTERS = "BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS = 8;

export class DeviceLogins {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  begin(address: string): DeviceLogin {
    const deviceCode = Buffer.from(this.#random(32)).toString("base64url");
    const userCode = this.#freeCode();
    const expiresAtMs = this.#nowMs() + LOGIN_UNDER_WAY_MS;
    const oldest = this.#underWay.keys().next();
    if (this.#underWay.size >= MAX_LOGINS_UNDER_WAY && oldest.done !== true) this.#underWay.delete(oldest.value);
    this.#underWay.set(userCode, { deviceCode, userCode, expiresAtMs, address, state: { kind: "pending" } });
    return { deviceCode, userCode, expiresAtMs };
  }

  /** From where the device asked; null for a code that is not good. */
  addressOf(userCode: string): string | null {
    return this.#pending(userCode)?.address ?? null;
  }

  /** False for a code that is not good, or was decided already. */
  decide(userCode: string, subject: Subject | null): boolean {
    const login = this.#pending(userCode);
    if (login === null) return false;
    login.state = subject === null ? { kind: "denied" } : { kind: "allowed", subject };
    return true;
  }

  /** What was decided is given once. */
  fetch(deviceCode: string): DeviceState {
    const login = [...this.#underWay.values()].find((one) => one.deviceCode === deviceCode);
    if (login === undefined || login.expiresAtMs <= this.#nowMs()) return { kind: "unknown" };
    if (login.state.kind !== "pending") this.#underWay.delete(login.userCode);
    return login.state;
  }

  #pending(userCode: string): UnderWay | null {
    const letters = userCode.toUpperCase().replaceAll(/[^A-Z]/g, "");
    const login = this.#underWay.get(`${letters.slice(0, 4)}-${letters.slice(4)}`);
    return login !== undefined && login.expiresAtMs > this.#nowMs() && login.state.kind === "pending" ? login : null;
  }

  #freeCode(): string {
    for (;;) {
      const letters = Array.from({ length: CODE_LETTERS }, () => this.#letter()).join("");
      const code = `${letters.slice(0, 4)}-${letters.slice(4)}`;
      if (!this.#underWay.has(code)) return code;
    }
  }

  /** Bytes beyond the last whole run of the alphabet are thrown away, so that every letter is as likely. */
  #letter(): string {
    for (;;) {
      const [byte = 0] = this.#random(1);
      if (byte < 256 - (256 % LETTERS.length)) return LETTERS[byte % LETTERS.length]!;
    }
  }

  #nowMs(): number {
    return Math.floor(this.#clock.nowUs() / 1_000);
  }
}
