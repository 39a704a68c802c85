/** Tallystick's own records of one of its own logs, oldest first; a producer's records there, if any, do not count. */
import { decodeLeaf } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import { entryLength, LENGTH_BYTES } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { FOLD_READ_BYTES } from "./limits.ts";

export async function foldOwnLog(
  journal: Journal,
  wanted: string,
  take: (record: AuditRecord, tree: string) => void,
): Promise<void> {
  for (const { tree, log } of journal.trees()) if (log === wanted) await foldTree(journal, tree, take);
}

async function foldTree(
  journal: Journal,
  tree: string,
  take: (record: AuditRecord, tree: string) => void,
): Promise<void> {
  let from = 0;
  for (;;) {
    const range = await journal.read(tree, from, FOLD_READ_BYTES);
    if (range === null) return;
    let offset = 0;
    for (let entry = 0; entry < range.count; entry++) {
      const end = offset + LENGTH_BYTES + entryLength(range.entries, offset);
      const { record, observed } = decodeLeaf(range.entries.subarray(offset + LENGTH_BYTES, end));
      if (observed.principal === "tallystick" && observed.intake === "tallystick") take(record, tree);
      offset = end;
    }
    from = range.firstIndex + range.count;
  }
}
