/**
 * C2SP entry-bundle text: uint16 big-endian length ‖ leaf, repeated. How a group lies in a frame, in the cache and in a
 * bundle.
 */
import { hash } from "node:crypto";

import { erasedLeafHash } from "@tallystick/record";

import { HASH_BYTES } from "./segment.ts";

export const LENGTH_BYTES = 2;
const LEAF_PREFIX = 0;

/** A run of leaves of one tree, in order. */
export interface LeafBlock {
  readonly firstIndex: number;
  readonly count: number;
  readonly entries: Uint8Array;
  readonly hashes: Uint8Array;
}

/** Offset of the entry that is `steps` after the one at `offset`; -1 when the entries end before. */
export function skipEntries(entries: Uint8Array, steps: number, offset = 0): number {
  let at = offset;
  for (let step = 0; step < steps; step++) {
    if (at + LENGTH_BYTES > entries.length) return -1;
    at += LENGTH_BYTES + entryLength(entries, at);
  }
  return at <= entries.length ? at : -1;
}

/** How many entries there are; -1 when the bytes do not end with one. */
export function countEntries(entries: Uint8Array): number {
  let count = 0;
  let at = 0;
  while (at + LENGTH_BYTES <= entries.length) {
    at += LENGTH_BYTES + entryLength(entries, at);
    count += 1;
  }
  return at === entries.length ? count : -1;
}

export function entryLength(entries: Uint8Array, offset: number): number {
  return entries[offset]! * 256 + entries[offset + 1]!;
}

/** Whether the text is what the bytes hold from `offset` on. */
export function standsAt(bytes: Uint8Array, offset: number, text: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[offset + at] !== text[at]) return false;
  return true;
}

/** The leaf at place `place` of the entries, counted from 0. */
export function leafAt(entries: Uint8Array, place: number): Uint8Array {
  const at = skipEntries(entries, place);
  return entries.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + entryLength(entries, at));
}

/**
 * Writes SHA-256(0x00 ‖ leaf) for the leaf that lies in `bytes` from `start` to `end`. The byte before the leaf, the
 * low byte of its length, is lent to the 0x00 for the time of the hash, so that nothing is copied.
 */
export function hashLeafInPlace(bytes: Buffer, start: number, end: number, target: Buffer, targetOffset: number): void {
  const lent = bytes[start - 1]!;
  bytes[start - 1] = LEAF_PREFIX;
  // A latin1 string costs less than a Buffer a leaf: it never leaves the young generation and needs no backing store.
  target.write(hash("sha256", bytes.subarray(start - 1, end), "binary"), targetOffset, HASH_BYTES, "latin1");
  bytes[start - 1] = lent;
}

/** Where `observed` of an erased leaf says so: its first member is `erased`, which sorts before all that it has. */
const ERASED_MARK_OFFSET = 14;
const ERASED_MARK = 0x65;

/**
 * Hashes of all entries; null when the entries are not exactly `count`. What stands for an erased leaf has the hash
 * that it names: the tree is over what was there.
 */
export function hashEntries(entries: Uint8Array, count: number): Uint8Array<ArrayBuffer> | null {
  const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  const hashes = Buffer.from(new ArrayBuffer(count * HASH_BYTES));
  let at = 0;
  for (let place = 0; place < count; place++) {
    if (at + LENGTH_BYTES > bytes.length) return null;
    const start = at + LENGTH_BYTES;
    const end = start + entryLength(bytes, at);
    if (end > bytes.length) return null;
    const erased =
      bytes[start + ERASED_MARK_OFFSET] === ERASED_MARK ? erasedLeafHash(bytes.subarray(start, end)) : null;
    if (erased === null) hashLeafInPlace(bytes, start, end, hashes, place * HASH_BYTES);
    else hashes.write(erased, place * HASH_BYTES, "hex");
    at = end;
  }
  return at === bytes.length ? new Uint8Array(hashes.buffer) : null;
}
