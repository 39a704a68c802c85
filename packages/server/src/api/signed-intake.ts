/**
 * The `Tallystick-Signature` of an intake request: its form and key before the records are looked at, what the log
 * keeps of it after, and a record of every attempt with a wrong one.
 */
import { parseBatchSignature } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import { REVOKED_USE } from "../access/incidents.ts";
import type { Incidents } from "../access/incidents.ts";
import type { BatchKeyInfo, BatchKeys } from "../control/batch-key.ts";
import { TallystickError } from "../errors.ts";
import { batchSignatureRecord, refusedSignatureFields } from "../intake/batch-signature-record.ts";
import type { IntakeRequest } from "../intake/intake.ts";
import type { SignedRequest } from "../intake/signed-batch.ts";
import type { OwnFields } from "../control/own-record.ts";

export const SIGNATURE_HEADER = "tallystick-signature";

export interface SignedIntakeParts {
  readonly keys: BatchKeys;
  /** The HMAC secret of a key, as its producer was given it. */
  secret(kid: string): Promise<Uint8Array>;
  readonly incidents: Pick<Incidents, "note">;
  /** Writes a record of Tallystick's own into a log. */
  tell(log: string, fields: OwnFields): Promise<void>;
}

/** A request's signature, of the right form and by a key that may sign. */
export interface Signed {
  readonly text: string;
  readonly key: BatchKeyInfo;
  readonly request: SignedRequest;
}

export interface Attempt {
  readonly log: string;
  readonly principal: string;
  readonly address: string;
}

/** Null when the request has none. TallystickError `signature_invalid`, recorded, for one that cannot be right. */
export async function signedOf(
  parts: SignedIntakeParts,
  header: string | readonly string[] | undefined,
  format: IntakeRequest["format"],
  attempt: Attempt,
): Promise<Signed | null> {
  if (header === undefined) return null;
  if (typeof header !== "string") return refuse(parts, attempt, null, "the header comes twice");
  const text = header.trim();
  const parsed = parseBatchSignature(text);
  if (parsed.kind === "refused") return refuse(parts, attempt, null, parsed.reason);
  const { claim, signature } = parsed.value;
  const key = parts.keys.find(claim.kid);
  if (format.startsWith("otlp")) return refuse(parts, attempt, claim.kid, "signed batches go to POST /v1/records");
  if (key === null) return refuse(parts, attempt, claim.kid, "there is no batch key of its kid");
  if (key.revokedAt !== null) {
    const { principal, address } = attempt;
    await parts.incidents.note({ kind: REVOKED_USE, principal, about: key.kid, answer: "refused", count: 1, address });
    return refuse(parts, attempt, claim.kid, "its key was revoked");
  }
  if (key.alg !== claim.alg) return refuse(parts, attempt, claim.kid, `its key is for ${key.alg}`);
  const bytes = key.publicKey === null ? await parts.secret(key.kid) : Buffer.from(key.publicKey, "base64");
  return { text, key, request: { claim, signature, key: bytes, service: key.service } };
}

/** Records the attempt, then throws. */
export async function refuse(
  parts: SignedIntakeParts,
  { log, principal, address }: Attempt,
  kid: string | null,
  reason: string,
): Promise<never> {
  await parts.tell(log, refusedSignatureFields(principal, address, kid, reason));
  throw new TallystickError("signature_invalid", `Tallystick-Signature: ${reason}.`);
}

/** What is stored with the batch. */
export function keptOf({ text, key }: Signed, at: string): readonly AuditRecord[] {
  return [batchSignatureRecord(text, key, at)];
}
