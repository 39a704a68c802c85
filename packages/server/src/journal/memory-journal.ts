/**
 * A whole journal over a disk in memory, with tasks on the calling thread: for the tests of whoever reads or writes the
 * log.
 */
import { createHash } from "node:crypto";

import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { inlineCompute } from "../compute/inline.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { kmsOf } from "../kms/file-kms.ts";
import { openKeyring } from "../kms/keyring.ts";
import { manualClock } from "../manual-clock.ts";
import { openLocalJournal } from "./local-journal.ts";
import type { IncomingBatch } from "./journal.ts";
import type { LocalJournal, LocalJournalOptions } from "./local-journal.ts";
import { prepare } from "./own-records.ts";

/** Gives every part a default, so that a test names only what it is about. */
export async function memoryJournal(options: Partial<LocalJournalOptions> = {}): Promise<LocalJournal> {
  const disk: Disk = options.disk ?? memoryDisk();
  const clock: Clock = options.clock ?? manualClock();
  const randomBytes = options.randomBytes ?? seededBytes("memory journal");
  const kms = kmsOf(createHash("sha256").update("memory kms").digest(), randomBytes);
  return openLocalJournal({
    folder: "/tallystick/journal",
    disk,
    clock,
    randomBytes,
    compute: inlineCompute(),
    keyring: openKeyring({ disk, folder: "/tallystick/keys", kms, clock, randomBytes }),
    epochOf: () => ({ kind: "month" }),
    integratedSize: async () => 0,
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
}

/** The same bytes again for the same seed; different at each call. */
export function seededBytes(seed: string): (size: number) => Uint8Array {
  let calls = 0;
  return (size) => {
    const bytes = new Uint8Array(size);
    calls += 1;
    for (let at = 0; at < size; at += 32) {
      const block = createHash("sha256").update(`${seed}\0${calls}\0${at}`).digest();
      bytes.set(block.subarray(0, Math.min(32, size - at)), at);
    }
    return bytes;
  };
}

/** A whole record of a producer's, with what the test is about set. */
export function sampleRecord(id: string, fields: Partial<AuditRecord> = {}): AuditRecord {
  return {
    id,
    timestamp: "2026-11-25T00:00:00Z",
    event_type: "API_CALL",
    phase: "outcome",
    side: "caller",
    service_id: "storefront",
    target_id: "orders",
    recorder_id: "storefront",
    request_id: `request-${id}`,
    attempt: 0,
    operation: "GET /orders/{id}",
    protocol: "http",
    status: "success",
    ...fields,
  };
}

/** A UUID that says its number, for tests. */
export function sampleId(number: number): string {
  return `00000000-0000-8000-8000-${number.toString(16).padStart(12, "0")}`;
}

export interface BatchOptions {
  readonly principal?: string;
  /** False: ids were filled by the server, so that nothing is ever a duplicate. */
  readonly identified?: boolean;
  /** Index into STANDINGS. */
  readonly standing?: number;
}

/** The batch as the `normalise` task would have given it. */
export function batchOf(records: readonly AuditRecord[], options: BatchOptions = {}): IncomingBatch {
  const { principal = "key:storefront", identified = true, standing = 0 } = options;
  const prepared = prepare(records, principal);
  const count = records.length;
  return {
    records: identified
      ? { ...prepared, standings: new Uint8Array(count).fill(standing) }
      : {
          ...prepared,
          digests: new Uint8Array(prepared.digests.length),
          identities: new Uint8Array(prepared.identities.length),
          identified: new Uint8Array(count),
          standings: new Uint8Array(count).fill(standing),
        },
    principal,
    intake: "json",
    sourceAddress: "10.0.0.7",
  };
}
