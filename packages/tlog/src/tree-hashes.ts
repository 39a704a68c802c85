import { assert } from "./assert.ts";
import { EMPTY_ROOT, HASH_SIZE_BYTES, foldHashes, nodeHash } from "./hashing.ts";
import { TILE_HEIGHT, TILE_WIDTH, edgeTiles, tilePath, tileWidth } from "./tiles.ts";
import { rootOfEdge } from "./frontier.ts";
import type { Tile } from "./frontier.ts";
import type { TreeSize } from "./tree-size.ts";

/** Where tiles come from. */
export interface TileReader {
  /**
   * The bytes of the tile, `width` × 32; rejects when it cannot be had. A wider tile's first `width` hashes will do.
   */
  readTile(level: number, n: number, width: number): Promise<Uint8Array>;
}

/** A node of the tree, the root of a full subtree: leaves [index × 2^height, (index + 1) × 2^height). */
interface Node {
  readonly height: number;
  readonly index: number;
}

/**
 * Hashes of any part of one tree, out of its tiles. Each tile is read once and kept for the life of this object,
 * which is one proof or one root; the tiles are believed, so whoever needs to trust the result compares it with a
 * signed root.
 */
export class TreeHashes {
  readonly #size: TreeSize;
  readonly #reader: TileReader;
  readonly #tiles = new Map<string, Promise<Uint8Array>>();

  constructor(size: TreeSize, reader: TileReader) {
    this.#size = size;
    this.#reader = reader;
  }

  /**
   * MTH(D[start … end)) of RFC 6962 for a range that is a subtree of this tree: start a multiple of the power of two
   * it spans.
   */
  async range(start: number, end: number): Promise<Uint8Array> {
    const roots = await Promise.all(fullSubtrees(start, end).map((node) => this.#node(node)));
    return roots.reduceRight((right, left) => nodeHash(left, right));
  }

  async #node({ height, index }: Node): Promise<Uint8Array> {
    const level = Math.floor(height / TILE_HEIGHT);
    const count = 2 ** (height % TILE_HEIGHT);
    const first = index * count;
    const n = Math.floor(first / TILE_WIDTH);
    return foldHashes(await this.#tile(level, n), (first % TILE_WIDTH) * HASH_SIZE_BYTES, count);
  }

  #tile(level: number, n: number): Promise<Uint8Array> {
    const key = `${level}/${n}`;
    const tile = this.#tiles.get(key) ?? readWhole(this.#reader, level, n, tileWidth(level, n, this.#size));
    this.#tiles.set(key, tile);
    return tile;
  }
}

/** The root of a tree of that size, from its partial tiles alone. */
export async function rootFromTiles(size: TreeSize, reader: TileReader): Promise<Uint8Array> {
  return size === 0 ? EMPTY_ROOT.slice() : rootOfEdge(await readEdge(size, reader));
}

/** The partial tiles of a tree of that size: what `Frontier.restore` takes. */
export function readEdge(size: TreeSize, reader: TileReader): Promise<readonly Tile[]> {
  const read = edgeTiles(size).map(async (place) => ({
    ...place,
    bytes: await readWhole(reader, place.level, place.n, place.width),
  }));
  return Promise.all(read);
}

async function readWhole(reader: TileReader, level: number, n: number, width: number): Promise<Uint8Array> {
  assert(width > 0, `the tree has no tile ${n} at level ${level}`);
  const bytes = await reader.readTile(level, n, width);
  if (bytes.length % HASH_SIZE_BYTES !== 0 || bytes.length < width * HASH_SIZE_BYTES) {
    throw new Error(`${tilePath(level, n, width)} has ${bytes.length} bytes, not ${width * HASH_SIZE_BYTES}`);
  }
  return bytes.subarray(0, width * HASH_SIZE_BYTES);
}

/**
 * Cuts a range into the largest full subtrees, left to right. Their sizes shrink, as they do at the right edge of a
 * tree.
 */
function fullSubtrees(start: number, end: number): readonly Node[] {
  assert(start < end, "a range of leaves is not empty");
  const nodes: Node[] = [];
  for (let at = start; at < end;) {
    const height = Math.floor(Math.log2(end - at));
    const span = exactSpan(height, end - at);
    assert(at % span === 0, `leaves ${start} to ${end} are no subtree`);
    nodes.push({ height: Math.round(Math.log2(span)), index: at / span });
    at += span;
  }
  return nodes;
}

/** The largest power of two ≤ count; log2 of a number just below 2^53 may be rounded up. */
function exactSpan(height: number, count: number): number {
  const span = 2 ** height;
  return span > count ? span / 2 : span;
}
