/** The `seal` task: one group of batches becomes leaves, leaf hashes and one sealed frame. Pure; runs in a worker. */
import assert from "node:assert/strict";

import type { Task } from "../compute/compute.ts";
import { MAX_CANONICAL_RECORD_BYTES, MAX_LEAF_BYTES } from "../limits.ts";
import { LENGTH_BYTES, hashLeafInPlace } from "./entries.ts";
import { sealFrame } from "./frame-cipher.ts";
import type { FramePlace } from "./frame-cipher.ts";
import { HASH_BYTES } from "./segment.ts";

export interface SealBatch {
  /** Canonical records, concatenated, and count + 1 offsets. */
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
  /** One a record: 0 leaves it out, else 1 + the place of its text in `prefixes`. */
  readonly keep: Uint8Array;
  /** What stands before the record in its leaf: `{"observed":{…},"record":`; empty where no record has it. */
  readonly prefixes: readonly string[];
}

export interface SealInput {
  readonly place: FramePlace;
  readonly batches: readonly SealBatch[];
}

export interface SealOutput {
  readonly frame: Uint8Array;
  readonly leafCount: number;
  readonly entries: Uint8Array;
  readonly hashes: Uint8Array;
}

const LEAF_END = "}".charCodeAt(0);

export const sealTask: Task<SealInput, SealOutput> = {
  name: "seal",
  run(input) {
    const { entries, hashes, leafCount } = layOut(input.batches);
    assert(leafCount > 0, "a group without a record to keep has no frame");
    const frame = sealFrame(input.place, entries, leafCount);
    return { output: { frame, leafCount, entries, hashes }, transfer: [frame.buffer] };
  },
};

interface LaidOut {
  readonly entries: Uint8Array;
  readonly hashes: Uint8Array;
  readonly leafCount: number;
}

function layOut(batches: readonly SealBatch[]): LaidOut {
  const prepared = batches.map((batch) => ({
    batch,
    prefixes: batch.prefixes.map((prefix) => Buffer.from(prefix, "utf8")),
  }));
  let size = 0;
  let leafCount = 0;
  for (const { batch, prefixes } of prepared) {
    const { keep, offsets } = batch;
    for (let i = 0; i < keep.length; i++) {
      if (keep[i] === 0) continue;
      const recordBytes = offsets[i + 1]! - offsets[i]!;
      assert(recordBytes > 0 && recordBytes <= MAX_CANONICAL_RECORD_BYTES);
      size += LENGTH_BYTES + prefixes[keep[i]! - 1]!.length + recordBytes + 1;
      leafCount += 1;
    }
  }
  // Shared memory: journal, ledger and index read the same bytes on three threads, and nobody copies them.
  const entries = Buffer.from(new SharedArrayBuffer(size));
  const hashes = Buffer.from(new SharedArrayBuffer(leafCount * HASH_BYTES));
  let at = 0;
  let leaf = 0;
  for (const { batch, prefixes } of prepared) {
    const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
    const { keep, offsets } = batch;
    for (let i = 0; i < keep.length; i++) {
      if (keep[i] === 0) continue;
      const start = at + LENGTH_BYTES;
      const prefix = prefixes[keep[i]! - 1]!;
      entries.set(prefix, start);
      const end = start + prefix.length + bytes.copy(entries, start + prefix.length, offsets[i], offsets[i + 1]) + 1;
      assert(end - start <= MAX_LEAF_BYTES);
      entries[end - 1] = LEAF_END;
      entries[at] = (end - start) >> 8;
      entries[at + 1] = (end - start) & 0xff;
      hashLeafInPlace(entries, start, end, hashes, HASH_BYTES * leaf++);
      at = end;
    }
  }
  assert(at === size && leaf === leafCount);
  return { entries: new Uint8Array(entries.buffer), hashes: new Uint8Array(hashes.buffer), leafCount };
}
