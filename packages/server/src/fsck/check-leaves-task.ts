/**
 * The `check-leaves` task: every leaf of a block is canonical, and the ones that chain trees are handed out. Pure;
 * runs in a worker.
 */
import { decodeLeaf } from "@tallystick/record";
import { erasedPlaces } from "@tallystick/verify";
import type { ErasedPlace } from "@tallystick/verify";
import type { Task } from "../compute/compute.ts";
import { keptCommitment } from "../payload/kept-bodies.ts";
import { PARTS } from "../payload/payload-meta.ts";
import type { Part } from "../payload/payload-meta.ts";

export interface CheckLeavesInput {
  readonly firstIndex: number;
  readonly count: number;
  readonly entries: Uint8Array;
}

export interface CheckLeavesOutput {
  /** The first leaf that is not exactly what encoding writes. */
  readonly bad: BadLeaf | null;
  /** How many such leaves there are. */
  readonly badCount: number;
  /** The first leaf that was received before the one before it. */
  readonly disorder: BadLeaf | null;
  /** `observed.received_at` of the first and last good leaf; empty when there is none. */
  readonly receivedFirst: string;
  readonly receivedLast: string;
  /** Good leaves by the day on which they were received. */
  readonly days: readonly LeafDay[];
  /** Everything that says it is about trees: leaf 0 of each, links, cuts. */
  readonly chain: readonly { readonly index: number; readonly leaf: Uint8Array }[];
  /** Bodies that the leaves commit to. */
  readonly bodies: readonly { readonly index: number; readonly part: Part; readonly commitment: string }[];
  /** What ERASURE records say was erased. */
  readonly erased: readonly ErasedPlace[];
  /** Leaves of which only the hash is there. */
  readonly stubs: readonly { readonly index: number; readonly hash: string }[];
}

export interface LeafDay {
  /** UTC, `2026-11-25`. */
  readonly day: string;
  readonly count: number;
  /** Lowest and highest leaf index. */
  readonly min: number;
  readonly max: number;
}

interface BadLeaf {
  readonly index: number;
  readonly message: string;
}

const CHAINING: ReadonlySet<string> = new Set(["LOG_LIFECYCLE", "EPOCH_LINK", "KEY_SUCCESSION"]);

export const checkLeavesTask: Task<CheckLeavesInput, CheckLeavesOutput> = {
  name: "check-leaves",
  run(input) {
    return { output: checkLeaves(input), transfer: [] };
  },
};

function checkLeaves({ firstIndex, count, entries }: CheckLeavesInput): CheckLeavesOutput {
  const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  const chain: { index: number; leaf: Uint8Array }[] = [];
  let [bad, disorder]: (BadLeaf | null)[] = [null, null];
  let [badCount, receivedFirst, receivedLast] = [0, "", ""];
  const days: LeafDay[] = [];
  const bodies: { index: number; part: Part; commitment: string }[] = [];
  const erased: ErasedPlace[] = [];
  const stubs: { index: number; hash: string }[] = [];
  for (let index = firstIndex, at = 0; index < firstIndex + count; index += 1) {
    const end = at + 2 + bytes.readUInt16BE(at);
    const leaf = bytes.subarray(at + 2, end);
    at = end;
    try {
      const { record, observed } = decodeLeaf(leaf);
      if (CHAINING.has(record.event_type)) chain.push({ index, leaf: new Uint8Array(leaf) });
      if (observed.erased !== undefined) stubs.push({ index, hash: observed.erased });
      if (record.attributes !== undefined) {
        for (const part of PARTS) {
          const commitment = keptCommitment(record, part);
          if (commitment !== null) bodies.push({ index, part, commitment });
        }
        erased.push(...erasedPlaces(record, observed));
      }
      if (observed.received_at < receivedLast)
        disorder ??= { index, message: outOfOrder(observed.received_at, receivedLast) };
      receivedLast = observed.received_at;
      if (receivedFirst === "") receivedFirst = receivedLast;
      addDay(days, { day: receivedLast.slice(0, 10), count: 1, min: index, max: index });
    } catch (cause) {
      badCount += 1;
      bad ??= { index, message: cause instanceof Error ? cause.message : "not a leaf" };
    }
  }
  const order = { disorder: disorder ?? null, receivedFirst, receivedLast };
  return { bad: bad ?? null, badCount, ...order, days, chain, bodies, erased, stubs };
}

/** Times do not go back, so a day is nearly always the one that was added to last. */
export function addDay(days: LeafDay[], added: LeafDay): void {
  const at = days.findLastIndex(({ day }) => day === added.day);
  const known = days[at];
  if (known === undefined) days.push(added);
  else {
    const [min, max] = [Math.min(known.min, added.min), Math.max(known.max, added.max)];
    days[at] = { day: known.day, count: known.count + added.count, min, max };
  }
}

/** RFC 3339 UTC with six digits: the order of the texts is the order of the times. */
export function outOfOrder(received: string, before: string): string {
  return `the leaf was received at ${received}, before the one before it (${before})`;
}
