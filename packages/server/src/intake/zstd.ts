import * as zlib from "node:zlib";
import { decompress as wasmDecompress, init } from "@bokuweb/zstd-wasm";

import { MAX_ZSTD_FRAMES, ZSTD_BLOCK_MAX_BYTES } from "./limits.ts";
import { malformed, tooLarge, type Refused } from "./refused.ts";

/** Node's own zstd, from 22.15 on. */
type NativeZstd = (body: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;
const native = (zlib as { readonly zstdDecompressSync?: NativeZstd }).zstdDecompressSync;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;

interface Frame {
  readonly start: number;
  readonly end: number;
  /** What it decompresses to at most: the declared size, or what its blocks can hold. */
  readonly boundBytes: number;
  readonly declared: boolean;
}

let ready: Promise<void> | undefined;

/** Once in a process: begun again, the decoder would lose its memory and refuse what is whole. */
export function startZstd(): Promise<void> {
  return (ready ??= init());
}

/**
 * Decompresses zstd. The WebAssembly decoder allocates what a frame declares, so the frames are measured here first:
 * a body that declares or can hold more than the limit is refused before a byte of it is decompressed.
 */
export async function zstdDecompress(body: Uint8Array, maxBytes: number): Promise<Outcome> {
  const frames = measure(body);
  if (frames === null) return broken;
  if (frames.reduce((sum, frame) => sum + (frame.declared ? frame.boundBytes : 0), 0) > maxBytes)
    return tooLarge(maxBytes);
  try {
    if (native !== undefined) return { kind: "bytes", bytes: native(body, { maxOutputLength: maxBytes }) };
    await startZstd();
    return decodeFrames(body, frames, maxBytes);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(maxBytes) : broken;
  }
}

const broken = malformed("the body is not valid zstd");
type Outcome = { readonly kind: "bytes"; readonly bytes: Uint8Array } | Refused;

function decodeFrames(body: Uint8Array, frames: readonly Frame[], maxBytes: number): Outcome {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (const frame of frames) {
    const room = maxBytes - total;
    // A frame without a declared size gets one byte more than is left, so that "does not fit" and "is broken" differ.
    const heapBytes = Math.max(1, Math.min(frame.boundBytes, room + 1));
    const part = decodeFrame(body.subarray(frame.start, frame.end), heapBytes);
    if (part === null) return frame.boundBytes > heapBytes ? tooLarge(maxBytes) : broken;
    total += part.byteLength;
    if (total > maxBytes) return tooLarge(maxBytes);
    parts.push(part);
  }
  return { kind: "bytes", bytes: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts) };
}

function decodeFrame(frame: Uint8Array, heapBytes: number): Uint8Array | null {
  try {
    return wasmDecompress(frame, { defaultHeapSize: heapBytes });
  } catch {
    return null;
  }
}

/**
 * Walks frame and block headers (RFC 8878 §3.1) without decompressing; null when they do not add up. Skippable frames
 * are left out.
 */
function measure(body: Uint8Array): readonly Frame[] | null {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const frames: Frame[] = [];
  let position = 0;
  try {
    for (let count = 0; position < body.byteLength; count++) {
      if (count === MAX_ZSTD_FRAMES) return null;
      const magic = view.getUint32(position, true);
      if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
        position += 8 + view.getUint32(position + 4, true);
        continue;
      }
      if (magic !== FRAME_MAGIC) return null;
      const frame = measureFrame(view, position);
      frames.push(frame);
      position = frame.end;
    }
  } catch {
    return null;
  }
  return position === body.byteLength && frames.length > 0 ? frames : null;
}

function measureFrame(view: DataView, start: number): Frame {
  const descriptor = view.getUint8(start + 4);
  const single = (descriptor & 0x20) !== 0;
  let position = start + 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number);
  const sizeFlag = descriptor >> 6;
  const declared = sizeFlag > 0 || single;
  const declaredBytes = declared ? contentSize(view, position, sizeFlag) : 0;
  position += sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag;
  let blockBytes = 0;
  for (;;) {
    const header = view.getUint16(position, true) | (view.getUint8(position + 2) << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    position += 3 + (type === 1 ? 1 : size);
    blockBytes += type === 2 ? ZSTD_BLOCK_MAX_BYTES : size;
    if (type === 3) throw new RangeError("reserved block type");
    if ((header & 1) === 1) break;
  }
  if ((descriptor & 4) !== 0) position += 4;
  if (position > view.byteLength) throw new RangeError("frame is cut off");
  return { start, end: position, boundBytes: declared ? declaredBytes : blockBytes, declared };
}

function contentSize(view: DataView, position: number, sizeFlag: number): number {
  if (sizeFlag === 0) return view.getUint8(position);
  if (sizeFlag === 1) return view.getUint16(position, true) + 256;
  if (sizeFlag === 2) return view.getUint32(position, true);
  return Number(view.getBigUint64(position, true));
}
