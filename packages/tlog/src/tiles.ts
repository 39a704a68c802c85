import { assert } from "./assert.ts";
import { parseDecimal } from "./tree-size.ts";
import type { TreeSize } from "./tree-size.ts";

/** C2SP tlog-tiles: where a tile lies, how it is named, and which tiles a tree of a given size has. */

/** Tree levels in a tile. */
export const TILE_HEIGHT = 8;
/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;
/** Levels named by the specification's paths; a tree of at most 2^53 − 1 leaves has tiles at levels 0 … 6. */
const MAX_TILE_LEVEL = 63;

/** The n-th tile of a level, `width` hashes wide (1 … 256). */
export interface TileCoordinate {
  readonly level: number;
  readonly n: number;
  readonly width: number;
}

export type TilePath =
  | ({ readonly kind: "hash" } & TileCoordinate)
  | { readonly kind: "entries"; readonly level: 0; readonly n: number; readonly width: number };

/** `tile/0/x001/067`, or `tile/0/x001/067.p/112` for a width below 256. */
export function tilePath(level: number, n: number, width: number = TILE_WIDTH): string {
  assert(Number.isInteger(level) && level >= 0 && level <= MAX_TILE_LEVEL, `no tile level: ${level}`);
  return `tile/${level}/${numberPath(n)}${widthSuffix(width)}`;
}

/** `tile/entries/x001/067`, or `tile/entries/x001/067.p/112` for fewer than 256 entries. */
export function entriesPath(n: number, width: number = TILE_WIDTH): string {
  return `tile/entries/${numberPath(n)}${widthSuffix(width)}`;
}

function numberPath(n: number): string {
  assert(Number.isSafeInteger(n) && n >= 0, `no tile number: ${n}`);
  const digits = String(n);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/.{3}/g)!;
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
}

function widthSuffix(width: number): string {
  assert(Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH, `no tile width: ${width}`);
  return width === TILE_WIDTH ? "" : `.p/${width}`;
}

const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** Exactly the paths that `tilePath` and `entriesPath` write; null for everything else. */
export function parseTilePath(path: string): TilePath | null {
  const match = PATH.exec(path);
  if (match === null) return null;
  const [, kind, number, partial] = match;
  const n = parseNumberPath(number!);
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (n === null || (partial !== undefined && width >= TILE_WIDTH)) return null;
  if (kind === "entries") return { kind: "entries", level: 0, n, width };
  const level = Number(kind);
  return level > MAX_TILE_LEVEL ? null : { kind: "hash", level, n, width };
}

function parseNumberPath(path: string): number | null {
  if (path.startsWith("x000/")) return null;
  return parseDecimal(path.replaceAll(/[x/]/g, "").replace(/^0{1,2}(?=[0-9])/, ""));
}

/** How many hashes the level has in a tree of that size. */
export function levelWidth(level: number, size: TreeSize): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** The width of the n-th tile of a level in a tree of that size: 0 when there is none. */
export function tileWidth(level: number, n: number, size: TreeSize): number {
  return Math.max(0, Math.min(TILE_WIDTH, levelWidth(level, size) - n * TILE_WIDTH));
}

/** Every tile of a tree, level by level, left to right: full ones, then the level's partial one. */
export function* tilesForSize(size: TreeSize): Generator<TileCoordinate> {
  yield* newTiles(0 as TreeSize, size);
}

/**
 * The tiles that a tree of `newSize` has and the same tree at `oldSize` had not. A wider partial tile counts as new.
 * Order as in `tilesForSize`.
 */
export function* newTiles(oldSize: TreeSize, newSize: TreeSize): Generator<TileCoordinate> {
  assert(oldSize <= newSize, `a tree does not shrink from ${oldSize} to ${newSize}`);
  for (let level = 0; levelWidth(level, newSize) > 0; level++) {
    const before = levelWidth(level, oldSize);
    const after = levelWidth(level, newSize);
    if (after === before) continue;
    for (let n = Math.floor(before / TILE_WIDTH); n * TILE_WIDTH < after; n++) {
      yield { level, n, width: Math.min(TILE_WIDTH, after - n * TILE_WIDTH) };
    }
  }
}

/**
 * The partial tiles of a tree, lowest level first: what a `Frontier` is restored from, and all that is ever replaced.
 */
export function edgeTiles(size: TreeSize): readonly TileCoordinate[] {
  const tiles: TileCoordinate[] = [];
  for (let level = 0; levelWidth(level, size) > 0; level++) {
    const hashes = levelWidth(level, size);
    const width = hashes % TILE_WIDTH;
    if (width > 0) tiles.push({ level, n: Math.floor(hashes / TILE_WIDTH), width });
  }
  return tiles;
}
