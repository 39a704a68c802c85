/**
 * A producer's signature over a batch of records (docs/formats/batch-signature.md): text, and the bytes that are
 * signed. Reading is strict, so that one signature has one text. Hashing and keys are the caller's.
 */
import { canonicalOf } from "./canonical.ts";
import { LIMITS } from "./limits.ts";
import { decodeUtf8, encodeUtf8, utf8Length } from "./utf8.ts";

export const BATCH_ALGORITHMS = ["ed25519", "hmac-sha256"] as const;
export type BatchAlgorithm = (typeof BATCH_ALGORITHMS)[number];

/** What is signed. Records first_seq … last_seq of one producer's run, and the root over their digests. */
export interface BatchClaim {
  readonly alg: BatchAlgorithm;
  readonly first_seq: number;
  /** Id of the key. */
  readonly kid: string;
  readonly last_seq: number;
  readonly producer_epoch: string;
  readonly producer_id: string;
  /** 64 hex digits: RFC 6962 root over SHA-256 of each canonical record, in the order of their numbers. */
  readonly root: string;
}

export interface BatchSignature {
  readonly claim: BatchClaim;
  /** 64 bytes of Ed25519, or 32 of HMAC. */
  readonly signature: Uint8Array;
}

export type ParsedBatchSignature =
  | { readonly kind: "ok"; readonly value: BatchSignature }
  | { readonly kind: "refused"; readonly reason: string };

const VERSION = "v1";
const DOMAIN = "tallystick batch signature v1\n";
const MEMBERS = ["alg", "first_seq", "kid", "last_seq", "producer_epoch", "producer_id", "root"];
const KID = /^[A-Za-z0-9_-]{1,64}$/;
const ROOT = /^[0-9a-f]{64}$/;
const SIGNATURE_BYTES: Readonly<Record<BatchAlgorithm, number>> = { ed25519: 64, "hmac-sha256": 32 };
const MAX_NAME_BYTES = 256;
const MAX_EPOCH_BYTES = 64;
const MAX_TEXT_LENGTH = 4_096;

/** The bytes that the key signs: a line that says what this is, then the claim as RFC 8785 text. */
export function batchSignedBytes(claim: BatchClaim): Uint8Array {
  return encodeUtf8(DOMAIN + claimText(claim));
}

/** `v1.<claim>.<signature>`, both base64url without padding. */
export function formatBatchSignature({ claim, signature }: BatchSignature): string {
  const reason = faultOf(claim, signature);
  if (reason !== null) throw new TypeError(`not a batch signature: ${reason}`);
  return `${VERSION}.${toBase64url(encodeUtf8(claimText(claim)))}.${toBase64url(signature)}`;
}

/** Of a header or a record; never throws. */
export function parseBatchSignature(text: string): ParsedBatchSignature {
  if (text.length > MAX_TEXT_LENGTH) return refused("it is too long");
  const [version, encodedClaim, encodedSignature, ...more] = text.split(".");
  if (version !== VERSION || encodedClaim === undefined || encodedSignature === undefined || more.length > 0)
    return refused("it is not v1.<claim>.<signature>");
  const claimBytes = fromBase64url(encodedClaim);
  const signature = fromBase64url(encodedSignature);
  if (claimBytes === null || signature === null) return refused("its parts are not base64url without padding");
  const claim = claimOf(claimBytes);
  if (claim === null) return refused("its claim is not the canonical JSON of exactly the members of a claim");
  const reason = faultOf(claim, signature);
  return reason === null ? { kind: "ok", value: { claim, signature } } : refused(reason);
}

function claimText(claim: BatchClaim): string {
  return canonicalOf(claim);
}

function claimOf(bytes: Uint8Array): BatchClaim | null {
  try {
    const text = decodeUtf8(bytes);
    const claim = JSON.parse(text) as BatchClaim;
    if (typeof claim !== "object" || claim === null || Array.isArray(claim)) return null;
    const isWhole = Object.keys(claim).join() === MEMBERS.join() && canonicalOf(claim) === text;
    return isWhole ? claim : null;
  } catch {
    return null;
  }
}

function faultOf(claim: BatchClaim, signature: Uint8Array): string | null {
  if (!BATCH_ALGORITHMS.includes(claim.alg)) return `its alg is none of ${BATCH_ALGORITHMS.join(", ")}`;
  if (!isText(claim.kid) || !KID.test(claim.kid)) return "its kid is no key's id";
  if (!isText(claim.root) || !ROOT.test(claim.root)) return "its root is not 64 lower-case hex digits";
  if (!isName(claim.producer_id, MAX_NAME_BYTES)) return "its producer_id is empty or too long";
  if (!isName(claim.producer_epoch, MAX_EPOCH_BYTES)) return "its producer_epoch is empty or too long";
  const { first_seq: first, last_seq: last } = claim;
  if (!isNumber(first) || !isNumber(last) || first > last) return "its first_seq and last_seq are no range";
  if (last - first >= LIMITS.batchRecords) return `it is over more than ${LIMITS.batchRecords} records`;
  return signature.length === SIGNATURE_BYTES[claim.alg] ? null : `its signature has no length of ${claim.alg}`;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isName = (value: unknown, maxBytes: number): boolean =>
  isText(value) && value !== "" && utf8Length(value) <= maxBytes;

function refused(reason: string): ParsedBatchSignature {
  return { kind: "refused", reason };
}

function toBase64url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Null for anything but what `toBase64url` writes. */
function fromBase64url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return toBase64url(bytes) === text ? bytes : null;
}
