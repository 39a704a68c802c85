/** What was erased: the words that list, record, API and verification share. */
import { encodeLeaf, formatTimestamp, timestampUs, uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { ERASURE_ITEMS, ERASURE_TREE, ERASURE_TYPE } from "@tallystick/verify";
import { createHash } from "node:crypto";

import type { Part } from "../payload/payload-meta.ts";
import { MAX_ITEMS_A_RECORD } from "./erasure-limits.ts";
import { ownRecordOf } from "../journal/own-records.ts";

export type Erasable = Part | "leaf";

export interface ErasedItem {
  readonly tree: string;
  readonly leaf_index: number;
  readonly what: Erasable;
  /** 64 hex digits: the commitment of a body, the hash of a leaf. It stays. */
  readonly digest: string;
  /** When the record was received. */
  readonly received_at: string;
  /** Of a leaf that its producer numbered and of whose producer there are other records: its number stays. */
  readonly numbered?: true;
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

export const ERASURE_ID = "tallystick.erasure_id";
const REASON = "tallystick.erasure_reason";
const APPROVED_BY = "tallystick.approved_by";
const PART = "tallystick.part";
const PARTS = "tallystick.parts";

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
  return ownRecordOf(id, erasure.at, {
    event_type: ERASURE_TYPE,
    operation: "erase",
    action: "delete",
    resource: erasure.target,
    auth_subject: erasure.by,
    attributes: {
      [ERASURE_ID]: erasure.id,
      [ERASURE_TREE]: tree,
      [ERASURE_ITEMS]: items.map(({ leaf_index: index, what, digest }) => `${index}/${what}/${digest}`).join(" "),
      [REASON]: erasure.reason,
      ...(erasure.approved_by === null ? {} : { [APPROVED_BY]: erasure.approved_by }),
      ...(parts === 1 ? {} : { [PART]: String(part), [PARTS]: String(parts) }),
    },
  });
}

/** Who sent a record whose number stays. */
export const ERASED_PRINCIPAL = "tallystick.erased_principal";
/** Of a record of Tallystick's own: what it was. */
export const ERASED_TYPE = "tallystick.erased_event_type";

/**
 * What is kept of a record: of one that its producer numbered its place in the sequence, of one that he signed what it
 * takes to check the signature over its batch, of a reading who it was.
 */
export interface Remains {
  readonly fields: Partial<AuditRecord>;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What stands in a leaf's place from then on: its hash, when it was received, and which erasure took it away. */
export function stubOf(
  erasure: Erasure,
  { leaf_index: index, digest, received_at: at }: ErasedItem,
  remains: Remains = { fields: {}, attributes: {} },
) {
  const id = uuidv8(createHash("sha256").update(`tallystick erased leaf\0${digest}`).digest().subarray(0, 16));
  const stub = encodeLeaf(
    {
      erased: digest,
      intake: "tallystick",
      principal: "tallystick",
      received_at: at,
      source_address: "local",
      standing: "authenticated",
    },
    ownRecordOf(id, formatTimestamp(timestampUs(at)), {
      event_type: "ERASED",
      operation: "ERASED",
      ...remains.fields,
      attributes: { [ERASURE_ID]: erasure.id, ...remains.attributes },
    }),
  );
  return { index, hash: Buffer.from(digest, "hex"), stub };
}

export function placeKey(tree: string, index: number, what: Erasable): string {
  return `${tree}:${index}/${what}`;
}

/** How many bodies and leaves, and of how many records, in words; `own`: records that repeat what the leaves said. */
export function inWords(items: readonly Pick<ErasedItem, "tree" | "leaf_index" | "what">[], own = 0): string {
  const leaves = items.filter(({ what }) => what === "leaf").length;
  const records = new Set(items.map(({ tree, leaf_index: index }) => `${tree}:${index}`)).size;
  const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;
  const parts = [
    count(items.length - leaves, "body", "bodies"),
    ...(leaves > 0 ? [count(leaves, "leaf", "leaves")] : []),
  ];
  const more = own === 0 ? "" : `, and ${count(own, "record", "records")} of Tallystick's own that say it,`;
  return `${parts.join(" and ")} of ${count(records, "record", "records")}${more}`;
}

/**
 * The id of what an erasure found later: written of its leaves while it was carried out. `round` counts from 0; each
 * has a file and records of its own.
 */
export function lateErasureId(id: string, round: number): string {
  const named = round === 0 ? id : `${id}\0${round}`;
  const digest = createHash("sha256").update(`tallystick late erasure\0${named}`).digest("hex");
  return `approval_${digest.slice(0, 20)}`;
}

export function nowText(nowUs: number): string {
  return formatTimestamp(nowUs);
}
