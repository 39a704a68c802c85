import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  edgeTiles,
  entriesPath,
  levelWidth,
  newTiles,
  parseTilePath,
  tilePath,
  tileWidth,
  tilesForSize,
} from "./tiles.ts";
import type { TileCoordinate } from "./tiles.ts";
import { treeSize } from "./tree-size.ts";
import { vectors } from "./vectors.contract.ts";

const known = vectors<{
  paths: (TileCoordinate & { path: string })[];
  entries: { n: number; width: number; path: string }[];
  refused: string[];
  sizes: { size: number; tiles: [number, number, number, number?][] }[];
}>("tiles");

const coordinate = fc.record({
  level: fc.integer({ min: 0, max: 63 }),
  n: fc.oneof(fc.nat(1_000), fc.nat(2_000_000), fc.maxSafeNat()),
  width: fc.integer({ min: 1, max: 256 }),
});

describe("tile paths", () => {
  test("are the specification's, both ways", () => {
    for (const { level, n, width, path } of known.paths) {
      expect(tilePath(level, n, width)).toBe(path);
      expect(parseTilePath(path)).toEqual({ kind: "hash", level, n, width });
    }
    for (const { n, width, path } of known.entries) {
      expect(entriesPath(n, width)).toBe(path);
      expect(parseTilePath(path)).toEqual({ kind: "entries", level: 0, n, width });
    }
  });

  test.each(known.refused)("refuse %j", (path) => {
    expect(parseTilePath(path)).toBeNull();
  });

  test("come back from any coordinate", () => {
    fc.assert(
      fc.property(coordinate, ({ level, n, width }) => {
        expect(parseTilePath(tilePath(level, n, width))).toEqual({ kind: "hash", level, n, width });
        expect(parseTilePath(entriesPath(n, width))).toEqual({ kind: "entries", level: 0, n, width });
      }),
    );
  });

  test("are read from one spelling only: what is accepted is what would be written", () => {
    const part = fc.constantFrom(
      "tile",
      "entries",
      "x",
      "/",
      "0",
      "00",
      "000",
      "1",
      "x001",
      "067",
      ".p/",
      "256",
      "12",
      " ",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const path = parts.join("");
        const parsed = parseTilePath(path);
        if (parsed === null) return;
        const again =
          parsed.kind === "hash" ? tilePath(parsed.level, parsed.n, parsed.width) : entriesPath(parsed.n, parsed.width);
        expect(again).toBe(path);
      }),
      { numRuns: 5_000 },
    );
  });

  test("refuse coordinates that do not exist", () => {
    for (const [level, n, width] of [
      [64, 0, 1],
      [-1, 0, 1],
      [0, -1, 1],
      [0, 0, 0],
      [0, 0, 257],
      [0, 0.5, 1],
      [0, 2 ** 53, 1],
    ]) {
      expect(() => tilePath(level!, n!, width)).toThrow();
    }
  });
});

describe("the tiles of a tree", () => {
  test.each(known.sizes)("of $size leaves are the specification's", ({ size, tiles }) => {
    const expected = tiles.flatMap(([level, n, width, count = 1]) =>
      Array.from({ length: count }, (_, i) => ({ level, n: n + i, width })),
    );
    expect([...tilesForSize(treeSize(size))]).toEqual(expected);
  });

  test("of growing sizes add up: nothing new is left out and nothing full is said twice", () => {
    const sizes = fc.tuple(fc.nat(200_000), fc.nat(3_000), fc.nat(70_000));
    fc.assert(
      fc.property(sizes, ([first, step, jump]) => {
        const have = new Map<string, number>();
        let size = 0;
        for (const next of [first, first + step, first + step + jump]) {
          for (const { level, n, width } of newTiles(treeSize(size), treeSize(next))) {
            expect(have.get(`${level}/${n}`) ?? 0).toBeLessThan(width);
            have.set(`${level}/${n}`, width);
          }
          size = next;
        }
        expect(
          new Map([...tilesForSize(treeSize(size))].map(({ level, n, width }) => [`${level}/${n}`, width])),
        ).toEqual(have);
      }),
      { numRuns: 30 },
    );
  });

  test("have the widths that the size gives, and the partial ones are the edge", () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(300_000), fc.maxSafeNat()), (value) => {
        const size = treeSize(value);
        for (const { level, n, width } of edgeTiles(size)) {
          expect(width).toBe(tileWidth(level, n, size));
          expect(width).toBe(levelWidth(level, size) % 256);
          expect(tileWidth(level, n + 1, size)).toBe(0);
          if (n > 0) expect(tileWidth(level, n - 1, size)).toBe(256);
        }
        if (value < 300_000)
          expect([...tilesForSize(size)].filter(({ width }) => width < 256)).toEqual(edgeTiles(size));
      }),
    );
  });

  test("do not shrink", () => {
    expect(() => [...newTiles(treeSize(2), treeSize(1))]).toThrow(/shrink/);
  });
});
