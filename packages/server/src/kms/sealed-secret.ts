/**
 * A secret that somebody else gave out (of a channel, a provider) and that has to be told again: sealed under a data
 * key of its own, which nothing else is under, so that it is gone with its file (docs/formats/keys.md).
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

import { NONCE_BYTES, TAG_BYTES } from "./limits.ts";

const CIPHER = "aes-256-gcm";
const PREFIX = "secret.";

/** The name of the data key. */
export function secretKeyName(name: string): string {
  return `${PREFIX}${name}`;
}

/** The secret's name, of a data key's; null when it is no secret's. */
export function secretNameIn(keyName: string): string | null {
  return keyName.startsWith(PREFIX) ? keyName.slice(PREFIX.length) : null;
}

/** Nonce, ciphertext and tag in base64. `key`: 32 bytes that seal this and nothing else. */
export function sealSecret(key: Uint8Array, name: string, secret: string, nonce: Uint8Array): string {
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(contextOf(name));
  const body = [cipher.update(secret, "utf8"), cipher.final()];
  return Buffer.concat([nonce, ...body, cipher.getAuthTag()]).toString("base64");
}

/** Throws when it does not open. */
export function openSecret(key: Uint8Array, name: string, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64");
  const cipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES)).setAAD(contextOf(name));
  cipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const body = cipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES));
  return Buffer.concat([body, cipher.final()]).toString("utf8");
}

function contextOf(name: string): Uint8Array {
  return Buffer.from(`tallystick secret v1\n${name}`);
}
