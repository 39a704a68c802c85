/**
 * The byte format of a journal segment (docs/formats/segment.md): header, frames, footer. Pure: bytes in, bytes out,
 * nothing read from disk and nothing decrypted. Every field has one encoding; parsing refuses any other, so that a
 * flipped bit outside the ciphertext is found even without a key wherever the format can tell.
 */
import { hkdfSync } from "node:crypto";
import assert from "node:assert/strict";

import { readUint64, sha256, view, writeUint64 } from "./bytes.ts";
import { MAX_FRAME_CIPHER_BYTES, MAX_FRAME_PLAIN_BYTES, MAX_TREE_NAME_BYTES } from "./limits.ts";

/** 2: written again by an erasure, so that the header has one field more. */
export const SEGMENT_VERSIONS: readonly number[] = [1, 2];
export const KEY_BYTES = 32;
export const SALT_BYTES = 32;
export const TAG_BYTES = 16;
export const KEY_ID_BYTES = 8;
export const HASH_BYTES = 32;
export const NONCE_BYTES = 12;
export const CODEC_BROTLI = 1;
export const FRAME_HEADER_BYTES = 40;
/** Clear header and tag. */
export const FRAME_OVERHEAD_BYTES = FRAME_HEADER_BYTES + TAG_BYTES;
export const FOOTER_BYTES = 76;
export const NO_TAG = new Uint8Array(TAG_BYTES);

export interface SegmentHeader {
  readonly tree: string;
  /** Index of the first leaf in the segment. */
  readonly firstIndex: number;
  readonly keyId: Uint8Array;
  readonly salt: Uint8Array;
  /** Tag of the last frame of the tree's segment before; zeros in the first. */
  readonly previousTag: Uint8Array;
  /** What the segment after this one names: the tag of this one's last frame before an erasure wrote it again. */
  readonly standingTag?: Uint8Array;
}

export interface FrameHeader {
  readonly cipherBytes: number;
  readonly codec: number;
  readonly leafCount: number;
  readonly firstIndex: number;
  readonly plainBytes: number;
  /** Place of the frame in its segment, from 0; the nonce is this number. */
  readonly number: number;
}

export interface SegmentFooter {
  readonly frameCount: number;
  /** Index after the last leaf. */
  readonly nextIndex: number;
  readonly lastTag: Uint8Array;
  /** Bytes of header and frames. */
  readonly bodyBytes: number;
  /** HMAC-SHA256 over every byte of the file before it. */
  readonly mac: Uint8Array;
}

export type ParsedHeader =
  | { readonly kind: "header"; readonly header: SegmentHeader; readonly hash: Uint8Array; readonly bytes: number }
  | { readonly kind: "short" }
  | { readonly kind: "refused"; readonly reason: string };

const MAGIC = Buffer.from("TALLYSEG", "latin1");
/** Begins every frame; a tail is searched for it before it is cut. */
export const FRAME_MARKER = Buffer.from("TSF1", "latin1");
const FOOTER_MARKER = Buffer.from("TSE1", "latin1");
const FIXED_HEADER_BYTES = MAGIC.length + 2 + 8 + KEY_ID_BYTES + SALT_BYTES + TAG_BYTES + HASH_BYTES;
export const TREE_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?$/;

/**
 * magic 8, version 1, length of the name 1, name, first index 8, key id 8, salt 32, previous tag 16, in version 2 a
 * standing tag 16, SHA-256 of all these 32.
 */
export function encodeHeader(header: SegmentHeader): Uint8Array {
  assert(TREE_PATTERN.test(header.tree) && header.tree.length <= MAX_TREE_NAME_BYTES);
  assert(header.keyId.length === KEY_ID_BYTES && header.salt.length === SALT_BYTES);
  assert(header.previousTag.length === TAG_BYTES);
  const name = Buffer.from(header.tree, "latin1");
  const { standingTag } = header;
  assert(standingTag === undefined || standingTag.length === TAG_BYTES);
  const bytes = Buffer.alloc(FIXED_HEADER_BYTES + name.length + (standingTag?.length ?? 0));
  MAGIC.copy(bytes);
  let at = bytes.writeUInt8(standingTag === undefined ? 1 : 2, MAGIC.length);
  at = bytes.writeUInt8(name.length, at);
  at += name.copy(bytes, at);
  at = writeUint64(bytes, header.firstIndex, at);
  for (const part of [header.keyId, header.salt, header.previousTag, standingTag ?? new Uint8Array()]) {
    bytes.set(part, at);
    at += part.length;
  }
  bytes.set(sha256(bytes.subarray(0, at)), at);
  return bytes;
}

