/** Erased leaves as they are overwritten: which of them still are whole, and what is kept of each. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { decodeLeaf, erasedLeafHash } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { recordBytesOf } from "@tallystick/verify";

import { leafAt } from "../journal/entries.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { ERASED_RECORD_DIGEST } from "@tallystick/verify";
import { ERASED_PRINCIPAL, ERASED_TYPE, stubOf } from "./erasure.ts";
import type { ErasedItem, Erasure, Remains } from "./erasure.ts";

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
      stubs.push(stubOf(erasure, item, remainsOf(await leafOf(journal, item), item.numbered === true)));
    if (stubs.length > 0) await journal.eraseLeaves(tree, stubs);
  }
}

async function leafOf(journal: Leaves, { tree, leaf_index: index }: ErasedItem): Promise<Uint8Array> {
  const range = await journal.read(tree, index, 1);
  assert(range !== null, "a leaf below the tree's size is there");
  return leafAt(range.entries, 0);
}

function remainsOf(leaf: Uint8Array, isNumbered: boolean): Remains {
  const { record, observed } = decodeLeaf(leaf);
  if (observed.principal === OWN_PRINCIPAL) return record.event_type === "ACCESS" ? remainsOfRead(record) : NOTHING;
  const isSigned = observed.signature !== undefined;
  const { producer_id: id, producer_epoch: epoch, producer_seq: number } = record;
  if (id === undefined || number === undefined || !(isNumbered || isSigned)) return NOTHING;
  const digest = createHash("sha256").update(recordBytesOf(leaf)).digest("hex");
  return {
    fields: { producer_id: id, ...(epoch === undefined ? {} : { producer_epoch: epoch }), producer_seq: number },
    attributes: {
      [ERASED_PRINCIPAL]: observed.principal,
      ...(isSigned ? { [ERASED_RECORD_DIGEST]: digest } : {}),
    },
  };
}

const NOTHING: Remains = { fields: {}, attributes: {} };

/** Who read, when, from where and how much; what was asked is gone. */
function remainsOfRead({ auth_subject: by, client_address: from, action, attributes = {} }: AuditRecord): Remains {
  const { "access.records": records } = attributes;
  return {
    fields: {
      ...(by === undefined ? {} : { auth_subject: by }),
      ...(from === undefined ? {} : { client_address: from }),
      ...(action === undefined ? {} : { action }),
    },
    attributes: { [ERASED_TYPE]: "ACCESS", ...(records === undefined ? {} : { "access.records": records }) },
  };
}
