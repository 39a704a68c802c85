/** Frame ⇄ entries: compression and authenticated encryption of one batch of leaves (docs/formats/segment.md). Pure. */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

import {
  CODEC_BROTLI,
  FRAME_HEADER_BYTES,
  NONCE_BYTES,
  TAG_BYTES,
  associatedBytes,
  frameBytes,
  writeFrameHeader,
} from "./segment.ts";
import type { FrameHeader } from "./segment.ts";

const CIPHER = "aes-256-gcm";
const NONCE_OFFSET = 28;
const QUALITY = 1;
const MIN_WINDOW_BITS = 16;
const MAX_WINDOW_BITS = 22;
/** Below this the compressor's buffer is made larger than what comes out. */
const MIN_CHUNK_BYTES = 4 * 1024;

export interface FramePlace {
  readonly segmentKey: Uint8Array;
  readonly headerHash: Uint8Array;
  readonly previousTag: Uint8Array;
  readonly number: number;
  readonly firstIndex: number;
}

export function sealFrame(place: FramePlace, entries: Uint8Array, leafCount: number): Uint8Array<ArrayBuffer> {
  const packed = compress(entries);
  const header: FrameHeader = {
    cipherBytes: packed.length,
    codec: CODEC_BROTLI,
    leafCount,
    firstIndex: place.firstIndex,
    plainBytes: entries.length,
    number: place.number,
  };
  const frame = new Uint8Array(frameBytes(header));
  const clear = frame.subarray(0, FRAME_HEADER_BYTES);
  writeFrameHeader(clear, header);
  const cipher = createCipheriv(CIPHER, place.segmentKey, nonceOf(clear));
  cipher.setAAD(associatedBytes(place.headerHash, place.previousTag, clear));
  frame.set(cipher.update(packed), FRAME_HEADER_BYTES);
  cipher.final();
  frame.set(cipher.getAuthTag(), frame.length - TAG_BYTES);
  return frame;
}

/** The compressed entries; null when the tag does not fit. */
export function decryptFrame(place: Omit<FramePlace, "number" | "firstIndex">, frame: Uint8Array): Uint8Array | null {
  const clear = frame.subarray(0, FRAME_HEADER_BYTES);
  const decipher = createDecipheriv(CIPHER, place.segmentKey, nonceOf(clear));
  decipher.setAAD(associatedBytes(place.headerHash, place.previousTag, clear));
  decipher.setAuthTag(frame.subarray(frame.length - TAG_BYTES));
  const packed = decipher.update(frame.subarray(FRAME_HEADER_BYTES, frame.length - TAG_BYTES));
  try {
    decipher.final();
    return packed;
  } catch {
    return null;
  }
}

/** The tag that a frame would have to carry for its ciphertext to be right: CTR mode gives the same bytes both ways. */
export function tagOfCiphertext(place: Omit<FramePlace, "number" | "firstIndex">, frame: Uint8Array): Uint8Array {
  const clear = frame.subarray(0, FRAME_HEADER_BYTES);
  const nonce = nonceOf(clear);
  const packed = createDecipheriv(CIPHER, place.segmentKey, nonce).update(
    frame.subarray(FRAME_HEADER_BYTES, -TAG_BYTES),
  );
  const cipher = createCipheriv(CIPHER, place.segmentKey, nonce);
  cipher.setAAD(associatedBytes(place.headerHash, place.previousTag, clear));
  cipher.update(packed);
  cipher.final();
  return cipher.getAuthTag();
}

/** Null when it does not give exactly `plainBytes`; never makes more than that. */
export function decompress(packed: Uint8Array, plainBytes: number): Uint8Array | null {
  try {
    const entries = brotliDecompressSync(packed, {
      chunkSize: Math.max(plainBytes, MIN_CHUNK_BYTES),
      maxOutputLength: Math.max(plainBytes, 1),
    });
    return entries.length === plainBytes ? entries : null;
  } catch {
    return null;
  }
}

/** The window need not be larger than what is compressed; a smaller one is set up faster. */
function compress(entries: Uint8Array): Uint8Array {
  const bits = Math.ceil(Math.log2(Math.max(entries.length, 2)));
  return brotliCompressSync(entries, {
    chunkSize: Math.max(MIN_CHUNK_BYTES, entries.length >> 2),
    params: {
      [constants.BROTLI_PARAM_QUALITY]: QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: Math.min(MAX_WINDOW_BITS, Math.max(MIN_WINDOW_BITS, bits)),
      [constants.BROTLI_PARAM_SIZE_HINT]: entries.length,
    },
  });
}

function nonceOf(clear: Uint8Array): Uint8Array {
  return clear.subarray(NONCE_OFFSET, NONCE_OFFSET + NONCE_BYTES);
}
