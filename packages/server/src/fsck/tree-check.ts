/** One tree of a data folder: notes, leaves, tiles and roots against each other. */
import { equalBytes, parseTilePath, treeSize } from "@tallystick/tlog";
import type { Checkpoint, Frontier } from "@tallystick/tlog";
import { FaultList, verifyTiles } from "@tallystick/verify";
import type { Compute } from "../compute/compute.ts";
import type { Disk } from "../disk/disk.ts";
import { scanJournal } from "../journal/scan.ts";
import type { FoundTree } from "../journal/scan.ts";
import { checkChainFile } from "./chain-file-check.ts";
import { TreeFaults } from "./faults.ts";
import type { FolderFaults } from "./faults.ts";
import { LeafWalk } from "./leaf-walk.ts";
import { TileCheck } from "./tile-check.ts";
import { checkLeaves, walkTiles } from "./tree-leaves.ts";
import type { FolderTail, LeavesOutcome } from "./tree-leaves.ts";
import { readTreeNotes } from "./tree-notes.ts";
import type { FolderNote, TreeNotes } from "./tree-notes.ts";

export interface TreeCheckOptions {
  readonly disk: Disk;
  readonly found: FoundTree;
  /** `ledger/<log>/<epoch>` */
  readonly ledgerFolder: string;
  readonly headFile: string;
  readonly origin: string;
  readonly publicKeys: readonly Uint8Array[] | null;
  readonly epochKey: Uint8Array | null;
  readonly integrityKey: Uint8Array | null;
  /** What the verifier remembers of this tree. */
  readonly since: readonly Checkpoint[];
  readonly isStopped: boolean;
  /** No newer tree of the log has leaves. */
  readonly isNewest: boolean;
  readonly compute: Compute;
  readonly faults: FolderFaults;
  readonly onLeaves: (count: number) => void;
}

export interface CheckedTree {
  readonly found: FoundTree;
  readonly tree: string;
  readonly log: string;
  readonly origin: string;
  readonly folder: string;
  /** Published size, 0 when nothing is. */
  readonly size: number;
  readonly root: Uint8Array | null;
  readonly journaled: number;
  /** Hash of the last leaf; null when it could not be come to. */
  readonly lastHash: Uint8Array | null;
  readonly head: FolderNote | null;
  readonly checkpoint: FolderNote | null;
  readonly chain: LeavesOutcome["chain"];
  /** Whether `chain` holds all there is, from the journal or, of the published size, from the file in clear. */
  readonly isChainRead: boolean;
  readonly contents: "checked" | "not checked";
  readonly macs: "checked" | "not checked";
  readonly tail: FolderTail | null;
  readonly leavesChecked: number;
  readonly tilesChecked: number;
  readonly days: LeavesOutcome["days"];
  readonly bodies: LeavesOutcome["bodies"];
  readonly erased: LeavesOutcome["erased"];
  readonly stubs: LeavesOutcome["stubs"];
}

export async function checkTree(options: TreeCheckOptions): Promise<CheckedTree> {
  const { disk, found, ledgerFolder, headFile, isStopped, epochKey } = options;
  const faults = new TreeFaults(options.faults, found.tree);
  const checkpointFile = `${ledgerFolder}/checkpoint`;
  const notes = await readTreeNotes({ ...options, checkpointFile, headFile, faults });
  const published = treeSize((notes.checkpoint ?? notes.head)?.size ?? 0);
  const tiles = new TileCheck({ disk, folder: ledgerFolder, published, isStopped, faults });
  await tiles.list();
  const now = await segmentsNow(options);
  const isTold = epochKey === null && (await tellWrongTiles(options, notes, tiles, faults));
  const walk = walkOf(options, notes, isTold ? null : tiles, published, faults);
  const vouched = Math.max(published, notes.head?.size ?? 0);
  const mayBeOpen = !isStopped && options.isNewest;
  const leaves = await checkLeaves(
    { ...options, found: now, tileFolder: ledgerFolder, vouched, mayBeOpen, faults },
    walk,
  );
  const untold = isTold ? null : faults;
  const isWalked = epochKey === null ? await walkWithoutContents(options, published, walk, untold) : leaves.isWhole;
  await tiles.end(epochKey !== null && isWalked ? walk.frontier : null);
  checkReach(leaves, vouched, notes, options, faults);
  const journaled = leaves.journaled;
  const journalLeaves = epochKey !== null && !leaves.isDamaged ? leaves.chain : null;
  const places = { disk, folder: ledgerFolder, published, journaled, isStopped, faults };
  const shown = await checkChainFile({ ...places, journalLeaves });
  return {
    found: now,
    tree: found.tree,
    log: found.log,
    origin: options.origin,
    folder: found.folder,
    size: published,
    root: (notes.checkpoint ?? notes.head)?.root ?? null,
    ...leaves,
    chain: epochKey === null ? (shown ?? []) : leaves.chain,
    isChainRead: epochKey !== null || (shown !== null && published > 0),
    lastHash: isWalked && walk.size >= journaled ? walk.lastHash : null,
    ...notes,
    contents: epochKey === null && now.segments.length > 0 ? "not checked" : "checked",
    tilesChecked: tiles.tilesChecked,
  };
}

