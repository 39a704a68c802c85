/**
 * Keys with which services sign their batches: those that the log's own records name, and HMAC secrets that the
 * verifier was given. An HMAC is checked with the secret only, an Ed25519 signature with the public key.
 */
import { batchSignedBytes } from "@tallystick/record";
import type { BatchSignature, Leaf } from "@tallystick/record";
import { decodeBase64, ed25519Verifier, equalBytes, sha256 } from "@tallystick/tlog";
import type { SignatureVerdict } from "./producer-check.ts";
import { VerifyTrouble } from "./result.ts";

export const BATCH_KEY_CREATED = "create batch key";
export const BATCH_KID_ATTRIBUTE = "tallystick.batch_kid";
export const BATCH_ALG_ATTRIBUTE = "tallystick.batch_alg";
export const BATCH_PUBLIC_KEY_ATTRIBUTE = "tallystick.batch_public_key";

/** What the control log says of a key. */
export interface LoggedBatchKey {
  readonly kid: string;
  readonly alg: string;
  /** Base64 of 32 bytes; null for HMAC. */
  readonly publicKey: string | null;
}

/** The key that a leaf of the control log makes; null for every other leaf. Only the log's own records count. */
export function batchKeyOf({ record, observed }: Pick<Leaf, "record" | "observed">): LoggedBatchKey | null {
  const isOwn = observed.principal === "tallystick" && observed.intake === "tallystick";
  if (!isOwn || record.event_type !== "CONFIG_CHANGE" || record.operation !== BATCH_KEY_CREATED) return null;
  const { [BATCH_KID_ATTRIBUTE]: kid, [BATCH_ALG_ATTRIBUTE]: alg } = record.attributes ?? {};
  if (kid === undefined || alg === undefined) return null;
  return { kid, alg, publicKey: record.attributes?.[BATCH_PUBLIC_KEY_ATTRIBUTE] ?? null };
}

export interface KnownBatchKeys {
  readonly logged: ReadonlyMap<string, LoggedBatchKey>;
  /** HMAC secrets by kid, as text (`tsh_…`). */
  readonly secrets: ReadonlyMap<string, string>;
}

/** `publicKey` is what the record of the signature says, and must be what the control log says of that key. */
export async function signatureVerdict(
  { logged, secrets }: KnownBatchKeys,
  { claim, signature }: BatchSignature,
  publicKey: string | null,
): Promise<SignatureVerdict> {
  const known = logged.get(claim.kid);
  if (known !== undefined && (known.alg !== claim.alg || known.publicKey !== publicKey)) return "wrong";
  const message = batchSignedBytes(claim);
  if (claim.alg === "ed25519") {
    const key = decodeBase64(publicKey ?? "");
    if (key?.length !== 32) return "wrong";
    return (await ed25519Verifier("batch", key).verify(message, signature)) ? "right" : "wrong";
  }
  const secret = secrets.get(claim.kid);
  if (secret === undefined) return "unknown key";
  return equalBytes(hmacSha256(new TextEncoder().encode(secret), message), signature) ? "right" : "wrong";
}

const LINE = /^([A-Za-z0-9_-]{1,64})\s+(tsh_\S+)$/;

/** A file of HMAC secrets: one line a key, its id and the secret. Its text is in no error. */
export function parseBatchSecrets(text: string): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>();
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, kid, secret] = LINE.exec(line.trim()) ?? [];
    if (kid === undefined || secret === undefined)
      throw new VerifyTrouble(`line ${at + 1} of the secrets is not a key's id, a space and its secret (bsk_… tsh_…)`);
    secrets.set(kid, secret);
  }
  return secrets;
}

const BLOCK_BYTES = 64;

/** RFC 2104. */
function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key.length > BLOCK_BYTES ? sha256(key) : key);
  const inner = sha256(joined(masked(block, 0x36), message));
  return sha256(joined(masked(block, 0x5c), inner));
}

function masked(block: Uint8Array, mask: number): Uint8Array {
  return block.map((byte) => byte ^ mask);
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
