/** What batch signatures are made and checked with. */
import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { batchSignedBytes } from "@tallystick/record";
import type { BatchSignature } from "@tallystick/record";

import { BATCH_PREFIX, makeSecret } from "./secret.ts";

/** The name of an HMAC key's secret in the keyring. */
export function secretNameOf(kid: string): string {
  return `batch.${kid}`;
}

/** The 32 bytes that the keyring holds, as the text that a producer is given. The HMAC key is the text's ASCII. */
export function batchSecret(bytes: Uint8Array): string {
  return makeSecret(BATCH_PREFIX, () => bytes);
}

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
/** Reading a key costs as much as checking a signature with it. */
const MAX_KNOWN_KEYS = 1_000;
const known = new Map<string, KeyObject>();

/** `key`: the 32 bytes of an Ed25519 public key, or the ASCII of an HMAC secret. */
export function isSignatureOf({ claim, signature }: BatchSignature, key: Uint8Array): boolean {
  const message = batchSignedBytes(claim);
  if (claim.alg === "hmac-sha256") {
    const expected = createHmac("sha256", key).update(message).digest();
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  }
  return verify(null, message, publicKeyOf(key), signature);
}

function publicKeyOf(key: Uint8Array): KeyObject {
  const name = Buffer.from(key).toString("latin1");
  const found = known.get(name);
  if (found !== undefined) return found;
  if (known.size === MAX_KNOWN_KEYS) known.clear();
  const made = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key]), format: "der", type: "spki" });
  known.set(name, made);
  return made;
}
