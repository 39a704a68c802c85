import { timingSafeEqual } from "node:crypto";

import type { Control, KeyInfo } from "../control/control.ts";
import { ADMIN_PREFIX, isWellFormedSecret, secretDigest } from "../control/secret.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Principal } from "./access.ts";
import { scopeOf } from "./permissions.ts";
import type { Sessions } from "./sessions.ts";
import type { Throttle } from "./throttle.ts";

/** The log that records go to when a key does not say otherwise. */
export const DEFAULT_LOG = "default";

export interface AccessParts {
  readonly control: Control;
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  /** SHA-256 of the administrator's token. */
  readonly adminDigest: string;
}

export interface Credentials {
  readonly authorization: string | undefined;
  readonly sessionToken: string | undefined;
  readonly address: string;
}

export type Authentication =
  | { readonly kind: "known"; readonly principal: Principal; readonly by: "bearer" | "session" }
  /** No credentials were sent. */
  | { readonly kind: "anonymous" }
  /** Credentials were sent and open nothing. */
  | { readonly kind: "refused" }
  | { readonly kind: "throttled"; readonly retryAfterS: number };

/** Says who is asking. An Authorization header wins over a cookie, and a wrong one is never saved by a cookie. */
export function authenticate(parts: AccessParts, credentials: Credentials): Authentication {
  const { authorization, sessionToken, address } = credentials;
  if (authorization !== undefined) {
    const principal = byBearer(parts, authorization);
    return principal === null ? failure(parts.throttle, address) : { kind: "known", principal, by: "bearer" };
  }
  if (sessionToken === undefined) return { kind: "anonymous" };
  const session = parts.sessions.session(sessionToken);
  // A session that has ended is no attack: the browser merely kept its cookie.
  if (session === null) return { kind: "anonymous" };
  return { kind: "known", principal: { ...ADMIN, name: session.name }, by: "session" };
}

const ADMIN: Principal = {
  name: "admin",
  role: "admin",
  service: null,
  relay: null,
  log: DEFAULT_LOG,
  scope: WHOLE_SCOPE,
};

function failure(throttle: Throttle, address: string): Authentication {
  const retryAfterS = throttle.failed(address);
  return retryAfterS === null ? { kind: "refused" } : { kind: "throttled", retryAfterS };
}

function byBearer(parts: AccessParts, authorization: string): Principal | null {
  const secret = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (secret === undefined || !isWellFormedSecret(secret)) return null;
  if (secret.startsWith(ADMIN_PREFIX)) {
    return timingSafeEqual(Buffer.from(secretDigest(secret)), Buffer.from(parts.adminDigest)) ? ADMIN : null;
  }
  const key = parts.control.keyBySecret(secret);
  return key === null ? null : principalOf(key);
}

function principalOf({ name, role, service, relay, log, scope }: KeyInfo): Principal {
  return { name: `key:${name}`, role, service, relay, log, scope: scopeOf(role, scope) };
}
