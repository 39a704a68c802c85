/** One segment file to read, and the pieces of it that every reader needs. */
import { createHmac } from "node:crypto";

import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import { READ_CHUNK_BYTES } from "./limits.ts";

export interface SegmentSource {
  readonly path: string;
  readonly sizeBytes: number;
  /** Exactly the bytes there are, at most `length`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file as it is now; what is appended later is not seen. */
export async function diskSource(disk: Disk, path: string): Promise<SegmentSource> {
  const sizeBytes = await disk.size(path);
  if (sizeBytes === null) throw new TallystickError("disk_failed", `${path} is not there`, { at: { file: path } });
  return { path, sizeBytes, read: (offset, length) => disk.read(path, offset, length) };
}

/** Reads forward in large pieces; what is given out stays valid, since each piece is a buffer of its own. */
export class Window {
  readonly #source: SegmentSource;
  readonly #chunkBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(source: SegmentSource, chunkBytes = READ_CHUNK_BYTES) {
    this.#source = source;
    this.#chunkBytes = chunkBytes;
  }

  /** Bytes from `offset`, fewer than `length` only at the end of the file. */
  async take(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.#offset || offset + length > this.#offset + this.#bytes.length) {
      this.#bytes = await this.#source.read(offset, Math.max(length, this.#chunkBytes));
      this.#offset = offset;
    }
    return this.#bytes.subarray(offset - this.#offset, offset - this.#offset + length);
  }
}

/** HMAC-SHA256 over the first `bodyBytes` of the file and the footer's beginning. */
export async function segmentMac(
  source: SegmentSource,
  integrityKey: Uint8Array,
  bodyBytes: number,
  footerStart: Uint8Array,
): Promise<Uint8Array> {
  const mac = createHmac("sha256", integrityKey);
  for (let at = 0; at < bodyBytes; at += READ_CHUNK_BYTES)
    mac.update(await source.read(at, Math.min(READ_CHUNK_BYTES, bodyBytes - at)));
  return mac.update(footerStart).digest();
}
