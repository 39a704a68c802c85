import { timingSafeEqual } from "node:crypto";

import type { Control, KeyInfo } from "../control/control.ts";
import { NO_QUOTA } from "../control/quota.ts";
import { ADMIN_PREFIX, isWellFormedSecret, secretDigest, SESSION_PREFIX } from "../control/secret.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import type { Principal, Role } from "./access.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import type { Jwts } from "./jwt.ts";
import type { Passwords } from "./passwords.ts";
import { scopeOf } from "./permissions.ts";
import type { PrincipalRules } from "./principal-rules.ts";
import type { Sessions, Subject } from "./sessions.ts";
import type { Throttle } from "./throttle.ts";

/** The log that records go to when a key does not say otherwise. */
export const DEFAULT_LOG = "default";

export interface AccessParts {
  readonly control: Control;
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  /** Wrong passwords, by account. */
  readonly accounts: Throttle;
  readonly passwords: Passwords;
  /** SHA-256 of the administrator's token. */
  readonly adminDigest: string;
  readonly jwts: Jwts;
  readonly rules: PrincipalRules;
}

export interface Credentials {
  readonly authorization: string | undefined;
  readonly sessionToken: string | undefined;
  /** The connection's, already checked. */
  readonly certificate: ClientCertificate | null;
  readonly address: string;
  /** Only looked at again, of an answer that goes on: no use of a session. */
  readonly isAgain?: boolean;
}

/** Who it is is proven, by a key or a token that was revoked here. */
export interface Revoked {
  readonly kind: "revoked";
  readonly what: "key" | "token";
  readonly name: string;
  /** The key's id, the token's; '' for a token without one. */
  readonly credential: string;
  /** Set when its address has used up its failures. */
  readonly retryAfterS: number | null;
}

export type Authentication =
  | { readonly kind: "known"; readonly principal: Principal; readonly by: "bearer" | "session" | "certificate" }
  /** No credentials were sent. */
  | { readonly kind: "anonymous" }
  /** Credentials were sent and open nothing; `why` for those that somebody else issued. */
  | { readonly kind: "refused"; readonly why: string | null }
  /** Who it is is proven, and no rule says what he may do. */
  | { readonly kind: "unbound"; readonly name: string }
  | Revoked
  /** Nobody can say now whether the credentials hold. */
  | { readonly kind: "unavailable"; readonly issuer: string }
  | { readonly kind: "throttled"; readonly retryAfterS: number };

/**
 * Says who is asking: by the Authorization header, else by the session's cookie, else by the client certificate. A
 * wrong header is never saved by what else there is.
 */
export async function authenticate(parts: AccessParts, credentials: Credentials): Promise<Authentication> {
  const { authorization, sessionToken, certificate, address, isAgain = false } = credentials;
  if (authorization !== undefined) {
    const found = await byBearer(parts, authorization, certificate, !isAgain);
    if (isAgain) return found;
    if (found.kind === "revoked") return { ...found, retryAfterS: parts.throttle.failed(address) };
    return found.kind === "refused" ? failure(parts.throttle, address, found.why) : found;
  }
  const session = sessionToken === undefined ? null : parts.sessions.session(sessionToken, !isAgain);
  // A session that has ended is no attack: the browser merely kept its cookie.
  const principal = session === null ? null : principalOfSession(parts.control, session.subject);
  if (principal !== null) return { kind: "known", principal, by: "session" };
  return certificate === null ? { kind: "anonymous" } : bound(parts.rules, certificate.principal, "certificate");
}

const ADMIN: Principal = {
  name: "admin",
  role: "admin",
  service: null,
  services: [],
  relay: null,
  log: DEFAULT_LOG,
  quota: NO_QUOTA,
  scope: WHOLE_SCOPE,
};

const REFUSED: Authentication & { readonly kind: "refused" } = { kind: "refused", why: null };

function failure(throttle: Throttle, address: string, why: string | null): Authentication {
  const retryAfterS = throttle.failed(address);
  return retryAfterS === null ? { kind: "refused", why } : { kind: "throttled", retryAfterS };
}

async function byBearer(
  parts: AccessParts,
  authorization: string,
  certificate: ClientCertificate | null,
  isUse: boolean,
): Promise<Authentication> {
  const token = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (token === undefined) return REFUSED;
  if (isWellFormedSecret(token)) {
    const principal = bySecret(parts, token, isUse);
    return principal === null ? unknownSecret(parts, token) : { kind: "known", principal, by: "bearer" };
  }
  if (!parts.jwts.looksLikeOne(token)) return REFUSED;
  const outcome = await parts.jwts.verify(token, certificate);
  if (outcome.kind !== "named") return outcome;
  const { principal, token: claims } = outcome;
  if (!parts.control.revocations.covers(claims)) return bound(parts.rules, principal, "bearer");
  return { kind: "revoked", what: "token", name: principal, credential: claims.jti ?? "", retryAfterS: null };
}

function unknownSecret({ control }: AccessParts, secret: string): Authentication {
  const key = control.revokedKeyBySecret(secret);
  if (key === null) return REFUSED;
  return { kind: "revoked", what: "key", name: `key:${key.name}`, credential: key.id, retryAfterS: null };
}

function bySecret(parts: AccessParts, secret: string, isUse: boolean): Principal | null {
  if (secret.startsWith(ADMIN_PREFIX)) {
    return timingSafeEqual(Buffer.from(secretDigest(secret)), Buffer.from(parts.adminDigest)) ? ADMIN : null;
  }
  if (secret.startsWith(SESSION_PREFIX)) {
    const session = parts.sessions.session(secret, isUse);
    return session === null ? null : principalOfSession(parts.control, session.subject);
  }
  const key = parts.control.keyBySecret(secret);
  return key === null ? null : principalOfKey(key);
}

function bound(rules: PrincipalRules, name: string, by: "bearer" | "certificate"): Authentication {
  const principal = rules.principalOf(name);
  return principal === null ? { kind: "unbound", name } : { kind: "known", principal, by };
}

/** Null when whose it was may do nothing here any more. */
function principalOfSession(control: Control, subject: Subject): Principal | null {
  if (subject.kind === "admin") return ADMIN;
  if (subject.kind === "oidc") return person(`oidc:${subject.name}`, subject.role, subject.scope);
  if (subject.kind === "user") {
    const user = control.users.user(subject.name);
    return user === null ? null : person(`user:${user.name}`, user.role, user.scope);
  }
  const key = control.keys().find(({ name, revokedAt }) => name === subject.name && revokedAt === null);
  return key === undefined ? null : principalOfKey(key);
}

function person(name: string, role: Role, granted: Scope): Principal {
  return {
    name,
    role,
    service: null,
    services: [],
    relay: null,
    log: DEFAULT_LOG,
    quota: NO_QUOTA,
    scope: scopeOf(role, granted),
  };
}

/** Whom a link or a device that somebody let in logs in: himself. Null for who has no login here, as a service. */
export function subjectOf({ name, role, scope }: Principal): Subject | null {
  if (name === ADMIN.name) return { kind: "admin" };
  const [, kind, rest = ""] = /^(user|key|oidc):(.*)$/s.exec(name) ?? [];
  if (kind === "user" || kind === "key") return { kind, name: rest };
  return kind === "oidc" ? { kind, name: rest, role, scope } : null;
}

function principalOfKey({ name, role, service, relay, log, quota, scope }: KeyInfo): Principal {
  return { name: `key:${name}`, role, service, services: [], relay, log, quota, scope: scopeOf(role, scope) };
}