/** Of a segment that no erasure wrote again, as every one is that is being written. */
export function headerBytes(tree: string): number {
  return FIXED_HEADER_BYTES + tree.length;
}

export const MAX_HEADER_BYTES = FIXED_HEADER_BYTES + 255 + TAG_BYTES;

/** `short` when the bytes end before the header does: the rest of a segment whose making was interrupted. */
export function parseHeader(source: Uint8Array): ParsedHeader {
  const bytes = view(source);
  const seen = Math.min(bytes.length, MAGIC.length);
  if (!bytes.subarray(0, seen).equals(MAGIC.subarray(0, seen))) return refused("it is no journal segment");
  if (bytes.length < MAGIC.length + 2) return { kind: "short" };
  const version = bytes.readUInt8(MAGIC.length);
  if (!SEGMENT_VERSIONS.includes(version))
    return refused(`it has format ${version}; this version reads ${SEGMENT_VERSIONS.join(" and ")}`);
  const nameBytes = bytes.readUInt8(MAGIC.length + 1);
  const length = FIXED_HEADER_BYTES + nameBytes + (version === 1 ? 0 : TAG_BYTES);
  if (bytes.length < length) return { kind: "short" };
  const hash = bytes.subarray(length - HASH_BYTES, length);
  if (!sha256(bytes.subarray(0, length - HASH_BYTES)).equals(hash))
    return refused("the header's bytes do not give its hash");
  let at = MAGIC.length + 2;
  const tree = bytes.toString("latin1", at, (at += nameBytes));
  const firstIndex = readUint64(bytes, at);
  at += 8;
  const keyId = bytes.subarray(at, (at += KEY_ID_BYTES));
  const salt = bytes.subarray(at, (at += SALT_BYTES));
  const previousTag = bytes.subarray(at, (at += TAG_BYTES));
  const standing = version === 1 ? {} : { standingTag: bytes.subarray(at, at + TAG_BYTES) };
  if (!TREE_PATTERN.test(tree) || firstIndex === null) return refused("the header names no tree or no index");
  return { kind: "header", header: { tree, firstIndex, keyId, salt, previousTag, ...standing }, hash, bytes: length };
}

/**
 * marker 4, ciphertext bytes 4, codec 1, zeros 3, leaves 4, first index 8, plain bytes 4, nonce 12 (the frame's
 * number).
 */
export function writeFrameHeader(target: Uint8Array, frame: FrameHeader): void {
  const bytes = view(target);
  FRAME_MARKER.copy(bytes, 0);
  bytes.writeUInt32BE(frame.cipherBytes, 4);
  bytes.writeUInt32BE(frame.codec * 0x1_00_00_00, 8);
  bytes.writeUInt32BE(frame.leafCount, 12);
  writeUint64(bytes, frame.firstIndex, 16);
  bytes.writeUInt32BE(frame.plainBytes, 24);
  bytes.writeUInt32BE(0, 28);
  writeUint64(bytes, frame.number, 32);
}

/** A string says why the bytes at `offset` are no frame header. */
export function parseFrameHeader(source: Uint8Array, offset = 0): FrameHeader | string {
  const bytes = view(source);
  if (bytes.length < offset + FRAME_HEADER_BYTES) return "the file ends within a frame's header";
  if (!bytes.subarray(offset, offset + 4).equals(FRAME_MARKER)) return "there is no frame where one should begin";
  const cipherBytes = bytes.readUInt32BE(offset + 4);
  const codecWord = bytes.readUInt32BE(offset + 8);
  const leafCount = bytes.readUInt32BE(offset + 12);
  const firstIndex = readUint64(bytes, offset + 16);
  const plainBytes = bytes.readUInt32BE(offset + 24);
  const number = readUint64(bytes, offset + 32);
  if (codecWord !== CODEC_BROTLI * 0x1_00_00_00) return "the frame's codec is unknown";
  if (bytes.readUInt32BE(offset + 28) !== 0 || number === null) return "the frame's nonce is not a frame number";
  if (firstIndex === null || leafCount === 0) return "the frame has no leaves";
  if (cipherBytes === 0 || cipherBytes > MAX_FRAME_CIPHER_BYTES || plainBytes > MAX_FRAME_PLAIN_BYTES)
    return "the frame's length is out of bounds";
  return { cipherBytes, codec: CODEC_BROTLI, leafCount, firstIndex, plainBytes, number };
}

