import { assert } from "./assert.ts";
import { EMPTY_ROOT, HASH_SIZE_BYTES, equalBytes, nodeHash } from "./hashing.ts";
import { MAX_PROOF_HASHES } from "./limits.ts";
import { TreeHashes } from "./tree-hashes.ts";
import type { TileReader } from "./tree-hashes.ts";
import { isTreeSize } from "./tree-size.ts";
import type { TreeSize } from "./tree-size.ts";

/** RFC 6962 §2.1.1 and §2.1.2 proofs made from tiles, and RFC 9162 §2.1.3.2 and §2.1.4.2 verification without any. */

/** Audit path of leaf `index` in the tree of `size` leaves, from the leaf's sibling up. */
export function inclusionProof(index: number, size: TreeSize, reader: TileReader): Promise<readonly Uint8Array[]> {
  assert(Number.isSafeInteger(index) && index >= 0 && index < size, `a tree of ${size} leaves has no leaf ${index}`);
  const siblings: Range[] = [];
  let start = 0;
  let end: number = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    siblings.push(index < middle ? { start: middle, end } : { start, end: middle });
    if (index < middle) end = middle;
    else start = middle;
  }
  return rangeHashes(siblings.reverse(), size, reader);
}

/**
 * That the tree of `newSize` begins with the tree of `oldSize`. Empty when the sizes are equal or the old tree was
 * empty.
 */
export function consistencyProof(
  oldSize: TreeSize,
  newSize: TreeSize,
  reader: TileReader,
): Promise<readonly Uint8Array[]> {
  assert(oldSize <= newSize, `a tree does not shrink from ${oldSize} to ${newSize}`);
  if (oldSize === 0 || oldSize === newSize) return Promise.resolve([]);
  const ranges: Range[] = [];
  let start = 0;
  let end: number = newSize;
  while (oldSize < end) {
    const middle = start + splitPoint(end - start);
    ranges.push(oldSize <= middle ? { start: middle, end } : { start, end: middle });
    if (oldSize <= middle) end = middle;
    else start = middle;
  }
  if (start > 0) ranges.push({ start, end });
  return rangeHashes(ranges.reverse(), newSize, reader);
}

/**
 * Whether the path leads from the leaf hash at `index` to the root of the tree of `size` leaves. False for any
 * malformed argument.
 */
export function verifyInclusion(
  leafHash: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isTreeSize(size) || !isTreeSize(index) || index >= size || !areHashes([leafHash, root, ...proof])) return false;
  let node: number = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(hash, root);
}

/** Whether the proof shows that the new tree begins with the old one. False for any malformed argument. */
export function verifyConsistency(
  oldSize: number,
  oldRoot: Uint8Array,
  newSize: number,
  newRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!isTreeSize(oldSize) || !isTreeSize(newSize) || oldSize > newSize) return false;
  if (!areHashes([oldRoot, newRoot, ...proof])) return false;
  if (oldSize === newSize) return proof.length === 0 && equalBytes(oldRoot, newRoot);
  if (oldSize === 0) return proof.length === 0 && equalBytes(oldRoot, EMPTY_ROOT);
  return leadsToBoth(oldSize, oldRoot, newSize, newRoot, proof);
}

/** RFC 9162 §2.1.4.2, from step 2 on, for 0 < oldSize < newSize. */
function leadsToBoth(
  oldSize: number,
  oldRoot: Uint8Array,
  newSize: number,
  newRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  let node = oldSize - 1;
  let last = newSize - 1;
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  const path = node === 0 ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const sibling of path) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(oldHash, oldRoot) && equalBytes(newHash, newRoot);
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function rangeHashes(ranges: readonly Range[], size: TreeSize, reader: TileReader): Promise<readonly Uint8Array[]> {
  const hashes = new TreeHashes(size, reader);
  return Promise.all(ranges.map(({ start, end }) => hashes.range(start, end)));
}

/** The largest power of two below `count`, for count ≥ 2. */
function splitPoint(count: number): number {
  let split = 2 ** Math.floor(Math.log2(count));
  while (split >= count) split /= 2;
  return split;
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.length <= MAX_PROOF_HASHES + 2 && hashes.every((hash) => hash.length === HASH_SIZE_BYTES);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

/** Not a shift: sizes go beyond 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}
