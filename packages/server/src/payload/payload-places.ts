/** Which bodies lie in one payload file, and where: found by walking its items once. */
import type { SegmentSource } from "../journal/segment-source.ts";
import { Window } from "../journal/segment-source.ts";
import { WALK_CHUNK_BYTES } from "./limits.ts";
import { ITEM_HEADER_BYTES, itemBytes, openMeta, parseItemHeader } from "./payload-file.ts";
import type { ItemHeader, PayloadKeys } from "./payload-file.ts";
import type { PayloadMeta } from "./payload-meta.ts";

export interface ItemPlace {
  readonly offset: number;
  readonly header: ItemHeader;
}

export interface WalkedPayloads {
  readonly nextNumber: number;
  /** What follows the last whole item; null when nothing does. */
  readonly rest: { readonly offset: number; readonly reason: string; readonly isTorn: boolean } | null;
}

/**
 * Each item in turn; `onItem` gets null in place of an item's facts when they do not open. What an interrupted write
 * left at the end is `rest`, torn.
 */
export async function walkPayloads(
  source: SegmentSource,
  start: number,
  keys: PayloadKeys,
  onItem: (place: ItemPlace, meta: PayloadMeta | null) => void | Promise<void>,
): Promise<WalkedPayloads> {
  const window = new Window(source, WALK_CHUNK_BYTES);
  let number = 0;
  for (let offset = start; offset < source.sizeBytes; number += 1) {
    const left = source.sizeBytes - offset;
    const bytes = await window.take(offset, Math.min(ITEM_HEADER_BYTES, left));
    const header = parseItemHeader(bytes, 0, number);
    const isTorn = left < ITEM_HEADER_BYTES || (typeof header !== "string" && itemBytes(header) > left);
    if (typeof header === "string" || isTorn) {
      const reason = typeof header === "string" ? header : "the file ends within the item";
      return { nextNumber: number, rest: { offset, reason, isTorn } };
    }
    const facts = await window.take(offset, ITEM_HEADER_BYTES + header.metaBytes);
    await onItem({ offset, header }, openMeta(keys, header, facts));
    offset += itemBytes(header);
  }
  return { nextNumber: number, rest: null };
}
