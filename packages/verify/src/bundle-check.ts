import { decodeLeaf } from "@tallystick/record";
import type { Leaf } from "@tallystick/record";
import { HASH_SIZE_BYTES, TILE_WIDTH, entriesPath, equalBytes, foldHashes, parseEntryBundle } from "@tallystick/tlog";
import type { BundleEntries } from "@tallystick/tlog";
import { entryHashes, erasedPlaces } from "./erasure.ts";
import { firstDifference } from "./hash-list.ts";
import { MAX_ERASED_LEAVES, MAX_LINKS } from "./limits.ts";
import { successionOf } from "./key-succession.ts";
import { linkOf, openingOf } from "./own-leaf.ts";
import type { HashAbove, TreeCheck } from "./tree-check.ts";
import type { ReadTile } from "./tree-source.ts";

/**
 * The entries themselves: that they hash to the tree's leaf hashes, that each is one canonical leaf, and what they
 * say about the chain.
 */

export interface BundlePlace {
  readonly n: number;
  readonly width: number;
  /** The level-0 tile beside it; null when it cannot be had. */
  readonly tile: ReadTile | null;
  /** Whether the tile leads to the signed root. */
  readonly tileRight: boolean;
  /** What a full tile must hash to. */
  readonly expected: HashAbove | null;
}

export interface BundleAnswer {
  readonly file: string;
  readonly bytes: Uint8Array | null;
}

/**
 * Null when contents cannot be read at all. A partial bundle may have given way to the full one, which begins with
 * it.
 */
export async function readBundle({ source }: TreeCheck, n: number, width: number): Promise<BundleAnswer | null> {
  if (source.entries === null) return null;
  const file = entriesPath(n, width);
  return { file, bytes: await source.entries(file) };
}

/** Returns whether it found the tile beside the bundle to be the wrong one, and said so. */
export function checkBundle(check: TreeCheck, place: BundlePlace, { file, bytes }: BundleAnswer): boolean {
  const { faults, tree } = check;
  if (bytes === null) {
    faults.add({
      code: "entries_missing",
      message: "the entry bundle is not there",
      tree,
      file,
      index: place.n * TILE_WIDTH,
    });
    return false;
  }
  const parsed = parseEntryBundle(bytes, place.width);
  if (parsed.kind === "refused") {
    faults.add({ code: "entries_malformed", message: parsed.reason, tree, file, index: place.n * TILE_WIDTH });
    return false;
  }
  const hashes = entryHashes(bytes, parsed.value);
  const tileWrong = compareHashes(check, place, { file, entries: parsed.value, hashes });
  checkLeaves(check, place, { file, bytes, entries: parsed.value });
  return tileWrong;
}

interface HashedBundle {
  readonly file: string;
  readonly entries: BundleEntries;
  readonly hashes: Uint8Array;
}

/**
 * Where entries and tile differ, the one that does not lead to the signed root is at fault; if neither is known to,
 * the entry is. Returns whether it was the tile.
 */
function compareHashes(check: TreeCheck, place: BundlePlace, { file, entries, hashes }: HashedBundle): boolean {
  const { faults, tree } = check;
  const { tile, expected } = place;
  const at = tile === null ? null : firstDifference(tile.bytes, hashes);
  const index = place.n * TILE_WIDTH + (at ?? 0);
  if (tile !== null && at !== null && !place.tileRight && hashesTo(hashes, expected)) {
    const message = "the tile's hash is not that of the entry, and the entry's leads to the root";
    faults.add({ code: "tile_mismatch", message, tree, file: tile.file, offset: at * HASH_SIZE_BYTES, index });
    return true;
  }
  if (at !== null) {
    const message = "the entry does not hash to the leaf hash in the tree";
    faults.add({ code: "entry_mismatch", message, tree, file, offset: entries.starts[at]!, index });
  } else if (tile === null && expected !== null && !hashesTo(hashes, expected)) {
    const message = `the entries do not hash to what ${expected.file} holds`;
    faults.add({ code: "entry_mismatch", message, tree, file, index });
  }
  return false;
}

function hashesTo(hashes: Uint8Array, expected: HashAbove | null): boolean {
  if (expected === null || hashes.length !== TILE_WIDTH * HASH_SIZE_BYTES) return false;
  return expected.proven && equalBytes(foldHashes(hashes, 0, TILE_WIDTH), expected.hash);
}

interface OpenBundle {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly entries: BundleEntries;
}

function checkLeaves(check: TreeCheck, place: BundlePlace, { file, bytes, entries }: OpenBundle): void {
  for (let at = 0; at < entries.count; at++) {
    const [offset, index] = [entries.starts[at]!, place.n * TILE_WIDTH + at];
    const problem = takeLeaf(check, index, bytes.subarray(offset, entries.ends[at]));
    if (problem !== null) check.faults.add({ ...problem, tree: check.tree, file, offset, index });
  }
}

export type LeafProblem = { readonly code: "leaf_malformed" | "leaf_order" | "tree_opening"; readonly message: string };

/** Decodes one leaf and keeps what it says about the chain. Leaves come in the order of their indices. */
function takeLeaf(check: TreeCheck, index: number, bytes: Uint8Array): LeafProblem | null {
  const leaf = decoded(bytes);
  check.found.leavesChecked += 1;
  if (!("code" in leaf)) noteErasure(check, index, leaf);
  return "code" in leaf ? leaf : (noteChainLeaf(check, index, leaf) ?? orderProblem(check, leaf.observed.received_at));
}

/** Kept up to a bound, beyond which a leaf without its bytes counts as unexplained. */
function noteErasure({ found }: TreeCheck, index: number, { record, observed }: Leaf): void {
  if (observed.erased !== undefined && found.stubs.length < MAX_ERASED_LEAVES)
    found.stubs.push({ index, hash: observed.erased });
  for (const place of erasedPlaces(record, observed))
    if (place.what === "leaf" && found.erased.length < MAX_ERASED_LEAVES) found.erased.push(place);
}

function orderProblem({ found }: TreeCheck, receivedAt: string): LeafProblem | null {
  const before = found.lastReceivedAt;
  found.lastReceivedAt = receivedAt;
  if (receivedAt >= before) return null;
  return { code: "leaf_order", message: `the leaf was received at ${receivedAt}, before its predecessor` };
}

function decoded(bytes: Uint8Array): Leaf | LeafProblem {
  try {
    return decodeLeaf(bytes);
  } catch (error) {
    return { code: "leaf_malformed", message: error instanceof Error ? error.message : "not a leaf" };
  }
}

/** Also for chain leaves that come in clear. */
export function noteChainLeaf(check: TreeCheck, index: number, { record, observed }: Leaf): LeafProblem | null {
  if (index === 0) {
    check.found.chainRead = true;
    check.found.opening = openingOf(record, observed);
    if (check.found.opening === null) return { code: "tree_opening", message: "leaf 0 does not open the tree" };
  }
  const link = linkOf(record, observed, index);
  if (link !== null && check.found.links.length < MAX_LINKS) check.found.links.push(link);
  const succession = successionOf(record, observed);
  if (succession !== null && check.found.successions.length < MAX_LINKS) check.found.successions.push(succession);
  return null;
}