export function frameBytes(frame: FrameHeader): number {
  return FRAME_OVERHEAD_BYTES + frame.cipherBytes;
}

/**
 * marker 4, frames 8, next index 8, last tag 16, bytes of header and frames 8: what the MAC covers beside header and
 * frames.
 */
export function encodeFooterStart(footer: Omit<SegmentFooter, "mac">): Uint8Array {
  const bytes = Buffer.alloc(FOOTER_BYTES - HASH_BYTES);
  FOOTER_MARKER.copy(bytes, 0);
  writeUint64(bytes, footer.frameCount, 4);
  writeUint64(bytes, footer.nextIndex, 12);
  bytes.set(footer.lastTag, 20);
  writeUint64(bytes, footer.bodyBytes, 36);
  return bytes;
}

/** Null when the bytes do not begin as a footer does. */
export function parseFooter(source: Uint8Array): SegmentFooter | null {
  const bytes = view(source);
  if (bytes.length !== FOOTER_BYTES || !bytes.subarray(0, 4).equals(FOOTER_MARKER)) return null;
  return {
    frameCount: readUint64(bytes, 4) ?? -1,
    nextIndex: readUint64(bytes, 12) ?? -1,
    lastTag: bytes.subarray(20, 36),
    bodyBytes: readUint64(bytes, 36) ?? -1,
    mac: bytes.subarray(FOOTER_BYTES - HASH_BYTES),
  };
}

/**
 * True when bytes after the last whole frame are a footer with damage, and not what an interrupted write leaves: they
 * have a footer's length and at least one of its parts is what it should be.
 */
export function looksLikeFooter(source: Uint8Array, expected: Omit<SegmentFooter, "mac">): boolean {
  const bytes = view(source);
  if (bytes.length !== FOOTER_BYTES) return false;
  const right = view(encodeFooterStart(expected));
  const parts: readonly (readonly [number, number])[] = [
    [0, 4],
    [4, 12],
    [12, 20],
    [20, 36],
    [36, 44],
  ];
  return parts.some(([start, end]) => {
    const part = right.subarray(start, end);
    return part.some((byte) => byte !== 0) && bytes.subarray(start, end).equals(part);
  });
}

/** Which epoch key a segment is under, without saying anything about the key. */
export function keyIdOf(epochKey: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([Buffer.from("tallystick key id v1\0", "latin1"), epochKey])).subarray(0, KEY_ID_BYTES);
}

export function segmentKey(epochKey: Uint8Array, header: Pick<SegmentHeader, "salt" | "tree">): Uint8Array {
  assert(epochKey.length === KEY_BYTES);
  return new Uint8Array(hkdfSync("sha256", epochKey, header.salt, `tallystick segment v1\0${header.tree}`, KEY_BYTES));
}

/** Header hash 32, frame number 8, tag of the frame before 16, the frame's clear header 40. */
export function associatedBytes(headerHash: Uint8Array, previousTag: Uint8Array, frameHeader: Uint8Array): Uint8Array {
  assert(
    headerHash.length === HASH_BYTES && previousTag.length === TAG_BYTES && frameHeader.length === FRAME_HEADER_BYTES,
  );
  return Buffer.concat([headerHash, frameHeader.subarray(32, 40), previousTag, frameHeader]);
}

/** File name of a segment: its first index in 20 digits, so that names sort as indexes do. */
export function segmentName(firstIndex: number): string {
  return `${String(firstIndex).padStart(20, "0")}.seg`;
}

function refused(reason: string): ParsedHeader {
  return { kind: "refused", reason };
}
