import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Frontier } from "./frontier.ts";
import { EMPTY_ROOT, leafHash } from "./hashing.ts";
import { NaiveTree } from "./naive-tree.contract.ts";
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from "./proofs.ts";
import { encodeBase64, hex } from "./text.ts";
import { newTiles, tilesForSize } from "./tiles.ts";
import { readEdge, rootFromTiles } from "./tree-hashes.ts";
import { treeSize } from "./tree-size.ts";
import { vectors } from "./vectors.contract.ts";

/**
 * Everything that grows a tree or proves something about it, against the naive tree and across all sizes that matter.
 */

const small = new NaiveTree([3, 255, 256, 511, 599]);
const hexAll = (hashes: readonly Uint8Array[]): readonly string[] => hashes.map(hex);
const indices = (size: number): readonly number[] =>
  size <= 40 ? Array.from({ length: size }, (_, i) => i) : [0, 1, size >> 1, (size * 7) % size, size - 2, size - 1];

/** Sizes around the edges of tiles, of 32-bit arithmetic and of what a number can hold. */
const largeSize = fc
  .tuple(fc.constantFrom(8, 16, 24, 31, 32, 40, 48), fc.integer({ min: -700, max: 700 }))
  .map(([power, near]) => Math.max(1, 2 ** power + near));
const largest = fc.integer({ min: 0, max: 700 }).map((below) => Number.MAX_SAFE_INTEGER - below);
const anySize = fc.oneof(
  largeSize,
  largest,
  fc.maxSafeNat().filter((size) => size > 0),
);

describe("a tree of every size up to 600", () => {
  test("has the naive root, by appending one by one and from its tiles", async () => {
    const frontier = Frontier.empty();
    expect(hex(frontier.root())).toBe(hex(EMPTY_ROOT));
    for (let size = 1; size <= 600; size++) {
      frontier.append(small.leaf(size - 1));
      const expected = hex(small.root(0, size));
      expect(hex(frontier.root())).toBe(expected);
      expect(hex(await rootFromTiles(frontier.size, small))).toBe(expected);
    }
  });

  test("gives the naive proofs, and they verify", async () => {
    for (let size = 1; size <= 600; size++) {
      const root = small.root(0, size);
      for (const index of indices(size).filter((i) => i >= 0)) {
        const proof = await inclusionProof(index, treeSize(size), small);
        expect(hexAll(proof)).toEqual(hexAll(small.path(index, 0, size)));
        expect(verifyInclusion(small.leaf(index), index, size, proof, root)).toBe(true);
      }
      for (const oldSize of indices(size).map((i) => i + 1)) {
        const proof = await consistencyProof(treeSize(oldSize), treeSize(size), small);
        expect(hexAll(proof)).toEqual(hexAll(small.consistency(oldSize, 0, size)));
        expect(verifyConsistency(oldSize, small.root(0, oldSize), size, root, proof)).toBe(true);
      }
    }
  });
});

