/**
 * Leaves that were erased. What stands in such a leaf's place names its hash, so that the tree is as it was; whether it
 * may stand there only an ERASURE record of the same log says (docs/formats/erasure.md).
 */
import { erasedLeafHash } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { HASH_SIZE_BYTES, bundleHashes, parseHex } from "@tallystick/tlog";
import type { BundleEntries } from "@tallystick/tlog";
import type { FaultList } from "./result.ts";
import type { Findings } from "./tree-check.ts";

/** What an ERASURE record says of one place. */
export interface ErasedPlace {
  readonly tree: string;
  readonly leaf_index: number;
  readonly what: "request" | "response" | "leaf";
  /** 64 hex digits: the commitment of a body, the hash of a leaf. It stays. */
  readonly digest: string;
}

export const ERASURE_TYPE = "ERASURE";
export const ERASURE_TREE = "tallystick.tree";
export const ERASURE_ITEMS = "tallystick.erased";
/** Of what stands for a leaf that its producer signed: SHA-256 of the record that was there, 64 hex digits. */
export const ERASED_RECORD_DIGEST = "tallystick.erased_record_digest";
const OWN = "tallystick";
const ITEM = /^(\d{1,16})\/(request|response|leaf)\/([0-9a-f]{64})$/;

/** Empty for any record that is not Tallystick's own about an erasure. */
export function erasedPlaces(record: AuditRecord, observed: Observed): readonly ErasedPlace[] {
  if (record.event_type !== ERASURE_TYPE || observed.principal !== OWN || observed.intake !== OWN) return [];
  const { [ERASURE_TREE]: tree, [ERASURE_ITEMS]: items = "" } = record.attributes ?? {};
  if (tree === undefined) return [];
  return items.split(" ").flatMap((text) => {
    const [, index, what, digest] = ITEM.exec(text) ?? [];
    if (index === undefined || what === undefined || digest === undefined) return [];
    return [{ tree, leaf_index: Number(index), what: what as ErasedPlace["what"], digest }];
  });
}

/** Leaf hashes of a bundle's entries; of an erased leaf the one that stands there. */
export function entryHashes(bytes: Uint8Array, entries: BundleEntries): Uint8Array {
  const hashes = bundleHashes(bytes, entries);
  for (let at = 0; at < entries.count; at++) {
    const erased = erasedLeafHash(bytes.subarray(entries.starts[at], entries.ends[at]));
    const hash = erased === null ? null : parseHex(erased);
    if (hash !== null) hashes.set(hash, at * HASH_SIZE_BYTES);
  }
  return hashes;
}

export interface ErasureOutcome {
  readonly result: { readonly tree: string };
  readonly found: Pick<Findings, "stubs" | "erased">;
}

/** How many leaves of these trees were erased. With all trees of their logs at hand, each needs a record. */
export function checkErasures(outcomes: readonly ErasureOutcome[], isWhole: boolean, faults: FaultList): number {
  const told = new Set(outcomes.flatMap(({ found }) => found.erased.map(keyOf)));
  let count = 0;
  for (const { result, found } of outcomes) {
    for (const { index, hash } of found.stubs) {
      count += 1;
      const key = keyOf({ tree: result.tree, leaf_index: index, what: "leaf", digest: hash });
      if (!isWhole || told.has(key)) continue;
      const message = "only the leaf's hash is there, and no ERASURE record says why";
      faults.add({ code: "leaf_missing", message, tree: result.tree, index });
    }
  }
  return count;
}

function keyOf({ tree, leaf_index: index, what, digest }: ErasedPlace): string {
  return `${tree}:${index}/${what}/${digest}`;
}
