/**
 * Logins: a one-time link, a password or an identity provider begins a session; a session is a cookie, or the token of
 * a command line.
 *
 * Guarantees: a link works once and for a bounded time; a session ends after a fixed time, after a time without use,
 * at logout, when it is revoked, and with the process. Whose it is is looked up at each use, so what is taken from
 * somebody is taken at once. Links and sessions are 256 random bits and kept as SHA-256 only, so a memory dump opens
 * nothing. Left out on purpose: sessions that survive a restart.
 */
import { createHash } from "node:crypto";

import type { Clock } from "../clock.ts";
import type { Role } from "../control/role.ts";
import { makeSecret, SESSION_PREFIX } from "../control/secret.ts";
import type { Random } from "../control/secret.ts";
import type { Scope } from "../search/scope.ts";
import { MAX_LOGIN_LINKS, MAX_SESSIONS } from "./limits.ts";

export interface SessionTimes {
  readonly sessionMs: number;
  readonly idleMs: number;
  readonly linkMs: number;
}

/** Whose a session is. */
export type Subject =
  /** Whoever holds the administrator's token. */
  | { readonly kind: "admin" }
  | { readonly kind: "user" | "key"; readonly name: string }
  /** As the identity provider said at the login. */
  | { readonly kind: "oidc"; readonly name: string; readonly role: Role; readonly scope: Scope };

export type LoginMethod = "link" | "password" | "oidc" | "device";

export interface Session {
  readonly id: string;
  readonly subject: Subject;
  readonly method: LoginMethod;
  readonly address: string;
  readonly createdAtMs: number;
  readonly lastUsedMs: number;
  readonly expiresAtMs: number;
}

export interface Sessions {
  /** A fresh one-time token that logs the subject in. */
  makeLink(subject: Subject): { readonly token: string; readonly expiresAtMs: number };
  /** Uses a link up; null when it is unknown, used or too old. */
  redeem(linkToken: string, address: string): NewSession | null;
  begin(subject: Subject, method: LoginMethod, address: string): NewSession;
  /** The session, which is used by this, or only looked at. */
  session(token: string, isUsed?: boolean): Session | null;
  end(token: string): void;
  /** False when there is none of this id. */
  revoke(id: string): boolean;
  sessions(): readonly Session[];
}

export interface NewSession {
  readonly token: string;
  readonly session: Session;
}

export function memorySessions(clock: Clock, random: Random, times: SessionTimes): Sessions {
  const nowMs = () => Math.floor(clock.nowUs() / 1_000);
  const links = new Expiring<{ readonly subject: Subject; readonly expiresAtMs: number }>(nowMs, MAX_LOGIN_LINKS);
  const sessions = new Expiring<Session>(nowMs, MAX_SESSIONS);
  const isIdle = ({ lastUsedMs }: Session) => nowMs() - lastUsedMs >= times.idleMs;
  const begin = (subject: Subject, method: LoginMethod, address: string): NewSession => {
    const token = makeSecret(SESSION_PREFIX, random);
    const id = `session_${Buffer.from(random(10)).toString("hex")}`;
    const now = nowMs();
    const expiresAtMs = now + times.sessionMs;
    const session = { id, subject, method, address, createdAtMs: now, lastUsedMs: now, expiresAtMs };
    sessions.set(token, session);
    return { token, session };
  };
  return {
    begin,
    makeLink(subject) {
      const token = Buffer.from(random(32)).toString("base64url");
      const expiresAtMs = nowMs() + times.linkMs;
      links.set(token, { subject, expiresAtMs });
      return { token, expiresAtMs };
    },
    redeem(linkToken, address) {
      const link = links.get(linkToken);
      if (link === null) return null;
      links.remove(linkToken);
      return begin(link.subject, "link", address);
    },
    session(token, isUsed = true) {
      const session = sessions.get(token);
      if (session === null) return null;
      if (isIdle(session)) {
        sessions.remove(token);
        return null;
      }
      if (!isUsed) return session;
      const used = { ...session, lastUsedMs: nowMs() };
      sessions.set(token, used);
      return used;
    },
    end: (token) => sessions.remove(token),
    revoke: (id) => sessions.removeWhere((session) => session.id === id),
    sessions: () => sessions.values().filter((session) => !isIdle(session)),
  };
}

/** Values by hash of their token, in the order in which they were made, each with its end. */
class Expiring<Value extends { readonly expiresAtMs: number }> {
  readonly #nowMs: () => number;
  readonly #limit: number;
  readonly #entries = new Map<string, Value>();

  constructor(nowMs: () => number, limit: number) {
    this.#nowMs = nowMs;
    this.#limit = limit;
  }

  /** In the place of what the token stood for before. */
  set(token: string, value: Value): void {
    const key = hash(token);
    const oldest = this.#entries.keys().next();
    if (!this.#entries.has(key) && this.#entries.size >= this.#limit && oldest.done !== true)
      this.#entries.delete(oldest.value);
    this.#entries.set(key, value);
  }

  get(token: string): Value | null {
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

  removeWhere(isMeant: (value: Value) => boolean): boolean {
    const found = [...this.#entries].find(([, value]) => isMeant(value));
    return found !== undefined && this.#entries.delete(found[0]);
  }

  values(): readonly Value[] {
    return [...this.#entries.values()].filter(({ expiresAtMs }) => expiresAtMs > this.#nowMs());
  }
}

const hash = (token: string): string => createHash("sha256").update(token).digest("base64");