/** A server that runs may have begun segments since the folder was listed, and signed what is in them. */
async function segmentsNow({ disk, found, isStopped }: TreeCheckOptions): Promise<FoundTree> {
  if (isStopped) return found;
  const { trees } = await scanJournal(disk, found.folder.slice(0, -found.tree.length - 1));
  return trees.find(({ tree }) => tree === found.tree) ?? found;
}

function walkOf(
  options: TreeCheckOptions,
  { checkpoint, head }: TreeNotes,
  /** Null: tiles of level 0, which give the leaves, are wrong and told, so that no other tile is held against them. */
  tiles: TileCheck | null,
  published: number,
  faults: TreeFaults,
): LeafWalk {
  const remembered = options.since;
  const roots = [checkpoint, head].filter((note) => note !== null);
  const marks = [published, ...roots.map(({ size }) => size), ...remembered.map(({ size }) => size)];
  const onMark = async (frontier: Frontier): Promise<void> => {
    if (frontier.size === published) await tiles?.edge(frontier);
    const root = frontier.root();
    for (const note of roots) {
      if (tiles === null || note.size !== frontier.size || equalBytes(note.root, root)) continue;
      faults.add("root_mismatch", `the ${note.size} leaves do not give the root that was signed for them`, {
        file: note.file,
        index: note.size - 1,
      });
    }
    for (const { size, root: old } of remembered) {
      if (size !== frontier.size || equalBytes(old, root)) continue;
      faults.add("fork", `the first ${size} leaves are not the ones that the remembered checkpoint was signed for`, {
        index: size - 1,
      });
    }
  };
  return new LeafWalk(marks, {
    onMark,
    onTiles: async (full) => eachInTurn(full, async (tile) => tiles?.full(tile)),
  });
}

/** The tiles from the signed root down, each fault at the tile that has it; whether there are any. */
async function tellWrongTiles(
  { found, ledgerFolder }: TreeCheckOptions,
  { checkpoint, head }: TreeNotes,
  tiles: TileCheck,
  faults: TreeFaults,
): Promise<boolean> {
  const signed = checkpoint ?? head;
  if (signed === null) return false;
  const list = new FaultList();
  const tile = async (path: string) => {
    const place = parseTilePath(path);
    return place?.kind === "hash" ? tiles.bytesOf(place) : null;
  };
  await verifyTiles({ tile }, { tree: found.tree, size: signed.size, root: signed.root, faults: list });
  for (const { code, message, file, tree: _, ...place } of list.faults)
    faults.add(code, message, { ...place, file: `${ledgerFolder}/${file}` });
  return list.count > 0;
}

async function eachInTurn<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  for (const item of items) await run(item);
}

async function walkWithoutContents(
  options: TreeCheckOptions,
  published: number,
  walk: LeafWalk,
  faults: TreeFaults | null,
): Promise<boolean> {
  const { disk, ledgerFolder, onLeaves } = options;
  if (await walkTiles(disk, ledgerFolder, published, walk, onLeaves)) return true;
  faults?.add("tile_missing", "a tile of level 0 is missing", { file: ledgerFolder, index: walk.size });
  return false;
}

/** Whether the journal is as long as what was signed, and signed as far as it is long. */
function checkReach(
  leaves: LeavesOutcome,
  vouched: number,
  notes: TreeNotes,
  options: TreeCheckOptions,
  faults: TreeFaults,
): void {
  const { found, since, isStopped } = options;
  if (leaves.journaled < vouched && !leaves.isDamaged) {
    const message = `the journal has ${leaves.journaled} leaves, but ${vouched} were signed: it was cut or put back`;
    faults.add("journal_rollback", message, { file: found.folder, index: leaves.journaled });
  }
  for (const { size } of since) {
    if (size <= vouched) continue;
    faults.add(
      "rollback",
      `the remembered checkpoint has ${size} leaves, the folder's only ${vouched}: it was put back`,
      { index: vouched },
    );
  }
  const isUnsigned = leaves.journaled > 0 && notes.head === null && notes.checkpoint === null;
  if (isStopped && isUnsigned)
    faults.add("head_missing", "the tree has leaves, but neither head nor checkpoint", { file: options.headFile });
  if (isStopped && notes.head !== null && leaves.journaled > vouched) {
    faults.add("unpublished", `${leaves.journaled - vouched} leaves were never signed, though the journal was closed`, {
      index: vouched,
    });
  }
}
