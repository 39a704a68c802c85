import { HASH_SIZE_BYTES, TILE_WIDTH, equalBytes, foldHashes, levelWidth, tilePath } from "@tallystick/tlog";
import { ahead } from "./ahead.ts";
import { checkBundle, readBundle } from "./bundle-check.ts";
import type { BundleAnswer } from "./bundle-check.ts";
import type { Edge } from "./edge-check.ts";
import { LOOKAHEAD } from "./limits.ts";
import { hashFault, rebuiltBytes } from "./rebuild.ts";
import type { PlacedTile } from "./rebuild.ts";
import type { HashAbove, TreeCheck } from "./tree-check.ts";
import { readTile, tileOrFault } from "./tree-source.ts";
import type { ReadTile, TileAnswer } from "./tree-source.ts";

/**
 * All full tiles, from the highest level down, each against the hash that the tile above it holds; with the entries
 * of each level-0 tile where they can be read. From above, because then the hash that a tile is held against has been
 * checked already.
 */
export async function checkLevels(check: TreeCheck, edge: Edge): Promise<void> {
  const damage: Damage = { doubtful: new Set(), repaired: new Map() };
  for (let level = highestLevel(check); level >= 0; level--) {
    const above = new TilesAbove(check, edge, level + 1, damage);
    for await (const [n, files] of ahead(numbers(level, check), LOOKAHEAD, (n) => readBoth(check, level, n))) {
      await checkFullTile(check, { level, n, ...files, expected: await above.hash(n) }, damage);
    }
  }
  await checkLastBundle(check, edge);
}

/** Full tiles that are wrong, by path; nothing is kept of the others. */
interface Damage {
  /** Those that do not lead to the root. */
  readonly doubtful: Set<string>;
  /** What they must be, where what lies below them told. */
  readonly repaired: Map<string, Uint8Array>;
}

function highestLevel({ size }: TreeCheck): number {
  let level = 0;
  while (levelWidth(level + 1, size) > 0) level += 1;
  return level;
}

function* numbers(level: number, { size }: TreeCheck): Generator<number> {
  const count = Math.floor(levelWidth(level, size) / TILE_WIDTH);
  for (let n = 0; n < count; n++) yield n;
}

interface FullTile {
  readonly level: number;
  readonly n: number;
  readonly answer: TileAnswer;
  /** Of a level-0 tile whose contents can be read. */
  readonly bundle: BundleAnswer | null;
  readonly expected: HashAbove | null;
}

async function readBoth(check: TreeCheck, level: number, n: number): Promise<Pick<FullTile, "answer" | "bundle">> {
  const tile = readTile(check.source, { level, n, width: TILE_WIDTH });
  const [answer, bundle] = await Promise.all([tile, level === 0 ? readBundle(check, n, TILE_WIDTH) : null]);
  return { answer, bundle };
}

async function checkFullTile(check: TreeCheck, read: FullTile, damage: Damage): Promise<void> {
  const { level, n, answer, bundle, expected } = read;
  const tile = tileOrFault(answer, check.tree, check.faults);
  const agrees = tile !== null && expected !== null && hashesTo(tile.bytes, expected);
  const right = agrees && expected.proven;
  const told =
    bundle !== null && checkBundle(check, { n, width: TILE_WIDTH, tile, tileRight: right, expected }, bundle);
  if (!right) damage.doubtful.add(tilePath(level, n));
  if (tile !== null && expected !== null && !agrees && !told) {
    await tellMismatch(check, { level, n, width: TILE_WIDTH, ...tile }, expected, damage);
  }
  if (tile !== null) check.found.tilesChecked += 1;
  if (level > 0) return;
  check.found.lastLeafHash = tile?.bytes.slice(-HASH_SIZE_BYTES) ?? null;
  check.onLeaves(TILE_WIDTH);
}

function hashesTo(bytes: Uint8Array, { hash }: HashAbove): boolean {
  return equalBytes(foldHashes(bytes, 0, TILE_WIDTH), hash);
}

async function tellMismatch(check: TreeCheck, tile: PlacedTile, expected: HashAbove, damage: Damage): Promise<void> {
  const rebuilt = tile.level === 0 ? tile.bytes : await rebuiltBytes(check, tile);
  if (hashesTo(rebuilt, expected)) {
    damage.repaired.set(tile.file, rebuilt);
    if (expected.proven) damage.doubtful.delete(tile.file);
    hashFault(check, tile, rebuilt);
    return;
  }
  const message = `the tile does not hash to what ${expected.file} holds at byte ${expected.offset}`;
  check.faults.add({ code: "tile_mismatch", message, tree: check.tree, file: tile.file });
}

async function checkLastBundle(check: TreeCheck, edge: Edge): Promise<void> {
  const tile = edge.tiles.get(0);
  const width = check.size % TILE_WIDTH;
  if (width === 0) return;
  const n = Math.floor(check.size / TILE_WIDTH);
  check.found.lastLeafHash = tile?.bytes.slice(-HASH_SIZE_BYTES) ?? null;
  const bundle = await readBundle(check, n, width);
  const place = { n, width, tile: tile ?? null, tileRight: edge.proven, expected: null };
  if (bundle !== null) checkBundle(check, place, bundle);
  check.onLeaves(width);
}

/** The level above, one tile of it at a time: tiles are asked for from left to right. */
class TilesAbove {
  readonly #check: TreeCheck;
  readonly #edge: Edge;
  readonly #level: number;
  readonly #damage: Damage;
  #n = -1;
  #tile: ReadTile | null = null;
  #proven = false;

  constructor(check: TreeCheck, edge: Edge, level: number, damage: Damage) {
    this.#check = check;
    this.#edge = edge;
    this.#level = level;
    this.#damage = damage;
  }

  async hash(n: number): Promise<HashAbove | null> {
    const above = Math.floor(n / TILE_WIDTH);
    if (above !== this.#n) await this.#read(above);
    const offset = (n % TILE_WIDTH) * HASH_SIZE_BYTES;
    if (this.#tile === null) return null;
    const hash = this.#tile.bytes.subarray(offset, offset + HASH_SIZE_BYTES);
    return { hash, file: this.#tile.file, offset, proven: this.#proven };
  }

  async #read(n: number): Promise<void> {
    const hashes = levelWidth(this.#level, this.#check.size);
    this.#n = n;
    if (n === Math.floor(hashes / TILE_WIDTH)) {
      this.#tile = this.#edge.tiles.get(this.#level) ?? null;
      this.#proven = this.#edge.proven;
      return;
    }
    const answer = await readTile(this.#check.source, { level: this.#level, n, width: TILE_WIDTH });
    const path = tilePath(this.#level, n);
    const repaired = this.#damage.repaired.get(path);
    this.#tile = repaired !== undefined ? { file: path, bytes: repaired } : "wrong" in answer ? null : answer;
    this.#proven = !this.#damage.doubtful.has(path);
  }
}
