/**
 * `tallystick fsck`: verification of the folder, comparison of the index with the journal, and repair of what is
 * derived.
 *
 * Guarantee: only derived files are written (tiles, chain leaves, a published checkpoint), and only where the journal
 * gives the root that was signed; everything else is left as it is for people to look at. The caller holds the folder's
 * lock when it repairs.
 */
import { TILE_WIDTH, tileWidth } from "@tallystick/tlog";
import type { Frontier, Tile, TreeSize } from "@tallystick/tlog";
import { formatChain } from "@tallystick/verify";
import type { Fault } from "@tallystick/verify";
import type { BulkDisk } from "../disk/bulk-disk.ts";
import { TallystickError } from "../errors.ts";
import { TreeFolder } from "../ledger/tree-folder.ts";
import { tidy } from "../ledger/tree-recovery.ts";
import { chainLeavesBelow } from "./chain-file-check.ts";
import type { LeafDay } from "./check-leaves-task.ts";
import { LeafWalk } from "./leaf-walk.ts";
import { MAX_TILES_A_WRITE } from "./limits.ts";
import { walkJournal } from "./tree-leaves.ts";
import type { CheckedTree } from "./tree-check.ts";
import { epochKeyOf, inspectFolder } from "./verify-folder.ts";
import type { FolderVerifyResult, VerifyFolderOptions } from "./verify-folder.ts";

/** Rows of the index for one tree and day of receipt. */
export interface IndexDayCount extends LeafDay {
  readonly tree: string;
}

export interface FsckOptions {
  readonly verify: VerifyFolderOptions;
  readonly bulk: BulkDisk;
  readonly repair: boolean;
  /** What the index holds; null, at once or when asked, where there is none to compare. */
  readonly indexCounts: (() => Promise<readonly IndexDayCount[] | null>) | null;
}

export interface FsckResult {
  /** After repair, when there was one. */
  readonly verify: FolderVerifyResult;
  /** Differences between index and journal; `reindex` rebuilds it. */
  readonly index: { readonly compared: boolean; readonly faults: readonly Fault[] };
  /** Trees whose tiles or checkpoint were written again. */
  readonly repaired: readonly string[];
}

const REPAIRABLE: ReadonlySet<string> = new Set([
  "tile_missing",
  "tile_mismatch",
  "tile_extra",
  "chain_missing",
  "chain_malformed",
  "chain_mismatch",
  "checkpoint_missing",
  "checkpoint_malformed",
  "checkpoint_rollback",
  "checkpoint_mismatch",
]);

export async function fsck(options: FsckOptions): Promise<FsckResult> {
  const before = await inspectFolder(options.verify);
  const repaired = options.repair ? await repairTrees(options, before.result, before.trees) : [];
  const { result, trees } = repaired.length > 0 ? await inspectFolder(options.verify) : before;
  const counts = options.indexCounts === null ? null : await options.indexCounts();
  const faults = counts === null ? [] : compareIndex(trees, counts);
  return { verify: result, index: { compared: counts !== null, faults }, repaired };
}

async function repairTrees(
  options: FsckOptions,
  result: FolderVerifyResult,
  trees: readonly CheckedTree[],
): Promise<readonly string[]> {
  const repaired: string[] = [];
  for (const tree of trees) {
    const codes = result.faults.filter((fault) => fault.tree === tree.tree).map(({ code }) => code);
    if (codes.length === 0 || result.faultsLeftOut > 0 || !codes.every((code) => REPAIRABLE.has(code))) continue;
    if (await repairTree(options, tree)) repaired.push(tree.tree);
  }
  return repaired;
}

/** Tiles and chain leaves again from the journal, which was just found to give the head's root; the head published. */
async function repairTree({ verify, bulk }: FsckOptions, tree: CheckedTree): Promise<boolean> {
  const { head, found } = tree;
  if (verify.kms === null) {
    throw new TallystickError(
      "key_unavailable",
      "repair needs the KMS key: tiles are made from the journal's contents",
      {
        hint: "Give the KMS key, or start the server, which rebuilds tiles that are missing.",
      },
    );
  }
  const epochKey = await epochKeyOf(verify, found);
  if (head === null || epochKey === null) return false;
  const folder = new TreeFolder(`${verify.dataFolder}/ledger/${tree.tree}`, verify.disk, bulk);
  const rebuild = new TileRebuild(folder, head.size);
  const walk = new LeafWalk([head.size], rebuild);
  await walkJournal(verify.disk, found, epochKey, walk);
  await tidy(folder, head.size);
  await folder.writeChain(formatChain(chainLeavesBelow(head.size, tree.chain)));
  await folder.writeCheckpoint(head.note);
  return true;
}

class TileRebuild {
  readonly #folder: TreeFolder;
  readonly #size: TreeSize;
  #pending: Tile[] = [];

  constructor(folder: TreeFolder, size: TreeSize) {
    this.#folder = folder;
    this.#size = size;
  }

  async onTiles(tiles: readonly Tile[]): Promise<void> {
    this.#pending.push(...tiles.filter(({ level, n }) => tileWidth(level, n, this.#size) === TILE_WIDTH));
    if (this.#pending.length >= MAX_TILES_A_WRITE) await this.#flush();
  }

  async onMark(frontier: Frontier): Promise<void> {
    this.#pending.push(...frontier.edge());
    await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#folder.writeTiles(this.#pending);
    this.#pending = [];
  }
}

/** Every leaf is a row, once: same count, lowest and highest index for each tree and day. */
function compareIndex(trees: readonly CheckedTree[], counts: readonly IndexDayCount[]): readonly Fault[] {
  const indexed = new Map(counts.map((count) => [`${count.tree} ${count.day}`, count]));
  const faults: Fault[] = [];
  for (const { tree, days } of trees) {
    for (const day of days) {
      const found = indexed.get(`${tree} ${day.day}`);
      indexed.delete(`${tree} ${day.day}`);
      if (found?.count === day.count && found.min === day.min && found.max === day.max) continue;
      const message = `${day.day}: the index has ${rowsOf(found)}, the journal ${rowsOf(day)}`;
      faults.push({ code: "index_mismatch", message, tree, index: firstDifference(day, found) });
    }
  }
  for (const { tree, day, min, count } of indexed.values()) {
    faults.push({
      code: "index_mismatch",
      message: `${day}: the index has ${count} rows, the journal none`,
      tree,
      index: min,
    });
  }
  return faults;
}

function rowsOf(day: LeafDay | undefined): string {
  return day === undefined ? "no rows" : `${day.count} (leaves ${day.min} to ${day.max})`;
}

function firstDifference(journal: LeafDay, index: LeafDay | undefined): number {
  if (index === undefined || index.min !== journal.min) return journal.min;
  return index.max === journal.max ? journal.min : Math.min(index.max, journal.max) + 1;
}
