/** Reads a block's leaves from the journal and has them encoded. */
import assert from "node:assert";
import type { Compute } from "../compute/compute.ts";
import { skipEntries } from "../journal/entries.ts";
import type { Journal, LeafRange, TreePosition } from "../journal/journal.ts";
import { encodeNativeTask } from "./encode-task.ts";
import type { EncodedBlock, EncodeRange } from "./encode-task.ts";
import { HASH_BYTES, MAX_BLOCK_BYTES, MAX_BLOCK_ROWS, READ_BYTES } from "./limits.ts";

/** The first `rows` leaves of a range. */
function firstLeaves(range: LeafRange, rows: number): EncodeRange {
  if (rows >= range.count) return range;
  const end = skipEntries(range.entries, rows);
  assert(end > 0, "a range holds as many leaves as it says");
  return { entries: range.entries.subarray(0, end), hashes: range.hashes.subarray(0, rows * HASH_BYTES) };
}

/** Blocks of leaves from `from` on, up to the bounds of one insert; more than one where the day changes. */
export async function prepareBlocks(
  journal: Journal,
  compute: Compute,
  tree: TreePosition,
  from: number,
  maxRows = MAX_BLOCK_ROWS,
): Promise<readonly EncodedBlock[]> {
  const ranges: EncodeRange[] = [];
  let rows = 0;
  let bytes = 0;
  while (rows < maxRows && bytes < MAX_BLOCK_BYTES) {
    const range = await journal.read(tree.tree, from + rows, Math.min(READ_BYTES, MAX_BLOCK_BYTES - bytes));
    if (range === null) break;
    assert(range.firstIndex === from + rows && range.count > 0, "the journal gives the leaves that were asked for");
    const taken = firstLeaves(range, Math.min(range.count, maxRows - rows));
    ranges.push({ entries: taken.entries, hashes: taken.hashes });
    rows += taken.hashes.length / HASH_BYTES;
    bytes += taken.entries.length;
  }
  if (rows === 0) return [];
  return compute.run(encodeNativeTask, { tree: tree.tree, log: tree.log, firstIndex: from, ranges });
}
