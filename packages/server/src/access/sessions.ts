/**
 * Dashboard logins: a one-time link becomes a session, a session is a cookie.
 *
 * Guarantees: a link works once and for a bounded time; a session ends after a fixed time, at logout, and with the
 * process. Both are 256 random bits and kept as SHA-256 only, so a memory dump opens nothing. Left out on purpose:
 * sessions that survive a restart.
 */
import { createHash } from "node:crypto";

import type { Clock } from "../clock.ts";
import type { Random } from "../control/secret.ts";
import { MAX_LOGIN_LINKS, MAX_SESSIONS } from "./limits.ts";

export interface SessionTimes {
  readonly sessionMs: number;
  readonly linkMs: number;
}

export interface Session {
  readonly name: string;
  readonly expiresAtMs: number;
}

export interface Sessions {
  /** A fresh one-time token that logs `name` in. */
  makeLink(name: string): { readonly token: string; readonly expiresAtMs: number };
  /** Uses a link up; null when it is unknown, used or too old. */
  redeem(linkToken: string): { readonly token: string; readonly session: Session } | null;
  session(token: string): Session | null;
  end(token: string): void;
}

export function memorySessions(clock: Clock, random: Random, times: SessionTimes): Sessions {
  const links = new ExpiringNames(clock, MAX_LOGIN_LINKS);
  const sessions = new ExpiringNames(clock, MAX_SESSIONS);
  const token = () => Buffer.from(random(32)).toString("base64url");
  return {
    makeLink(name) {
      const made = token();
      return { token: made, expiresAtMs: links.add(made, name, times.linkMs) };
    },
    redeem(linkToken) {
      const link = links.get(linkToken);
      if (link === null) return null;
      links.remove(linkToken);
      const made = token();
      const expiresAtMs = sessions.add(made, link.name, times.sessionMs);
      return { token: made, session: { name: link.name, expiresAtMs } };
    },
    session: (made) => sessions.get(made),
    end: (made) => sessions.remove(made),
  };
}

/** Tokens by hash, in the order they were made, each with its end. */
class ExpiringNames {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #entries = new Map<string, Session>();

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  add(token: string, name: string, lifetimeMs: number): number {
    const oldest = this.#entries.keys().next();
    if (this.#entries.size >= this.#limit && oldest.done !== true) this.#entries.delete(oldest.value);
    const expiresAtMs = this.#nowMs() + lifetimeMs;
    this.#entries.set(hash(token), { name, expiresAtMs });
    return expiresAtMs;
  }

  get(token: string): Session | null {
    const key = hash(token);
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.expiresAtMs > this.#nowMs()) return entry;
    this.#entries.delete(key);
    return null;
  }

  remove(token: string): void {
    this.#entries.delete(hash(token));
  }

  #nowMs(): number {
    return Math.floor(this.#clock.nowUs() / 1_000);
  }
}

const hash = (token: string): string => createHash("sha256").update(token).digest("base64");
