/**
 * Bearer tokens of other issuers: JWTs (RFC 7519), checked by jose, and their binding to a client certificate (RFC 8705
 * §3.1). A token says who somebody is, never what he may do: `access.principals` does.
 */
import { decodeJwt, errors, jwtVerify } from "jose";
import type { JWTPayload } from "jose";

import type { Clock } from "../clock.ts";
import type { TokenClaims } from "../control/revocation.ts";
import { TallystickError } from "../errors.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import type { KeySet } from "./key-sets.ts";
import { JWT_CLOCK_TOLERANCE_S, MAX_JWT_LENGTH, MAX_PRINCIPAL_BYTES } from "./limits.ts";

export interface JwtIssuer {
  /** Stands in the principal's name. */
  readonly name: string;
  readonly issuer: string;
  readonly audience: readonly string[];
  /** Asymmetric ones only. */
  readonly algorithms: readonly string[];
  /** Whose value is the subject; `sub` as a rule. */
  readonly claim: string;
  /** Takes only tokens that are bound to a client certificate. */
  readonly bound: boolean;
}

export type JwtOutcome =
  | { readonly kind: "named"; readonly principal: string; readonly token: TokenClaims }
  | { readonly kind: "refused"; readonly why: string }
  /** Its keys cannot be had now. */
  | { readonly kind: "unavailable"; readonly issuer: string };

export interface Jwts {
  /** The issuers whose tokens are taken: how they are called here, and what tokens name them by (`iss`). */
  readonly issuers: readonly { readonly name: string; readonly issuer: string }[];
  /** False for what cannot be a JWT of anybody here. */
  looksLikeOne(token: string): boolean;
  verify(token: string, certificate: ClientCertificate | null): Promise<JwtOutcome>;
}

const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export function jwts(issuers: readonly (JwtIssuer & { readonly keys: KeySet })[], clock: Clock): Jwts {
  const byIssuer = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  if (byIssuer.size < issuers.length || new Set(issuers.map(({ name }) => name)).size < issuers.length) {
    throw new TallystickError("config_invalid", "access.jwt: an issuer or its name stands there twice.");
  }
  return {
    issuers: issuers.map(({ name, issuer }) => ({ name, issuer })),
    looksLikeOne: (token) => issuers.length > 0 && token.length <= MAX_JWT_LENGTH && SHAPE.test(token),
    async verify(token, certificate) {
      const issuer = byIssuer.get(issuerOf(token));
      if (issuer === undefined) return refused("Its issuer is not among those in access.jwt.");
      const checked = await check(issuer, token, clock);
      if (checked.kind !== "checked") return checked;
      const why = bindingFault(checked.payload, issuer.bound, certificate);
      return why === null ? nameOf(issuer, checked.payload) : refused(why);
    },
  };
}

const refused = (why: string) => ({ kind: "refused", why }) as const;

/** Unchecked: it only chooses whose keys to check with. */
function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch {
    return "";
  }
}

type Checked =
  | { readonly kind: "checked"; readonly payload: JWTPayload }
  | Exclude<JwtOutcome, { readonly kind: "named" }>;

async function check(issuer: JwtIssuer & { readonly keys: KeySet }, token: string, clock: Clock): Promise<Checked> {
  for (const isFresh of [false, true]) {
    const keys = await issuer.keys.keys(isFresh);
    if (keys === null) return { kind: "unavailable", issuer: issuer.name };
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: issuer.issuer,
        audience: [...issuer.audience],
        algorithms: [...issuer.algorithms],
        clockTolerance: JWT_CLOCK_TOLERANCE_S,
        currentDate: new Date(clock.nowUs() / 1_000),
        requiredClaims: ["exp", issuer.claim],
      });
      return { kind: "checked", payload };
    } catch (error) {
      // The issuer may have a new key since.
      if (!(error instanceof errors.JWKSNoMatchingKey)) return refused(reasonOf(error));
    }
  }
  return refused("No key of its issuer fits it.");
}

/** In words of ours: what jose says may hold a claim's value. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "It has expired.";
  if (error instanceof errors.JWTClaimValidationFailed) return `Its claim ${error.claim} does not hold.`;
  if (error instanceof errors.JOSEAlgNotAllowed) return "Its algorithm is not among those allowed.";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "Its signature is wrong.";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "It does not say which of its issuer's keys signed it.";
  return "It is no signed JWT.";
}

/**
 * A token that is bound to a key is worth nothing without it, so one that is bound in a way that cannot be checked here
 * is refused.
 */
function bindingFault(
  { cnf }: JWTPayload & { readonly cnf?: unknown },
  isRequired: boolean,
  certificate: ClientCertificate | null,
): string | null {
  if (cnf === undefined) return isRequired ? "It is not bound to a client certificate." : null;
  const confirmation = (typeof cnf === "object" ? cnf : null) as Readonly<Record<string, unknown>> | null;
  const methods = Object.keys(confirmation ?? {});
  const thumbprint = confirmation?.["x5t#S256"];
  if (methods.length !== 1 || typeof thumbprint !== "string")
    return "It is bound in another way than to a certificate.";
  if (certificate === null) return "It is bound to a client certificate, and the connection has none.";
  return certificate.thumbprint === thumbprint ? null : "It is bound to another client certificate.";
}

function nameOf({ name, claim }: JwtIssuer, payload: JWTPayload): JwtOutcome {
  const subject = payload[claim];
  const isName = typeof subject === "string" && /^[\x21-\x7e]+$/.test(subject);
  const principal = `jwt:${name}:${String(subject)}`;
  if (!isName || principal.length > MAX_PRINCIPAL_BYTES)
    return refused(`Its claim ${claim} is no name of a principal.`);
  const { jti = null, iat = null } = payload;
  return { kind: "named", principal, token: { issuer: name, jti, subject, issuedAtS: iat } };
}
