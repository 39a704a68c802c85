/**
 * The EPOCH_LINK leaf: the final checkpoint of a closed tree, written into a newer tree of the same log, so that each
 * tree vouches for the one before it.
 *
 * Guarantee: each link is written once, whatever is killed. Its record is a pure function of the closed tree and the
 * leaf that opened the next one, its id included, so that the journal's duplicate window refuses a second; and it is
 * looked for before it is written. A producer cannot place one: only records that the server made itself (intake
 * `tallystick`) count.
 */
import { strict as assert } from "node:assert";
import { decodeLeaf, uuidv8 } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { sha256 } from "@tallystick/tlog";
import type { Journal, LeafRange } from "../journal/journal.ts";
import { READ_BYTES } from "./limits.ts";

const EPOCH_LINK = "EPOCH_LINK";
const PREVIOUS_TREE = "tallystick.previous_tree";
const PREVIOUS_CHECKPOINT = "tallystick.previous_checkpoint";
const OWN = "tallystick";

export interface LinkPlace {
  readonly tree: string;
  readonly index: number;
}

/** What the link of a closed tree says. */
export interface EpochLink {
  readonly closedTree: string;
  /** The closed tree's final checkpoint, a signed note. */
  readonly note: Uint8Array;
  /** Timestamp of leaf 0 of the tree that followed. */
  readonly openedAt: string;
}

export function linkId(closedTree: string): string {
  return uuidv8(sha256(Buffer.from(`tallystick epoch link\n${closedTree}\n`)).subarray(0, 16));
}

export function linkRecord({ closedTree, note, openedAt }: EpochLink): AuditRecord {
  const id = linkId(closedTree);
  return {
    id,
    timestamp: openedAt,
    event_type: EPOCH_LINK,
    phase: "outcome",
    side: "observer",
    service_id: OWN,
    target_id: "none",
    recorder_id: OWN,
    request_id: id,
    attempt: 0,
    operation: "tree closed",
    protocol: "other",
    status: "success",
    attributes: { [PREVIOUS_TREE]: closedTree, [PREVIOUS_CHECKPOINT]: Buffer.from(note).toString("utf8") },
  };
}

export interface FoundLink {
  readonly previousTree: string;
  readonly previousCheckpoint: string;
}

/** The link that a leaf is, or null for every other leaf. */
export function linkOf(record: AuditRecord, observed: Observed): FoundLink | null {
  const previousTree = record.attributes?.[PREVIOUS_TREE];
  const previousCheckpoint = record.attributes?.[PREVIOUS_CHECKPOINT];
  if (record.event_type !== EPOCH_LINK || observed.intake !== OWN || observed.principal !== OWN) return null;
  if (previousTree === undefined || previousCheckpoint === undefined) return null;
  return record.id === linkId(previousTree) ? { previousTree, previousCheckpoint } : null;
}

/** Looks for the link of a closed tree in a newer one, each leaf once: a second call goes on where the first ended. */
export class LinkSearch {
  readonly #journal: Journal;
  readonly #closedTree: string;
  readonly #searched = new Map<string, number>();

  constructor(journal: Journal, closedTree: string) {
    this.#journal = journal;
    this.#closedTree = closedTree;
  }

  async find(newerTrees: readonly string[]): Promise<LinkPlace | null> {
    for (const tree of newerTrees) {
      const index = await this.#findIn(tree);
      if (index !== null) return { tree, index };
    }
    return null;
  }

  async #findIn(tree: string): Promise<number | null> {
    for (;;) {
      const range = await this.#journal.read(tree, this.#searched.get(tree) ?? 0, READ_BYTES);
      if (range === null) return null;
      const at = indexOfLink(range, this.#closedTree);
      if (at !== null) return range.firstIndex + at;
      this.#searched.set(tree, range.firstIndex + range.count);
    }
  }
}

/** Only leaves that hold the event type's text are decoded; almost every range has none. */
function indexOfLink(range: LeafRange, closedTree: string): number | null {
  const entries = Buffer.from(range.entries.buffer, range.entries.byteOffset, range.entries.length);
  if (!entries.includes(EPOCH_LINK)) return null;
  for (let index = 0, at = 0; index < range.count; index += 1) {
    const end = at + 2 + entries.readUInt16BE(at);
    const leaf = entries.subarray(at + 2, end);
    at = end;
    if (!leaf.includes(EPOCH_LINK)) continue;
    const { record, observed } = decodeLeaf(leaf);
    if (linkOf(record, observed)?.previousTree === closedTree) return index;
  }
  return null;
}

/** When the tree was opened: the timestamp of its leaf 0. */
export async function openedAt(journal: Journal, tree: string): Promise<string> {
  const range = await journal.read(tree, 0, 1);
  assert(range !== null && range.count > 0 && range.firstIndex === 0, "a tree has a leaf 0");
  const length = range.entries[0]! * 256 + range.entries[1]!;
  return decodeLeaf(range.entries.subarray(2, 2 + length)).record.timestamp;
}
