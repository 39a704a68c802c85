/**
 * The default KMS: one 32-byte key in a file, 64 lower-case hex digits and a newline. It guarantees that a wrapped key
 * opens only under the same key and the same context. A key beside the data protects copies of the data that leave
 * without it, not the machine.
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";

import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import type { Kms } from "./kms.ts";
import { KEY_BYTES, MIN_DISTINCT_KEY_BYTES } from "./limits.ts";

type RandomBytes = (size: number) => Uint8Array;

const CIPHER = "aes-256-gcm";
const WRAP_VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_FILE_PATTERN = /^[0-9a-f]{64}\n$/;

/** Null when the file is absent; TallystickError `key_unavailable` when it is not a key. */
export async function openFileKms(disk: Disk, path: string, randomBytes: RandomBytes): Promise<Kms | null> {
  const bytes = await disk.readFile(path);
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString("latin1");
  if (!KEY_FILE_PATTERN.test(text))
    throw keyError(`${path} is not a key file: expected 64 lower-case hex digits and a newline`, path);
  return kmsOf(Buffer.from(text.trimEnd(), "hex"), randomBytes, path);
}

/** Makes the key and its file; durable when it returns. */
export async function createFileKms(disk: Disk, path: string, randomBytes: RandomBytes): Promise<Kms> {
  const key = randomBytes(KEY_BYTES);
  const kms = kmsOf(key, randomBytes, path);
  await disk.replaceFile(path, Buffer.from(`${Buffer.from(key).toString("hex")}\n`, "latin1"));
  return kms;
}

export function kmsOf(key: Uint8Array, randomBytes: RandomBytes, where = "the KMS key"): Kms {
  if (key.length !== KEY_BYTES || new Set(key).size < MIN_DISTINCT_KEY_BYTES)
    throw keyError(`${where} is not 32 random bytes`, where);
  const keyId = `file:${createHash("sha256").update(key).digest("hex").slice(0, 16)}`;
  return {
    keyId,
    async wrap(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(context, "utf8"));
      return Buffer.concat([
        Uint8Array.of(WRAP_VERSION),
        nonce,
        cipher.update(plain),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
    },
    async unwrap(wrapped, context) {
      if (wrapped[0] !== WRAP_VERSION || wrapped.length < 1 + NONCE_BYTES + TAG_BYTES)
        throw keyError("a wrapped key has a form that this version does not know");
      try {
        const decipher = createDecipheriv(CIPHER, key, wrapped.subarray(1, 1 + NONCE_BYTES));
        decipher.setAAD(Buffer.from(context, "utf8")).setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES));
        return Buffer.concat([decipher.update(wrapped.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch (cause) {
        throw keyError(`a wrapped key does not open under ${keyId}`, undefined, cause);
      }
    },
  };
}

function keyError(message: string, file?: string, cause?: unknown): TallystickError {
  return new TallystickError("key_unavailable", message, {
    cause,
    hint: "Give the KMS key that this folder was made with (kms.file).",
    ...(file === undefined ? {} : { at: { file } }),
  });
}