describe("a tree of any size", () => {
  test("has the naive root and proofs, up to 2^53 − 1 leaves", async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.double({ min: 0, max: 1, noNaN: true }), async (value, where) => {
        const size = treeSize(value);
        const index = Math.min(size - 1, Math.floor(size * where));
        const tree = new NaiveTree([0, index, size - 1]);
        const root = await rootFromTiles(size, tree);
        expect(hex(root)).toBe(hex(tree.root(0, size)));
        const inclusion = await inclusionProof(index, size, tree);
        expect(hexAll(inclusion)).toEqual(hexAll(tree.path(index, 0, size)));
        expect(verifyInclusion(tree.leaf(index), index, size, inclusion, root)).toBe(true);
        const consistency = await consistencyProof(treeSize(index + 1), size, tree);
        expect(hexAll(consistency)).toEqual(hexAll(tree.consistency(index + 1, 0, size)));
        expect(verifyConsistency(index + 1, tree.root(0, index + 1), size, root, consistency)).toBe(true);
      }),
      { numRuns: 120 },
    );
  });

  test("grows from its edge: tiles, edge and root are the naive ones however the leaves are cut", async () => {
    await fc.assert(
      fc.asyncProperty(largeSize, fc.array(fc.nat(400), { maxLength: 4 }), async (start, steps) => {
        const tree = new NaiveTree([start, start + 3, start + 300]);
        const frontier = Frontier.restore(treeSize(start), await readEdge(treeSize(start), tree));
        const emitted = new Map<string, string>();
        for (const step of steps) {
          const size = frontier.size;
          for (const { level, n, bytes } of frontier.append(tree.leaves(size, size + step))) {
            emitted.set(`${level}/${n}`, hex(bytes));
          }
        }
        expect(frontier.size).toBe(start + steps.reduce((sum, step) => sum + step, 0));
        expect(hex(frontier.root())).toBe(hex(tree.root(0, frontier.size)));
        const edge = new Map(frontier.edge().map(({ level, n, bytes }) => [`${level}/${n}`, hex(bytes)]));
        for (const { level, n, width } of newTiles(treeSize(start), frontier.size)) {
          const key = `${level}/${n}`;
          expect((width === 256 ? emitted : edge).get(key)).toBe(hex(await tree.readTile(level, n, width)));
          emitted.delete(key);
        }
        expect(emitted.size).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a frontier", () => {
  test("gives the roots that another implementation publishes for its log of 15 words", () => {
    const { words, roots } = vectors<{ words: string[]; roots: string[] }>("words-log");
    const frontier = Frontier.empty();
    expect(encodeBase64(frontier.root())).toBe(roots[0]);
    for (const [i, word] of words.entries()) {
      frontier.append(leafHash(new TextEncoder().encode(word)));
      expect(encodeBase64(frontier.root())).toBe(roots[i + 1]);
    }
  });

  test("appended in one call emits all tiles of 70,000 leaves, each full one once", () => {
    const tree = new NaiveTree();
    const frontier = Frontier.empty();
    const full = frontier.append(tree.leaves(0, 70_000));
    const all = [...full, ...frontier.edge()].map(({ level, n, width }) => `${level}/${n}/${width}`);
    expect(all.sort()).toEqual([...tilesForSize(treeSize(70_000))].map((t) => `${t.level}/${t.n}/${t.width}`).sort());
  });

  test("keeps nothing of the caller's bytes and hands out copies", () => {
    const leaves = small.leaves(0, 300);
    const frontier = Frontier.empty();
    const [full] = frontier.append(leaves);
    const copy = frontier.copy();
    const root = hex(frontier.root());
    leaves.fill(0);
    full!.bytes.fill(0);
    for (const { bytes } of frontier.edge()) bytes.fill(0);
    frontier.root().fill(0);
    expect(hex(frontier.root())).toBe(root);
    frontier.append(small.leaf(300));
    expect(hex(copy.root())).toBe(root);
  });

  test("refuses an edge of another tree and leaf hashes of a wrong length", async () => {
    const edge = await readEdge(treeSize(600), small);
    expect(() => Frontier.restore(treeSize(601), edge)).toThrow(/another tree size/);
    expect(() => Frontier.restore(treeSize(600), edge.slice(1))).toThrow(/partial tiles/);
    const cut = edge.map((tile) => ({ ...tile, bytes: tile.bytes.subarray(1) }));
    expect(() => Frontier.restore(treeSize(600), cut)).toThrow(/wrong length/);
    expect(() => Frontier.empty().append(new Uint8Array(33))).toThrow(/32 bytes/);
  });
});

describe("tiles that a reader brings", () => {
  test("may be wider than asked for, never shorter", async () => {
    const wider = { readTile: (level: number, n: number) => small.readTile(level, n, level === 0 ? 256 : 2) };
    expect(hex(await rootFromTiles(treeSize(300), wider))).toBe(hex(small.root(0, 300)));
    const shorter = {
      readTile: async (level: number, n: number, width: number) => (await small.readTile(level, n, width)).subarray(1),
    };
    await expect(rootFromTiles(treeSize(300), shorter)).rejects.toThrow("tile/0/001.p/44 has 1407 bytes, not 1408");
  });

  test("are read once a proof", async () => {
    const read: string[] = [];
    const counting = {
      readTile: (level: number, n: number, width: number) => {
        read.push(`${level}/${n}`);
        return small.readTile(level, n, width);
      },
    };
    await inclusionProof(17, treeSize(600), counting);
    expect(read.length).toBe(new Set(read).size);
  });
});
