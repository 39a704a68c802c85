/** What was erased: the words that list, record, API and verification share. */
import { formatTimestamp, uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { createHash } from "node:crypto";

import type { Part } from "../payload/payload-meta.ts";
import { MAX_ITEMS_A_RECORD } from "./erasure-limits.ts";

export type Erasable = Part | "leaf";

export interface ErasedItem {
  readonly tree: string;
  readonly leaf_index: number;
  readonly what: Erasable;
  /** 64 hex digits: the commitment of a body, the hash of a leaf. It stays. */
  readonly digest: string;
  /** When the record was received. */
  readonly received_at: string;
}

export interface Erasure {
  /** The id of the approval. */
  readonly id: string;
  readonly at: string;
  readonly by: string;
  /** Null when no second person was needed. */
  readonly approved_by: string | null;
  readonly reason: string;
  /** What it was about, as `subject user-17`. */
  readonly target: string;
  readonly items: readonly ErasedItem[];
}

/** What an ERASURE record says of one place. */
export interface ErasedPlace {
  readonly tree: string;
  readonly leaf_index: number;
  readonly what: Erasable;
  readonly digest: string;
}

export const ERASURE_TYPE = "ERASURE";
const ID = "tallystick.erasure_id";
const TREE = "tallystick.tree";
const ITEMS = "tallystick.erased";
const REASON = "tallystick.erasure_reason";
const APPROVED_BY = "tallystick.approved_by";
const PART = "tallystick.part";
const PARTS = "tallystick.parts";
const ITEM = /^(\d{1,16})\/(request|response|leaf)\/([0-9a-f]{64})$/;

/** The records of one erasure for one log, always the same for the same erasure: each is written once. */
export function erasureRecords(erasure: Erasure, items: readonly ErasedItem[]): readonly AuditRecord[] {
  const groups: (readonly ErasedItem[])[] = [];
  for (const tree of new Set(items.map((item) => item.tree))) {
    const own = items.filter((item) => item.tree === tree);
    for (let at = 0; at < own.length; at += MAX_ITEMS_A_RECORD) groups.push(own.slice(at, at + MAX_ITEMS_A_RECORD));
  }
  return groups.map((group, place) => erasureRecord(erasure, group, place + 1, groups.length));
}

function erasureRecord(erasure: Erasure, items: readonly ErasedItem[], part: number, parts: number): AuditRecord {
  const tree = items[0]!.tree;
  const name = createHash("sha256").update(`tallystick erasure\0${erasure.id}\0${tree}\0${part}`).digest();
  const id = uuidv8(name.subarray(0, 16));
  return {
    id,
    timestamp: erasure.at,
    event_type: ERASURE_TYPE,
    phase: "outcome",
    side: "observer",
    service_id: "tallystick",
    target_id: "none",
    recorder_id: "tallystick",
    request_id: id,
    attempt: 0,
    operation: "erase",
    action: "delete",
    resource: erasure.target,
    protocol: "other",
    status: "success",
    auth_subject: erasure.by,
    attributes: {
      [ID]: erasure.id,
      [TREE]: tree,
      [ITEMS]: items.map(({ leaf_index: index, what, digest }) => `${index}/${what}/${digest}`).join(" "),
      [REASON]: erasure.reason,
      ...(erasure.approved_by === null ? {} : { [APPROVED_BY]: erasure.approved_by }),
      ...(parts === 1 ? {} : { [PART]: String(part), [PARTS]: String(parts) }),
    },
  };
}

/** What a record says was erased; empty for any other record. Only Tallystick's own may be believed. */
export function erasedPlaces({ event_type: type, attributes = {} }: AuditRecord): readonly ErasedPlace[] {
  const tree = attributes[TREE];
  if (type !== ERASURE_TYPE || tree === undefined) return [];
  return (attributes[ITEMS] ?? "").split(" ").flatMap((text) => {
    const [, index, what, digest] = ITEM.exec(text) ?? [];
    if (index === undefined || what === undefined || digest === undefined) return [];
    return [{ tree, leaf_index: Number(index), what: what as Erasable, digest }];
  });
}

export function placeKey(tree: string, index: number, what: Erasable): string {
  return `${tree}:${index}/${what}`;
}

/** How many bodies and leaves, and of how many records, in words. */
export function inWords(items: readonly Pick<ErasedItem, "tree" | "leaf_index" | "what">[]): string {
  const leaves = items.filter(({ what }) => what === "leaf").length;
  const records = new Set(items.map(({ tree, leaf_index: index }) => `${tree}:${index}`)).size;
  const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;
  const parts = [
    count(items.length - leaves, "body", "bodies"),
    ...(leaves > 0 ? [count(leaves, "leaf", "leaves")] : []),
  ];
  return `${parts.join(" and ")} of ${count(records, "record", "records")}`;
}

export function nowText(nowUs: number): string {
  return formatTimestamp(nowUs);
}
