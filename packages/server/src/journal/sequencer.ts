/**
 * Decides, at group commit and in this order, what of a batch is a duplicate, which index each kept record gets and
 * what was observed (DESIGN §6); the tree is decided by its caller in between. One per log; all calls come from that
 * log's writer, one group after another.
 *
 * Invariants: a batch's kept records get consecutive indexes in batch order; `received_at` never goes back; the window
 * holds exactly what is durable or under way, and after `retract` only what is durable.
 */
import assert from "node:assert/strict";

import { encodeObserved, formatReceivedAt } from "@tallystick/record";

import { MAX_BATCH_RECORDS } from "../limits.ts";
import { ABSENT, OTHER_CONTENT, SAME, words } from "./dedup-window.ts";
import type { DedupWindow } from "./dedup-window.ts";
import { IDENTITY_BYTES } from "./identities-task.ts";
import { STANDINGS } from "./journal.ts";
import type { CopiedRun, IncomingBatch, PreparedRecords } from "./journal.ts";
import type { SealBatch } from "./seal-task.ts";

/** A batch after the decision on duplicates. `keep` as the seal task takes it: 0, or 1 + variant. */
export interface MarkedBatch {
  readonly batch: IncomingBatch;
  readonly keep: Uint8Array;
  readonly kept: number;
  /** Bit v is set when some record has variant v. */
  readonly variants: number;
  /** Running number that the window gave the first kept one. */
  readonly firstNumber: number;
  /** What is not kept, in batch order. */
  readonly copies: readonly CopyRun[];
}

/** By what a record is known again. */
export type StoredNames = Pick<PreparedRecords, "count" | "identified" | "identities" | "digests">;

/** Records next to each other that are copies of entries next to each other. */
interface CopyRun {
  readonly at: number;
  readonly number: number;
  count: number;
}

/** A record's `observed` differs within its batch only by these. */
const CONFLICTS = 2;
const VARIANTS = STANDINGS.length * CONFLICTS;
const RECORD_NAME = ',"record":';

export class Sequencer {
  readonly #window: DedupWindow;
  #lastReceivedUs: number;

  constructor(window: DedupWindow, lastReceivedUs: number) {
    this.#window = window;
    this.#lastReceivedUs = lastReceivedUs;
  }

  /** Puts what is kept into the window, where copies that come later in the same batch or group find it. */
  mark(batch: IncomingBatch): MarkedBatch {
    const { count, identified, standings } = batch.records;
    const identities = words(batch.records.identities);
    const digests = words(batch.records.digests);
    const keep = new Uint8Array(count);
    const copies: CopyRun[] = [];
    const firstNumber = this.#window.next;
    let kept = 0;
    let variants = 0;
    for (let i = 0; i < count; i++) {
      const seen = identified[i] === 1 ? this.#window.look(identities, digests, i) : ABSENT;
      if (seen === SAME) {
        addCopy(copies, i, this.#window.numberOf(identities, digests, i));
        continue;
      }
      if (identified[i] === 1) this.#window.add(identities, digests, i);
      else this.#window.addBlank();
      const variant = standings[i]! * CONFLICTS + (seen === OTHER_CONTENT ? 1 : 0);
      keep[i] = 1 + variant;
      variants |= 1 << variant;
      kept += 1;
    }
    return { batch, keep, kept, variants, firstNumber, copies };
  }

  /** Writes `mark` at the places of records that are stored here, or under way, as they are; how many. */
  markStored({ count, identified, ...records }: StoredNames, places: Uint16Array, mark: number): number {
    const [identities, digests] = [words(records.identities), words(records.digests)];
    let found = 0;
    for (let at = 0; at < count; at++) {
      if (identified[at] !== 1 || this.#window.look(identities, digests, at) !== SAME) continue;
      places[at] = mark;
      found += 1;
    }
    return found;
  }

  /** The time that the group was received at: the clock's, or the last one given when the clock went back. */
  receivedUs(nowUs: number): number {
    this.#lastReceivedUs = Math.max(this.#lastReceivedUs, nowUs);
    return this.#lastReceivedUs;
  }

  /** What `mark` kept of these batches is durable, as the leaves of `tree` from `firstIndex` on. */
  settle(group: readonly MarkedBatch[], tree: string, firstIndex: number): void {
    let index = firstIndex;
    const placed = group.map((marked) => {
      const first = index;
      index += marked.kept;
      return { marked, first };
    });
    // The leaf that opens a tree is marked after the batches that it is stored before.
    placed.sort((one, other) => one.marked.firstNumber - other.marked.firstNumber);
    for (const { marked, first } of placed) if (marked.kept > 0) this.#window.settle(marked.kept, tree, first);
  }

  /** Where the copies' originals lie, once they are durable. */
  copiesOf({ copies }: MarkedBatch): readonly CopiedRun[] {
    return copies.flatMap(({ at, number, count }) => {
      let next = at;
      return this.#window.leavesOf(number, count).map((run) => {
        const place = next;
        next += run.count;
        return { at: place, ...run };
      });
    });
  }

