/**
 * The default KMS: 32-byte keys in a file, each 64 lower-case hex digits and a newline; the first one wraps, a second
 * one is there only while data keys are moved to the first. It guarantees that a wrapped key opens only under the same
 * key and the same context. A key beside the data protects copies of the data that leave without it, not the machine.
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";

import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import type { Kms } from "./kms.ts";
import { KEY_BYTES, MIN_DISTINCT_KEY_BYTES, NONCE_BYTES, TAG_BYTES, WRAP_VERSION } from "./limits.ts";

type RandomBytes = (size: number) => Uint8Array;

const CIPHER = "aes-256-gcm";
const KEY_FILE_PATTERN = /^(?:[0-9a-f]{64}\n){1,2}$/;
/** `kms.key.retired-<16 hex digits>`: a key that only backups are wrapped under. */
const RETIRED = ".retired-";

/** Null when the file is absent; TallystickError `key_unavailable` when it is not a key. */
export async function openFileKms(disk: Disk, path: string, randomBytes: RandomBytes): Promise<FileKms | null> {
  const keys = await readKeys(disk, path);
  return keys === null ? null : new FileKms(keys, randomBytes, { disk, path });
}

/** Makes the key and its file; durable when it returns. */
export async function createFileKms(disk: Disk, path: string, randomBytes: RandomBytes): Promise<Kms> {
  const kms = new FileKms([fileKey(randomBytes(KEY_BYTES), path)], randomBytes, { disk, path });
  await kms.store();
  return kms;
}

/** One that is kept nowhere, for tests and the journal in memory. */
export function kmsOf(key: Uint8Array, randomBytes: RandomBytes, where = "the KMS key"): FileKms {
  return new FileKms([fileKey(key, where)], randomBytes, null);
}

/** Keys beside a key file that `retire` put away; names without the folder. */
export function isRetiredKeyFile(name: string, keyFile: string): boolean {
  return name.startsWith(`${keyFile}${RETIRED}`) && /^[0-9a-f]{16}$/.test(name.slice(keyFile.length + RETIRED.length));
}

interface FileKey {
  readonly id: string;
  readonly key: Uint8Array;
}

interface Place {
  readonly disk: Disk;
  readonly path: string;
}

class FileKms implements Kms {
  readonly #randomBytes: RandomBytes;
  readonly #place: Place | null;
  #keys: readonly FileKey[];

  constructor(keys: readonly FileKey[], randomBytes: RandomBytes, place: Place | null) {
    this.#keys = keys;
    this.#randomBytes = randomBytes;
    this.#place = place;
  }

  get keyId(): string {
    return this.#keys[0]!.id;
  }

  /** The one that wraps first. */
  get keyIds(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  async wrap(plain: Uint8Array, context: string): Promise<Uint8Array> {
    const nonce = this.#randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#keys[0]!.key, nonce).setAAD(Buffer.from(context, "utf8"));
    return Buffer.concat([
      Uint8Array.of(WRAP_VERSION),
      nonce,
      cipher.update(plain),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
  }

  async unwrap(wrapped: Uint8Array, context: string, keyId: string): Promise<Uint8Array> {
    if (wrapped[0] !== WRAP_VERSION || wrapped.length < 1 + NONCE_BYTES + TAG_BYTES)
      throw keyError("a wrapped key has a form that this version does not know");
    const key = await this.#find(keyId);
    try {
      const decipher = createDecipheriv(CIPHER, key, wrapped.subarray(1, 1 + NONCE_BYTES));
      decipher.setAAD(Buffer.from(context, "utf8")).setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES));
      return Buffer.concat([decipher.update(wrapped.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw keyError(`a wrapped key does not open under ${keyId}`, undefined, cause);
    }
  }

  async rotate(): Promise<void> {
    const before = this.#keys;
    const next = fileKey(this.#randomBytes(KEY_BYTES), this.#place?.path ?? "the new key");
    if (before.length > 1) throw keyError("an earlier rotation is not finished: rewrap first");
    this.#keys = [next, ...before];
    try {
      await this.store();
    } catch (error) {
      this.#keys = before;
      throw error;
    }
  }

  async retire(): Promise<void> {
    const [current, before] = this.#keys;
    if (before === undefined) return;
    if (this.#place !== null) {
      const { disk, path } = this.#place;
      await disk.replaceFile(`${path}${RETIRED}${before.id.slice("file:".length)}`, textOf([before]));
    }
    this.#keys = [current!];
    await this.store();
  }

  async close(): Promise<void> {}

  /** Durable when it returns. */
  async store(): Promise<void> {
    if (this.#place !== null) await this.#place.disk.replaceFile(this.#place.path, textOf(this.#keys));
  }

  /** A key that is not known may have been made by another process since. */
  async #find(keyId: string): Promise<Uint8Array> {
    const known = this.#keys.find(({ id }) => id === keyId);
    if (known !== undefined) return known.key;
    const read = this.#place === null ? null : await readKeys(this.#place.disk, this.#place.path);
    const added = read?.find(({ id }) => id === keyId);
    if (added === undefined) throw keyError(`a key is wrapped under ${keyId}, and here is ${this.keyId}`);
    this.#keys = read!;
    return added.key;
  }
}
export type { FileKms };

async function readKeys(disk: Disk, path: string): Promise<readonly FileKey[] | null> {
  const bytes = await disk.readFile(path);
  if (bytes === null) return null;
  const text = Buffer.from(bytes).toString("latin1");
  if (!KEY_FILE_PATTERN.test(text))
    throw keyError(`${path} is not a key file: expected 64 lower-case hex digits and a newline`, path);
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => fileKey(Buffer.from(line, "hex"), path));
}

function textOf(keys: readonly FileKey[]): Uint8Array {
  return Buffer.from(keys.map(({ key }) => `${Buffer.from(key).toString("hex")}\n`).join(""), "latin1");
}

function fileKey(key: Uint8Array, where: string): FileKey {
  if (key.length !== KEY_BYTES || new Set(key).size < MIN_DISTINCT_KEY_BYTES)
    throw keyError(`${where} is not 32 random bytes`, where);
  return { key, id: `file:${createHash("sha256").update(key).digest("hex").slice(0, 16)}` };
}

function keyError(message: string, file?: string, cause?: unknown): TallystickError {
  return new TallystickError("key_unavailable", message, {
    cause,
    hint: "Give the KMS key that this folder was made with (kms.file).",
    ...(file === undefined ? {} : { at: { file } }),
  });
}
