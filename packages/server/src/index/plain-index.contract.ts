/** The embedded engine's files, opened: for tests that look for what must not be there any more. */
import { createDecipheriv } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { zstdDecompress } from "../intake/zstd.ts";

/**
 * Every file below the index's folder, decrypted, and decompressed where it is compressed; Latin-1, so that any bytes
 * are a text.
 */
export async function plainIndex(folder: string, key: Uint8Array | null): Promise<string> {
  const texts: string[] = [];
  for (const { path, bytes } of await filesOf(folder)) {
    const plain = key === null ? bytes : decrypted(bytes, key);
    texts.push(plain.toString("latin1"));
    if (isCompressed(path)) texts.push((await decompressed(path, plain)).toString("latin1"));
  }
  return texts.join("\n");
}

export interface LyingFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** As they lay there all at one time: where one goes while they are read, all are read again. No folder has none. */
export async function filesOf(folder: string): Promise<readonly LyingFile[]> {
  if (!existsSync(folder)) return [];
  for (let time = 0; time < MAX_TIMES; time += 1) {
    const files = await filesAtOnce(folder);
    if (files !== null) return files;
  }
  throw new Error(`${folder} does not stand still`);
}

const MAX_TIMES = 100;

async function filesAtOnce(folder: string): Promise<readonly LyingFile[] | null> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files: LyingFile[] = [];
    // One after another: parts have dozens of files each, and a process may open only so many at once.
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name);
      files.push({ path, bytes: await readFile(path) });
    }
    return files;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** ClickHouse's encrypted file: a header of 64 bytes with magic and initial counter, then AES-256-CTR. */
const ENCRYPTED_HEADER_BYTES = 64;
const COUNTER_AT = 23;
const COUNTER_BYTES = 16;

function decrypted(bytes: Buffer, key: Uint8Array): Buffer {
  if (bytes.toString("latin1", 0, 3) !== "ENC") return bytes;
  if (bytes.length < ENCRYPTED_HEADER_BYTES) return Buffer.alloc(0);
  const counter = bytes.subarray(COUNTER_AT, COUNTER_AT + COUNTER_BYTES);
  const cipher = createDecipheriv("aes-256-ctr", key, counter);
  return Buffer.concat([cipher.update(bytes.subarray(ENCRYPTED_HEADER_BYTES)), cipher.final()]);
}

/** Columns, marks, the primary key and skip indexes; not ranges of a partition nor posting lists, which are bare numbers. */
function isCompressed(path: string): boolean {
  const name = basename(path);
  if (name.startsWith("minmax_") || name.endsWith(".pst.idx")) return false;
  return /\.(?:bin|cmrk\d*|cidx|idx2?)$/.test(name);
}

/** ClickHouse's compressed file: blocks of checksum (16), method, size with this head (9 bytes), size of the plain text. */
const CHECKSUM_BYTES = 16;
const BLOCK_HEAD_BYTES = 9;
const METHODS = { lz4: 0x82, none: 0x02, multiple: 0x91 } as const;

/** Whole blocks only: the last one of a file that is being written may be cut. */
async function decompressed(path: string, bytes: Buffer): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = 0; at + CHECKSUM_BYTES + BLOCK_HEAD_BYTES <= bytes.length;) {
    const head = at + CHECKSUM_BYTES;
    const [method, size, plainSize] = [bytes[head]!, bytes.readUInt32LE(head + 1), bytes.readUInt32LE(head + 5)];
    if (head + size > bytes.length) break;
    const plain = await openBlock(method, bytes.subarray(head + BLOCK_HEAD_BYTES, head + size), plainSize);
    if (plain === null) {
      const begin = bytes.toString("hex", at, at + 48);
      throw new Error(`${path}: the block at ${at} of ${bytes.length} bytes does not open: ${begin}`);
    }
    parts.push(plain);
    at = head + size;
  }
  return Buffer.concat(parts);
}

async function openBlock(method: number, body: Buffer, plainSize: number): Promise<Buffer | null> {
  if (method === METHODS.none) return body;
  if (method === METHODS.lz4) return lz4(body, plainSize);
  if (method === METHODS.multiple) return multiple(body);
  const outcome = await zstdDecompress(body, plainSize);
  return outcome.kind === "bytes" ? Buffer.from(outcome.bytes) : null;
}

/** `Delta(8), ZSTD(1)`: how many codecs, which, then a block of the last one. Numbers only, so the inner block will do. */
async function multiple(body: Buffer): Promise<Buffer | null> {
  const inner = body.subarray(1 + body[0]!);
  const [method, size, plainSize] = [inner[0]!, inner.readUInt32LE(1), inner.readUInt32LE(5)];
  return openBlock(method, inner.subarray(BLOCK_HEAD_BYTES, size), plainSize);
}

function lz4(body: Buffer, plainSize: number): Buffer {
  const plain = Buffer.alloc(plainSize);
  let [at, to] = [0, 0];
  const length = (nibble: number): number => {
    let sum = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255;) sum += more = body[at++]!;
    return sum;
  };
  while (at < body.length) {
    const token = body[at++]!;
    const literals = length(token >> 4);
    body.copy(plain, to, at, at + literals);
    [at, to] = [at + literals, to + literals];
    if (at >= body.length) break;
    const distance = body.readUInt16LE(at);
    at += 2;
    const copies = length(token & 15) + 4;
    for (let count = 0; count < copies; count++, to++) plain[to] = plain[to - distance]!;
  }
  return plain;
}
