/**
 * Passwords that people choose.
 *
 * Guarantees: what is stored is scrypt's output under HMAC-SHA256 with a key of the folder, so that neither a record
 * of the control log nor a backup without the keys gives anything to guess at; checking takes the same time whether
 * there is such a user or not; no more than a few are checked at a time, since each takes 64 MiB.
 */
import { createHmac, scrypt, timingSafeEqual } from "node:crypto";

import type { Random } from "../control/secret.ts";
import { TallystickError } from "../errors.ts";
import {
  MAX_PASSWORD_CHECKS,
  MAX_PASSWORD_LENGTH,
  MAX_WAITING_PASSWORD_CHECKS,
  MIN_PASSWORD_LENGTH,
} from "./limits.ts";

/** scrypt's parameters; the default is one of OWASP's, and tests take a cheap one. */
export interface ScryptCost {
  /** The logarithm of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

const DEFAULT_COST: ScryptCost = { logN: 16, r: 8, p: 2 };
const MAX_LOG_N = 20;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const FORM = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

export class Passwords {
  readonly #pepper: () => Promise<Uint8Array>;
  readonly #random: Random;
  readonly #cost: ScryptCost;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `pepper`: a key of the folder, asked for when there is a password to store or to check. */
  constructor(pepper: () => Promise<Uint8Array>, random: Random, cost: ScryptCost = DEFAULT_COST) {
    this.#pepper = pepper;
    this.#random = random;
    this.#cost = cost;
  }

  /** What is stored. TallystickError `bad_request` for a password that is too short or too long. */
  async stored(password: string): Promise<string> {
    const { length } = password;
    if (length < MIN_PASSWORD_LENGTH || length > MAX_PASSWORD_LENGTH)
      throw new TallystickError(
        "bad_request",
        `A password has ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters.`,
        { at: { parameter: "password" } },
      );
    const salt = this.#random(SALT_BYTES);
    const { logN, r, p } = this.#cost;
    const hash = await this.#hash(password, salt, this.#cost, await this.#pepper());
    return `scrypt$${logN}$${r}$${p}$${text(salt)}$${text(hash)}`;
  }

  /** Null: there is nothing to check against, which takes as long. */
  async fits(password: string, stored: string | null): Promise<boolean> {
    const given = password.slice(0, MAX_PASSWORD_LENGTH);
    const [, logN, r, p, salt, hash] = FORM.exec(stored ?? "") ?? [];
    if (salt === undefined || hash === undefined) {
      await this.#hash(given, new Uint8Array(SALT_BYTES), this.#cost, new Uint8Array(HASH_BYTES));
      return false;
    }
    const cost = { logN: Math.min(Number(logN), MAX_LOG_N), r: Number(r), p: Number(p) };
    const found = await this.#hash(given, Buffer.from(salt, "base64url"), cost, await this.#pepper());
    return timingSafeEqual(found, Buffer.from(hash, "base64url"));
  }

  async #hash(password: string, salt: Uint8Array, { logN, r, p }: ScryptCost, pepper: Uint8Array): Promise<Buffer> {
    await this.#turn();
    try {
      const N = 2 ** logN;
      const key = await new Promise<Buffer>((resolve, reject) => {
        const options = { N, r, p, maxmem: 256 * N * r };
        scrypt(password.normalize("NFKC"), salt, HASH_BYTES, options, (error, derived) =>
          error === null ? resolve(derived) : reject(error),
        );
      });
      return createHmac("sha256", pepper).update(key).digest();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING_PASSWORD_CHECKS)
      throw new TallystickError("rate_limited", "Too many passwords are being checked.", { retryAfterS: 2 });
    if (this.#running >= MAX_PASSWORD_CHECKS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
