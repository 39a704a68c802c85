import { HASH_SIZE_BYTES, TILE_WIDTH, entriesPath, foldHashes, parseEntryBundle } from "@tallystick/tlog";
import type { Tile } from "@tallystick/tlog";
import { entryHashes } from "./erasure.ts";
import { firstDifference } from "./hash-list.ts";
import type { TreeCheck } from "./tree-check.ts";
import { readTile } from "./tree-source.ts";
import type { ReadTile } from "./tree-source.ts";

/**
 * A wrong tile built again from what lies below it, so that the fault is told to the byte and is not laid at others'
 * doors.
 */
export type PlacedTile = Tile & ReadTile;

/**
 * The tile's bytes, each hash made from the full tile below, or from its entries; as it was where those cannot be
 * had.
 */
export function rebuiltBytes(check: TreeCheck, tile: Tile): Promise<Uint8Array> {
  return tile.level === 0 ? hashesOfEntries(check, tile) : hashesOfTilesBelow(check, tile);
}

async function hashesOfEntries({ source }: TreeCheck, { n, width, bytes }: Tile): Promise<Uint8Array> {
  const bundle = source.entries === null ? null : await source.entries(entriesPath(n, width));
  const entries = bundle === null ? null : parseEntryBundle(bundle, width);
  return bundle === null || entries?.kind !== "ok" ? bytes : entryHashes(bundle, entries.value);
}

async function hashesOfTilesBelow({ source }: TreeCheck, { level, n, width, bytes }: Tile): Promise<Uint8Array> {
  const hashes = bytes.slice();
  for (let at = 0; at < width; at++) {
    const tile = await readTile(source, { level: level - 1, n: n * TILE_WIDTH + at, width: TILE_WIDTH });
    if (!("wrong" in tile)) hashes.set(foldHashes(tile.bytes, 0, TILE_WIDTH), at * HASH_SIZE_BYTES);
  }
  return hashes;
}

/** Reports the first hash in which the tile differs from the right bytes. */
export function hashFault({ faults, tree }: TreeCheck, { level, n, file, bytes }: PlacedTile, right: Uint8Array): void {
  const at = firstDifference(bytes, right);
  if (at === null) return;
  const message = "the tile's hash is not that of what lies below it, which leads to the root";
  const index = level === 0 ? { index: n * TILE_WIDTH + at } : {};
  faults.add({ code: "tile_mismatch", message, tree, file, offset: at * HASH_SIZE_BYTES, ...index });
}
