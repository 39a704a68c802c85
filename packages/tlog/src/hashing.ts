import { sha256Into } from "#sha256";
import { assert } from "./assert.ts";

/**
 * RFC 6962 §2.1 hashing: leaf = SHA-256(0x00 ‖ entry), node = SHA-256(0x01 ‖ left ‖ right), empty tree = SHA-256("").
 * Everything here is synchronous and single-threaded; scratch buffers are shared between calls and never escape.
 */
export const HASH_SIZE_BYTES = 32;

const nodeInput = new Uint8Array(1 + 2 * HASH_SIZE_BYTES);
nodeInput[0] = 1;
let leafInput = new Uint8Array(4_096);

export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(HASH_SIZE_BYTES);
  sha256Into(bytes, digest, 0);
  return digest;
}

/** The root of a tree without leaves. Shared: do not write to it. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0));

export function leafHash(leaf: Uint8Array): Uint8Array {
  const digest = new Uint8Array(HASH_SIZE_BYTES);
  leafHashInto(leaf, 0, leaf.length, digest, 0);
  return digest;
}

/** Hashes the leaf `bytes[start … end)` into 32 bytes at `target[offset]`. */
export function leafHashInto(bytes: Uint8Array, start: number, end: number, target: Uint8Array, offset: number): void {
  const length = end - start;
  if (leafInput.length <= length) leafInput = new Uint8Array(length * 2 + 1);
  leafInput[0] = 0;
  leafInput.set(bytes.subarray(start, end), 1);
  sha256Into(leafInput.subarray(0, length + 1), target, offset);
}

/**
 * Leaf hashes, 32 bytes each, of leaves that lie one after the other: leaf i is `bytes[offsets[i] … offsets[i + 1])`.
 */
export function leafHashes(bytes: Uint8Array, offsets: Uint32Array): Uint8Array {
  assert(offsets.length > 0 && offsets.at(-1)! <= bytes.length, "leaf offsets lie outside the leaves");
  const count = offsets.length - 1;
  const hashes = new Uint8Array(count * HASH_SIZE_BYTES);
  for (let i = 0; i < count; i++) leafHashInto(bytes, offsets[i]!, offsets[i + 1]!, hashes, i * HASH_SIZE_BYTES);
  return hashes;
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  assert(left.length === HASH_SIZE_BYTES && right.length === HASH_SIZE_BYTES, "a node has two hashes of 32 bytes");
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_SIZE_BYTES);
  return sha256(nodeInput);
}

/**
 * The root over `count` hashes at `hashes[start …]`, pairing neighbours and carrying an odd last one up: the same
 * tree as RFC 6962's split at the largest power of two. The hashes may be roots of equally high trees, the last one
 * of a lower tree.
 */
export function foldHashes(hashes: Uint8Array, start: number, count: number): Uint8Array {
  assert(count > 0 && start + count * HASH_SIZE_BYTES <= hashes.length, "hashes to fold lie outside the buffer");
  const folded = hashes.slice(start, start + count * HASH_SIZE_BYTES);
  for (let left = count; left > 1; left = (left + 1) >> 1) foldOnce(folded, left);
  return folded.slice(0, HASH_SIZE_BYTES);
}

/** In place: hash i of the result lies before the pair that it is made of, or on it. */
function foldOnce(hashes: Uint8Array, count: number): void {
  const pairs = count >> 1;
  for (let pair = 0; pair < pairs; pair++) {
    const from = pair * 2 * HASH_SIZE_BYTES;
    for (let at = 0; at < 2 * HASH_SIZE_BYTES; at++) nodeInput[1 + at] = hashes[from + at]!;
    sha256Into(nodeInput, hashes, pair * HASH_SIZE_BYTES);
  }
  if (count % 2 === 1)
    hashes.copyWithin(pairs * HASH_SIZE_BYTES, (count - 1) * HASH_SIZE_BYTES, count * HASH_SIZE_BYTES);
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}
