/**
 * What a start finds of one tree, and what it makes of it: the comparison of head, checkpoint and journal, and the
 * tiles.
 *
 * Refused (fatal, nothing written): a checkpoint that is larger than the head or differs at the same size, a journal
 * shorter than the head, a rebuilt tree whose root is not the head's. Put right: a checkpoint behind the head or
 * unreadable (the head is published again), tiles missing or damaged (rebuilt from the journal), files of superseded
 * or never published sizes (removed).
 */
import { strict as assert } from "node:assert";
import { edgeTiles, equalBytes, Frontier, levelWidth, TILE_WIDTH, tileWidth, treeSize } from "@tallystick/tlog";
import type { Tile, TreeSize } from "@tallystick/tlog";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { MAX_PENDING_TILES, READ_BYTES } from "./limits.ts";
import type { SignedHead } from "./signed-head.ts";
import type { TreeFolder } from "./tree-folder.ts";

const HASH_BYTES = 32;

export interface TreeFindings {
  readonly tree: string;
  readonly head: SignedHead | null;
  /** Null when there is none; `unreadable` when it does not open with the tree's key. */
  readonly checkpoint: SignedHead | "unreadable" | null;
  /** Leaves in the journal; null when the journal has no such tree. */
  readonly journaled: number | null;
}

/** Throws the refusals above; true when the head must be published again. */
export function compareAtStart(found: TreeFindings): boolean {
  const { head, checkpoint } = found;
  const published = checkpoint === "unreadable" ? null : checkpoint;
  if (found.journaled === null)
    throw rollback(found, "the ledger or the head store knows the tree, but the journal does not");
  if (head === null) {
    if (published === null) return false;
    throw rollback(
      found,
      `a checkpoint of ${published.size} leaves is published, but the head store knows nothing of the tree`,
    );
  }
  if (found.journaled < head.size) {
    throw rollback(found, `the head store has ${head.size} leaves, but the journal only ${found.journaled}`);
  }
  if (published === null || published.size < head.size) return true;
  if (published.size > head.size) {
    throw rollback(
      found,
      `a checkpoint of ${published.size} leaves is published, but the head store has only ${head.size}`,
    );
  }
  if (!equalBytes(published.root, head.root)) {
    throw rollback(found, `checkpoint and head store have different roots for ${head.size} leaves`);
  }
  return false;
}

function rollback(found: TreeFindings, what: string): TallystickError {
  return new TallystickError("ledger_rollback", `${found.tree}: ${what}`, {
    fatal: true,
    hint: "Somebody put back an older state, or a part of it. Bring back the newer files; never delete the head.",
    at: { tree: found.tree },
  });
}

export interface Restored {
  readonly frontier: Frontier;
  /** Tiles written or replaced; 0 when all were there. */
  readonly rebuilt: number;
}

/** Brings the folder to exactly the tiles of the head's size and returns the tree's edge. */
export async function restoreTiles(
  tree: string,
  head: SignedHead | null,
  folder: TreeFolder,
  journal: Journal,
): Promise<Restored> {
  const size = treeSize(head?.size ?? 0);
  const missing = await tidy(folder, size);
  if (head === null) return { frontier: Frontier.empty(), rebuilt: 0 };
  const frontier = missing === 0 ? await frontierOf(folder, size) : null;
  if (frontier !== null && equalBytes(frontier.root(), head.root)) return { frontier, rebuilt: 0 };
  return rebuildTiles(tree, head, folder, journal);
}

/** Removes what does not belong to the size; returns how many tiles of it are missing. */
export async function tidy(folder: TreeFolder, size: TreeSize): Promise<number> {
  let found = 0;
  const strays: string[] = [];
  for await (const { path, tile } of folder.files()) {
    if (tile !== null && tileWidth(tile.level, tile.n, size) === tile.width) found += 1;
    else if (tile !== null || path.endsWith(TEMPORARY_SUFFIX)) strays.push(path);
  }
  await folder.remove(strays);
  return tileCount(size) - found;
}

function tileCount(size: TreeSize): number {
  let count = 0;
  for (let level = 0; levelWidth(level, size) > 0; level++) count += Math.ceil(levelWidth(level, size) / TILE_WIDTH);
  return count;
}

/** Null when a tile of the right edge is missing. */
async function frontierOf(folder: TreeFolder, size: TreeSize): Promise<Frontier | null> {
  const edge: Tile[] = [];
  for (const place of edgeTiles(size)) {
    const bytes = await folder.readTile(place);
    if (bytes === null) return null;
    edge.push({ ...place, bytes });
  }
  return Frontier.restore(size, edge);
}

/**
 * From the journal, leaf by leaf. Tiles that are on the disk with other bytes are replaced only after the root turned
 * out to be the head's, so that a changed journal cannot destroy the tiles which prove the change.
 */
async function rebuildTiles(tree: string, head: SignedHead, folder: TreeFolder, journal: Journal): Promise<Restored> {
  let written = 0;
  let differing = 0;
  const fill = async (tiles: readonly Tile[]): Promise<void> => {
    const absent: Tile[] = [];
    for (const tile of tiles) {
      const present = await folder.readTile(tile);
      if (present === null) absent.push(tile);
      else if (!equalBytes(present, tile.bytes)) differing += 1;
    }
    await folder.writeTiles(absent);
    written += absent.length;
  };
  const frontier = await walkLeaves(tree, head.size, journal, fill);
  if (!equalBytes(frontier.root(), head.root)) throw mismatch(tree, head.size);
  if (differing > 0) await walkLeaves(tree, head.size, journal, (tiles) => folder.writeTiles(tiles));
  return { frontier, rebuilt: written + differing };
}

/** Appends the first `size` leaves to an empty tree and hands out its tiles, the edge last. */
async function walkLeaves(
  tree: string,
  size: number,
  journal: Journal,
  take: (tiles: readonly Tile[]) => Promise<void>,
): Promise<Frontier> {
  const frontier = Frontier.empty();
  let tiles: Tile[] = [];
  while (frontier.size < size) {
    const range = await journal.read(tree, frontier.size, READ_BYTES);
    if (range === null) throw mismatch(tree, size);
    assert(range.firstIndex === frontier.size && range.count > 0, "the journal reads on from where it was asked");
    const count = Math.min(range.count, size - frontier.size);
    tiles.push(...frontier.append(range.hashes.subarray(0, count * HASH_BYTES)));
    if (tiles.length < MAX_PENDING_TILES) continue;
    await take(tiles);
    tiles = [];
  }
  await take([...tiles, ...frontier.edge()]);
  return frontier;
}

function mismatch(tree: string, size: number): TallystickError {
  return new TallystickError(
    "ledger_mismatch",
    `${tree}: the first ${size} leaves of the journal do not give the root that was signed for them`,
    {
      fatal: true,
      hint: "The journal was changed after it was signed. Keep the folder as it is and run `tallystick verify` on it.",
      at: { tree, index: size },
    },
  );
}