  /** Nothing that is under way will become durable. */
  retract(): void {
    this.#window.retractUnsettled();
  }
}

function addCopy(copies: CopyRun[], at: number, number: number): void {
  const last = copies.at(-1);
  if (last !== undefined && last.at + last.count === at && last.number + last.count === number) last.count += 1;
  else copies.push({ at, number, count: 1 });
}

/** What the seal task needs of a batch. Its buffers are the task's from then on. */
export function sealBatch(marked: MarkedBatch, receivedUs: number): SealBatch {
  const { batch, keep, variants } = marked;
  const prefixes = Array.from({ length: VARIANTS }, (_, variant) =>
    (variants & (1 << variant)) === 0 ? "" : prefixOf(batch, variant, receivedUs),
  );
  return { bytes: owned(batch.records.bytes), offsets: owned(batch.records.offsets), keep, prefixes };
}

export function buffersOf(batch: SealBatch): readonly ArrayBuffer[] {
  return [batch.bytes.buffer as ArrayBuffer, batch.offsets.buffer as ArrayBuffer, batch.keep.buffer as ArrayBuffer];
}

/** A caller's mistake shows at the caller, before anything is decided. */
export function assertWellFormed(batch: IncomingBatch): void {
  const { count, bytes, offsets, digests, identities, identified, standings } = batch.records;
  assert(Number.isSafeInteger(count) && count >= 0 && count <= MAX_BATCH_RECORDS, "a batch has up to 10,000 records");
  assert(
    offsets.length === count + 1 && offsets[0] === 0 && offsets[count] === bytes.length,
    "offsets do not fit the bytes",
  );
  assert(digests.length === count * IDENTITY_BYTES && identities.length === count * IDENTITY_BYTES);
  assert(identified.length === count && standings.length === count);
  assert(
    standings.every((standing) => standing < STANDINGS.length),
    "an unknown standing",
  );
  // Throws when principal and address are too long for `observed` to stay in its bounds.
  prefixOf(batch, VARIANTS - 1, 0);
}

function prefixOf(batch: IncomingBatch, variant: number, receivedUs: number): string {
  const observed = encodeObserved({
    received_at: formatReceivedAt(receivedUs),
    principal: batch.principal,
    standing: STANDINGS[Math.floor(variant / CONFLICTS)]!,
    source_address: batch.sourceAddress,
    intake: batch.intake,
    ...(variant % CONFLICTS === 1 ? { conflict: true as const } : {}),
    ...(batch.clockSkewUs === undefined ? {} : { clock_skew_us: batch.clockSkewUs }),
    ...(batch.signature === undefined ? {} : { signature: batch.signature }),
  });
  return `{"observed":${observed}${RECORD_NAME}`;
}

/**
 * A view that begins a buffer and fills half of it or more has it for itself (PreparedRecords) and moves with it. Any
 * other, such as a part of Node's pool, would take its neighbours along, so it is copied.
 */
function owned<View extends Uint8Array | Uint32Array>(view: View): View {
  const { buffer, byteOffset, byteLength } = view;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength * 2 >= buffer.byteLength) return view;
  // Not `slice`: a Buffer's gives a view again.
  return (view instanceof Uint8Array ? new Uint8Array(view) : view.slice()) as View;
}
