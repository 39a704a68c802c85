import type { AuditRecord, Observed } from "@tallystick/record";
import { isTreeSize, parseDecimal, parseHex } from "@tallystick/tlog";

/**
 * The records by which the log itself ties one epoch's tree to the next. No producer can write them: intake
 * `tallystick` is the server's.
 */

const OWN = "tallystick";
const PREVIOUS_TREE = "tallystick.previous_tree";
const PREVIOUS_SIZE = "tallystick.previous_size";
const PREVIOUS_LAST_LEAF_HASH = "tallystick.previous_last_leaf_hash";
const PREVIOUS_CHECKPOINT = "tallystick.previous_checkpoint";

/** What leaf 0 says about the tree before; null in `previous` for a log's first tree. */
export interface Opening {
  readonly previous: { readonly tree: string; readonly size: number; readonly lastLeafHash: Uint8Array } | null;
  /** Observed time of receipt: RFC 3339 UTC with six fractional digits, so that text order is time order. */
  readonly receivedAt: string;
}

/** What an EPOCH_LINK leaf says: the final checkpoint of a closed tree. */
export interface EpochLink {
  readonly index: number;
  readonly closedTree: string;
  /** The signed note. */
  readonly checkpoint: string;
}

function isOwn(observed: Observed): boolean {
  return observed.intake === OWN && observed.principal === OWN;
}

/** Null when the leaf does not open a tree. */
export function openingOf(record: AuditRecord, observed: Observed): Opening | null {
  if (!isOwn(observed) || record.event_type !== "LOG_LIFECYCLE" || record.operation !== "tree opened") return null;
  const attributes = record.attributes ?? {};
  const named = [PREVIOUS_TREE, PREVIOUS_SIZE, PREVIOUS_LAST_LEAF_HASH].filter(
    (name) => attributes[name] !== undefined,
  );
  if (named.length === 0) return { previous: null, receivedAt: observed.received_at };
  const size = parseDecimal(attributes[PREVIOUS_SIZE] ?? "");
  const lastLeafHash = parseHex(attributes[PREVIOUS_LAST_LEAF_HASH] ?? "");
  const tree = attributes[PREVIOUS_TREE];
  if (tree === undefined || size === null || !isTreeSize(size) || lastLeafHash?.length !== 32) return null;
  return { previous: { tree, size, lastLeafHash }, receivedAt: observed.received_at };
}

/** Null when the leaf links no tree. */
export function linkOf(record: AuditRecord, observed: Observed, index: number): EpochLink | null {
  if (!isOwn(observed) || record.event_type !== "EPOCH_LINK") return null;
  const closedTree = record.attributes?.[PREVIOUS_TREE];
  const checkpoint = record.attributes?.[PREVIOUS_CHECKPOINT];
  return closedTree === undefined || checkpoint === undefined ? null : { index, closedTree, checkpoint };
}
