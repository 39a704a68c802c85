/** Records of Tallystick's own, and how they become a batch like any other. */
import { canonicalJson, formatTimestamp, uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { createHash } from "node:crypto";

import { IDENTITY_BYTES } from "./identities-task.ts";
import type { IncomingBatch, PreparedRecords } from "./journal.ts";

export const OWN_PRINCIPAL = "tallystick";

/** Who the journal itself is when it observes a record of its own. */
export function ownBatch(records: readonly AuditRecord[]): IncomingBatch {
  // Own records have ids that their maker chose, so the same record twice is one.
  const prepared = prepare(records, OWN_PRINCIPAL);
  return { records: prepared, principal: OWN_PRINCIPAL, intake: OWN_PRINCIPAL, sourceAddress: "local" };
}

/** Few records at a time; the `normalise` task does the same for thousands. */
export function prepare(records: readonly AuditRecord[], principal: string): PreparedRecords {
  const texts = records.map((record) => Buffer.from(canonicalJson(record), "utf8"));
  const count = records.length;
  const offsets = new Uint32Array(count + 1);
  const digests = new Uint8Array(count * IDENTITY_BYTES);
  const identities = new Uint8Array(count * IDENTITY_BYTES);
  for (const [place, text] of texts.entries()) {
    offsets[place + 1] = offsets[place]! + text.length;
    digests.set(digest16(text), place * IDENTITY_BYTES);
    identities.set(digest16(Buffer.from(`${principal}\0${records[place]!.id}`)), place * IDENTITY_BYTES);
  }
  return {
    count,
    bytes: new Uint8Array(Buffer.concat(texts)),
    offsets,
    digests,
    identities,
    identified: new Uint8Array(count).fill(1),
    standings: new Uint8Array(count),
  };
}

/** What differs between Tallystick's own records; the rest is the same on each. */
export type OwnFields = Pick<AuditRecord, "event_type" | "operation"> & Partial<AuditRecord>;

/** A record of Tallystick's own whose maker knows its id and its time. */
export function ownRecordOf(id: string, timestamp: string, fields: OwnFields): AuditRecord {
  return {
    id,
    timestamp,
    phase: "outcome",
    side: "observer",
    service_id: OWN_PRINCIPAL,
    target_id: "none",
    recorder_id: OWN_PRINCIPAL,
    request_id: id,
    attempt: 0,
    protocol: "other",
    status: "success",
    ...fields,
  };
}

/** `about` makes the id: the same event recorded again is the same record. */
export function lifecycleRecord(
  operation: string,
  about: string,
  nowUs: number,
  attributes: Readonly<Record<string, string>>,
): AuditRecord {
  const id = uuidv8(digest16(Buffer.from(`tallystick ${operation}\0${about}`)));
  return ownRecordOf(id, formatTimestamp(nowUs), { event_type: "LOG_LIFECYCLE", operation, attributes });
}

export interface PreviousTree {
  readonly tree: string;
  readonly size: number;
  readonly lastLeafHash: Uint8Array;
}

/** Leaf 0 of a tree: which tree came before it, and where that one ended. */
export function treeOpened(tree: string, previous: PreviousTree | null, nowUs: number): AuditRecord {
  const attributes = {
    "tallystick.tree": tree,
    ...(previous === null
      ? {}
      : {
          "tallystick.previous_tree": previous.tree,
          "tallystick.previous_size": String(previous.size),
          "tallystick.previous_last_leaf_hash": Buffer.from(previous.lastLeafHash).toString("hex"),
        }),
  };
  return lifecycleRecord("tree opened", tree, nowUs, attributes);
}

/** What an unclean stop left beyond the last whole frame was moved to `keptAs`. */
export interface TailCut {
  readonly tree: string;
  /** Name of the file that keeps the cut bytes. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly digest: string;
  readonly nextIndex: number;
}

export function tailCut({ tree, name, sizeBytes, digest, nextIndex }: TailCut, nowUs: number): AuditRecord {
  return lifecycleRecord("journal tail cut", `${tree}/${name}`, nowUs, {
    "tallystick.tree": tree,
    "tallystick.kept_as": name,
    "tallystick.cut_bytes": String(sizeBytes),
    "tallystick.cut_digest": digest,
    "tallystick.next_index": String(nextIndex),
  });
}

function digest16(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest().subarray(0, IDENTITY_BYTES);
}

/** What a record says of bytes that it cannot hold: `sha256:` and 64 hex digits. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
