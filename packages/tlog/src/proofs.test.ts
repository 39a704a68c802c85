import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EMPTY_ROOT } from "./hashing.ts";
import { NaiveTree } from "./naive-tree.contract.ts";
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from "./proofs.ts";
import { hex, parseHex } from "./text.ts";
import { treeSize } from "./tree-size.ts";
import { vectors } from "./vectors.contract.ts";

const tree = new NaiveTree();
const sizes = fc.integer({ min: 2, max: 255 });

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[(bit >> 3) % copy.length]! ^= 1 << (bit & 7);
  return copy;
}

describe("published vectors", () => {
  const { roots, leaf_hashes: leaves } = vectors<{ roots: string[]; leaf_hashes: string[] }>("hashing");
  const known = vectors<{
    inclusion: { index: number; size: number; hashes: string[] }[];
    consistency: { old_size: number; new_size: number; hashes: string[] }[];
  }>("proofs");
  const bytes = (text: string): Uint8Array => parseHex(text)!;

  test("of inclusion verify", () => {
    for (const { index, size, hashes } of known.inclusion) {
      const verified = verifyInclusion(bytes(leaves[index]!), index, size, hashes.map(bytes), bytes(roots[size]!));
      expect(verified).toBe(true);
    }
  });

  test("of consistency verify", () => {
    for (const { old_size: oldSize, new_size: newSize, hashes } of known.consistency) {
      const [oldRoot, newRoot] = [bytes(roots[oldSize]!), bytes(roots[newSize]!)];
      expect(verifyConsistency(oldSize, oldRoot, newSize, newRoot, hashes.map(bytes))).toBe(true);
    }
  });
});

describe("an inclusion proof is refused", () => {
  test("for every other index and every flipped bit, and when a hash is missing or added", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, bit) => {
        const index = seed % size;
        const proof = await inclusionProof(index, treeSize(size), tree);
        const [leaf, root] = [tree.leaf(index), tree.root(0, size)];
        for (let other = -1; other <= size; other++) {
          expect(verifyInclusion(leaf, other, size, proof, root)).toBe(other === index);
        }
        expect(verifyInclusion(flipped(leaf, bit), index, size, proof, root)).toBe(false);
        expect(verifyInclusion(leaf, index, size, proof, flipped(root, bit))).toBe(false);
        for (const [at, hash] of proof.entries()) {
          expect(verifyInclusion(leaf, index, size, proof.with(at, flipped(hash, bit)), root)).toBe(false);
          expect(verifyInclusion(leaf, index, size, proof.with(at, hash.subarray(1)), root)).toBe(false);
          expect(verifyInclusion(leaf, index, size, proof.toSpliced(at, 1), root)).toBe(false);
          expect(verifyInclusion(leaf, index, size, proof.toSpliced(at, 0, hash), root)).toBe(false);
        }
        expect(verifyInclusion(leaf, index, size, [...proof, root], root)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  test("under the root of any other size", async () => {
    for (const size of [2, 3, 7, 8, 9, 100]) {
      const proof = await inclusionProof(1, treeSize(size), tree);
      for (let other = 2; other <= 120; other++) {
        expect(verifyInclusion(tree.leaf(1), 1, size, proof, tree.root(0, other))).toBe(other === size);
      }
    }
  });

  test("for sizes and indices that are none", () => {
    const [leaf, root] = [tree.leaf(0), tree.leaf(0)];
    expect(verifyInclusion(leaf, 0, 1, [], root)).toBe(true);
    for (const size of [0, -1, 1.5, Number.NaN, 2 ** 53, Infinity])
      expect(verifyInclusion(leaf, 0, size, [], root)).toBe(false);
    for (const index of [1, -1, 0.5, Number.NaN]) expect(verifyInclusion(leaf, index, 1, [], root)).toBe(false);
    expect(
      verifyInclusion(
        leaf,
        0,
        2 ** 52,
        Array.from({ length: 70 }, () => leaf),
        root,
      ),
    ).toBe(false);
  });
});

describe("a consistency proof is refused", () => {
  test("for every other size and every flipped bit, and when a hash is missing or added", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, bit) => {
        const oldSize = 1 + (seed % (size - 1));
        const proof = await consistencyProof(treeSize(oldSize), treeSize(size), tree);
        const [oldRoot, root] = [tree.root(0, oldSize), tree.root(0, size)];
        expect(verifyConsistency(oldSize, oldRoot, size, root, proof)).toBe(true);
        expect(verifyConsistency(oldSize, flipped(oldRoot, bit), size, root, proof)).toBe(false);
        expect(verifyConsistency(oldSize, oldRoot, size, flipped(root, bit), proof)).toBe(false);
        for (let other = 1; other < size; other++) {
          if (other !== oldSize) expect(verifyConsistency(other, tree.root(0, other), size, root, proof)).toBe(false);
        }
        for (const [at, hash] of proof.entries()) {
          expect(verifyConsistency(oldSize, oldRoot, size, root, proof.with(at, flipped(hash, bit)))).toBe(false);
          expect(verifyConsistency(oldSize, oldRoot, size, root, proof.toSpliced(at, 1))).toBe(false);
          expect(verifyConsistency(oldSize, oldRoot, size, root, proof.toSpliced(at, 0, hash))).toBe(false);
        }
        expect(verifyConsistency(oldSize, oldRoot, size, root, [...proof, root])).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  test("between trees that differ in one leaf", async () => {
    const forked = new NaiveTree([5]);
    const proof = await consistencyProof(treeSize(50), treeSize(200), forked);
    expect(verifyConsistency(50, forked.root(0, 50), 200, forked.root(0, 200), proof)).toBe(true);
    expect(verifyConsistency(50, tree.root(0, 50), 200, forked.root(0, 200), proof)).toBe(false);
    expect(verifyConsistency(50, tree.root(0, 50), 200, tree.root(0, 200), proof)).toBe(false);
  });

  test("where there is nothing to prove, unless it is empty and the roots agree", () => {
    const root = tree.root(0, 9);
    expect(verifyConsistency(9, root, 9, root, [])).toBe(true);
    expect(verifyConsistency(9, root, 9, root, [root])).toBe(false);
    expect(verifyConsistency(9, root, 9, tree.root(0, 8), [])).toBe(false);
    expect(verifyConsistency(0, EMPTY_ROOT, 9, root, [])).toBe(true);
    expect(verifyConsistency(0, root, 9, root, [])).toBe(false);
    expect(verifyConsistency(0, EMPTY_ROOT, 9, root, [root])).toBe(false);
    expect(verifyConsistency(9, root, 8, tree.root(0, 8), [])).toBe(false);
    expect(verifyConsistency(1.5, root, 8, root, [])).toBe(false);
  });
});

describe("a proof is not made", () => {
  test("of a leaf outside the tree or of a tree that shrank", () => {
    expect(() => inclusionProof(5, treeSize(5), tree)).toThrow("a tree of 5 leaves has no leaf 5");
    expect(() => consistencyProof(treeSize(6), treeSize(5), tree)).toThrow(/shrink/);
    expect(hex(tree.root(0, 5))).not.toBe(hex(tree.root(0, 6)));
  });
});
