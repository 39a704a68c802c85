import { assert } from "./assert.ts";
import { EMPTY_ROOT, HASH_SIZE_BYTES, foldHashes } from "./hashing.ts";
import { TILE_WIDTH, edgeTiles } from "./tiles.ts";
import type { TileCoordinate } from "./tiles.ts";
import { treeSize } from "./tree-size.ts";
import type { TreeSize } from "./tree-size.ts";

/**
 * The right edge of a growing tree: all that must be remembered to append leaves, write tiles and know the root.
 *
 * Guarantees: after any sequence of `append` calls the tiles handed out so far, together with `edge()`, are exactly
 * the tiles of a tree of `size` leaves, and `root()` is its RFC 6962 root. How the leaves are cut into calls makes no
 * difference.
 * Invariant: level l holds floor(size / 256^l) mod 256 hashes, each the root of a full subtree of 256^l leaves.
 * Left out on purpose: I/O, promises, and any look back at tiles already handed out.
 */
export class Frontier {
  #size: number;
  readonly #levels: Level[];

  private constructor(size: number, levels: Level[]) {
    this.#size = size;
    this.#levels = levels;
  }

  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /** From a size and the bytes of its partial tiles. Tiles that do not belong to that size are a misuse and throw. */
  static restore(size: TreeSize, edge: readonly Tile[]): Frontier {
    const wanted = edgeTiles(size);
    assert(
      edge.length === wanted.length,
      `a tree of ${size} leaves has ${wanted.length} partial tiles, not ${edge.length}`,
    );
    const levels: Level[] = [];
    for (const place of wanted) {
      const tile = edge.find((candidate) => candidate.level === place.level);
      assert(tile !== undefined, `the partial tile of level ${place.level} is missing`);
      assert(
        tile.n === place.n && tile.width === place.width,
        `the tile of level ${place.level} is of another tree size`,
      );
      assert(
        tile.bytes.length === place.width * HASH_SIZE_BYTES,
        `the tile of level ${place.level} has a wrong length`,
      );
      while (levels.length <= place.level) levels.push(emptyLevel(size, levels.length));
      const level = levels[place.level]!;
      level.bytes.set(tile.bytes);
      level.width = place.width;
    }
    return new Frontier(size, levels);
  }

  get size(): TreeSize {
    return treeSize(this.#size);
  }

  /**
   * Appends leaf hashes, 32 bytes each, and returns the tiles that became full, in the order in which they did. The
   * bytes are the caller's: nothing here refers to them any more.
   */
  append(leafHashes: Uint8Array): readonly Tile[] {
    assert(leafHashes.length % HASH_SIZE_BYTES === 0, "leaf hashes are 32 bytes each");
    const count = leafHashes.length / HASH_SIZE_BYTES;
    treeSize(this.#size + count);
    const full: Tile[] = [];
    for (let at = 0; at < leafHashes.length;) at += this.#fill(0, leafHashes, at, full);
    this.#size += count;
    return full;
  }

  /** The partial tiles at the present size, lowest level first, as copies. */
  edge(): readonly Tile[] {
    const tiles: Tile[] = [];
    for (const [level, { n, width, bytes }] of this.#levels.entries()) {
      if (width > 0) tiles.push({ level, n, width, bytes: bytes.slice(0, width * HASH_SIZE_BYTES) });
    }
    return tiles;
  }

  /** At most 255 hashes a level, so some tenths of a millisecond. */
  root(): Uint8Array {
    return rootOfEdge(this.edge());
  }

  /** Another edge with the same tree behind it; the two grow apart. */
  copy(): Frontier {
    return new Frontier(
      this.#size,
      this.#levels.map(({ n, width, bytes }) => ({ n, width, bytes: bytes.slice() })),
    );
  }

  /** Takes hashes from `source[at …]` until the level's tile is full; returns the bytes taken. */
  #fill(level: number, source: Uint8Array, at: number, full: Tile[]): number {
    if (this.#levels.length === level) this.#levels.push(emptyLevel(this.#size, level));
    const tile = this.#levels[level]!;
    const taken = Math.min(source.length - at, (TILE_WIDTH - tile.width) * HASH_SIZE_BYTES);
    tile.bytes.set(source.subarray(at, at + taken), tile.width * HASH_SIZE_BYTES);
    tile.width += taken / HASH_SIZE_BYTES;
    if (tile.width === TILE_WIDTH) this.#complete(level, tile, full);
    return taken;
  }

  #complete(level: number, tile: Level, full: Tile[]): void {
    full.push({ level, n: tile.n, width: TILE_WIDTH, bytes: tile.bytes.slice() });
    const root = foldHashes(tile.bytes, 0, TILE_WIDTH);
    tile.n += 1;
    tile.width = 0;
    this.#fill(level + 1, root, 0, full);
  }
}

/** A tile with its hashes, `width` × 32 bytes. */
export interface Tile extends TileCoordinate {
  readonly bytes: Uint8Array;
}

interface Level {
  /** Number of the tile that is being filled. */
  n: number;
  /** Hashes in it: 0 … 255. */
  width: number;
  readonly bytes: Uint8Array;
}

function emptyLevel(size: number, level: number): Level {
  return {
    n: Math.floor(size / TILE_WIDTH ** (level + 1)),
    width: 0,
    bytes: new Uint8Array(TILE_WIDTH * HASH_SIZE_BYTES),
  };
}

/**
 * The root of the tree whose partial tiles these are, lowest level first. What lies right of a level's last full
 * subtree hashes to one value, which is then the last of that level's hashes.
 */
export function rootOfEdge(edge: readonly Tile[]): Uint8Array {
  let right: Uint8Array | null = null;
  for (const { bytes } of edge)
    right = foldHashes(withLast(bytes, right), 0, (bytes.length + (right?.length ?? 0)) / HASH_SIZE_BYTES);
  return right ?? EMPTY_ROOT.slice();
}

function withLast(hashes: Uint8Array, last: Uint8Array | null): Uint8Array {
  if (last === null) return hashes;
  const all = new Uint8Array(hashes.length + last.length);
  all.set(hashes);
  all.set(last, hashes.length);
  return all;
}
