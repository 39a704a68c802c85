/** Erased leaves as they are overwritten: which of them still are whole, and what is kept of each. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { decodeLeaf, erasedLeafHash } from "@tallystick/record";
import { recordBytesOf } from "@tallystick/verify";

import { leafAt } from "../journal/entries.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import { stubOf } from "./erasure.ts";
import type { ErasedItem, Erasure, SignedRecord } from "./erasure.ts";

type Leaves = Pick<LocalJournal, "read" | "trees" | "eraseLeaves">;

/** Retention may have taken the tree away, and a restored folder may never have had the record. */
export function isHere(journal: Pick<LocalJournal, "trees">, { tree, leaf_index: index }: ErasedItem): boolean {
  const position = journal.trees().find((one) => one.tree === tree);
  return position !== undefined && index < position.size;
}

/** Those that are there with their bytes. */
export async function wholeLeaves(journal: Leaves, leaves: readonly ErasedItem[]): Promise<readonly ErasedItem[]> {
  const found: ErasedItem[] = [];
  for (const item of leaves.filter((leaf) => isHere(journal, leaf)))
    if (erasedLeafHash(await leafOf(journal, item)) === null) found.push(item);
  return found;
}

/** Gone from every segment when it returns. The ERASURE record must be durable. */
export async function overwriteLeaves(journal: Leaves, erasure: Erasure, leaves: readonly ErasedItem[]): Promise<void> {
  for (const tree of new Set(leaves.map((item) => item.tree))) {
    const stubs = [];
    const own = leaves.filter((one) => one.tree === tree);
    for (const item of await wholeLeaves(journal, own))
      stubs.push(stubOf(erasure, item, signedRecord(await leafOf(journal, item))));
    if (stubs.length > 0) await journal.eraseLeaves(tree, stubs);
  }
}

async function leafOf(journal: Leaves, { tree, leaf_index: index }: ErasedItem): Promise<Uint8Array> {
  const range = await journal.read(tree, index, 1);
  assert(range !== null, "a leaf below the tree's size is there");
  return leafAt(range.entries, 0);
}

function signedRecord(leaf: Uint8Array): SignedRecord | null {
  const { record, observed } = decodeLeaf(leaf);
  if (observed.signature === undefined) return null;
  const { producer_id: id, producer_epoch: epoch, producer_seq: number } = record;
  if (id === undefined || epoch === undefined || number === undefined) return null;
  const digest = createHash("sha256").update(recordBytesOf(leaf)).digest("hex");
  return { place: { producer_id: id, producer_epoch: epoch, producer_seq: number }, digest };
}
