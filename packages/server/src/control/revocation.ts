/**
 * JWTs of other issuers that count no more although they have not expired: one by its id, or all of a subject, or of
 * the issuer, that were issued before a time. Kept for ever, since who stole a token may wait.
 */
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { Changes } from "./changes.ts";
import { MAX_REVOCATIONS } from "./limits.ts";

export interface NewRevocation {
  /** The issuer's name in `access.jwt`. */
  readonly issuer: string;
  /** What its tokens, and records of their use, name it by (`iss`); null of what was revoked before that was noted. */
  readonly iss: string | null;
  /** Either the token's `jti` … */
  readonly jti: string | null;
  /** … or a subject, of whom all that was issued before counts no more; both null: all of the issuer. */
  readonly subject: string | null;
  /** RFC 3339; without a token's id only. */
  readonly issuedBefore: string | null;
  readonly reason: string;
}

export interface Revocation extends NewRevocation {
  readonly revokedBy: string;
  readonly revokedAt: string;
}

/** What a token says of itself. */
export interface TokenClaims {
  readonly issuer: string;
  readonly jti: string | null;
  readonly subject: string;
  /** Seconds since 1970; null when it does not say. */
  readonly issuedAtS: number | null;
}

export interface Revocations {
  /** In force when it returns; the same again changes nothing. */
  revoke(by: string, request: NewRevocation): Promise<Revocation>;
  list(): readonly Revocation[];
  covers(token: TokenClaims): boolean;
}

const OPERATION = "revoke credential";
const ISSUER = "tallystick.jwt_issuer";
/** What a use is known by, beside how the issuer is called here. */
export const REVOKED_ISS = "tallystick.jwt_iss";
export const REVOKED_JTI = "tallystick.jwt_id";
export const REVOKED_SUBJECT = "tallystick.jwt_subject";
export const REVOKED_BEFORE = "tallystick.jwt_issued_before";
const REASON = "tallystick.revocation_reason";

export class RevocationBook implements Revocations {
  readonly #revoked: ReadonlyMap<string, Revocation>;
  readonly #changes: Changes;

  constructor(revoked: ReadonlyMap<string, Revocation>, changes: Changes) {
    this.#revoked = revoked;
    this.#changes = changes;
  }

  revoke(by: string, request: NewRevocation): Promise<Revocation> {
    return this.#changes.inTurn(async () => {
      const { issuer, iss, jti, subject, issuedBefore, reason } = request;
      if ((jti === null) !== (issuedBefore !== null) || (jti !== null && subject !== null))
        throw new TallystickError("bad_request", "A revocation names a token's id, or a time, and whose tokens.");
      const key = keyOf(request);
      const known = this.#revoked.get(key);
      if (known !== undefined && (known.issuedBefore ?? "") >= (issuedBefore ?? "")) return known;
      if (known === undefined && this.#revoked.size >= MAX_REVOCATIONS)
        throw new TallystickError("bad_request", `There are ${MAX_REVOCATIONS} revocations already.`, {
          hint: "Revoke a subject's tokens by time, or the issuer's key at the issuer.",
        });
      const optional = {
        ...(iss === null ? {} : { [REVOKED_ISS]: iss }),
        ...(jti === null ? {} : { [REVOKED_JTI]: jti }),
        ...(subject === null ? {} : { [REVOKED_SUBJECT]: subject }),
        ...(issuedBefore === null ? {} : { [REVOKED_BEFORE]: issuedBefore }),
      };
      await this.#changes.record({
        event_type: "CONFIG_CHANGE",
        operation: OPERATION,
        action: "revoke",
        resource: `credential/${key}`,
        auth_subject: by,
        attributes: { [ISSUER]: issuer, [REASON]: reason, ...optional },
      });
      return this.#revoked.get(key)!;
    });
  }

  list(): readonly Revocation[] {
    return [...this.#revoked.values()];
  }

  covers({ issuer, jti, subject, issuedAtS }: TokenClaims): boolean {
    if (jti !== null && this.#revoked.has(keyOf({ issuer, jti, subject: null }))) return true;
    return [subject, null].some((whose) => {
      const before = this.#revoked.get(keyOf({ issuer, jti: null, subject: whose }))?.issuedBefore ?? null;
      // One that does not say when it was issued cannot show that it came after.
      return before !== null && (issuedAtS === null || issuedAtS * 1_000 < Date.parse(before));
    });
  }
}

function keyOf({ issuer, jti, subject }: Pick<NewRevocation, "issuer" | "jti" | "subject">): string {
  if (jti !== null) return `${issuer}/jti/${jti}`;
  return subject === null ? `${issuer}/all` : `${issuer}/subject/${subject}`;
}

/** What a record of the control log revokes; most do nothing. */
export function applyRevocation(revoked: Map<string, Revocation>, record: AuditRecord): void {
  const { [ISSUER]: issuer, [REVOKED_JTI]: jti = null, [REVOKED_SUBJECT]: subject = null } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || record.operation !== OPERATION || issuer === undefined) return;
  const {
    [REVOKED_BEFORE]: issuedBefore = null,
    [REVOKED_ISS]: iss = null,
    [REASON]: reason = "",
  } = record.attributes ?? {};
  const { auth_subject: revokedBy = "", timestamp: revokedAt } = record;
  const revocation = { issuer, iss, jti, subject, issuedBefore, reason, revokedBy, revokedAt };
  revoked.set(keyOf(revocation), revocation);
}
