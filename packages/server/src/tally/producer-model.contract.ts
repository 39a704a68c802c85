/** What ought to be said of runs, out of plain sets: slow, and short enough to be believed. */
import type { SampleEntry } from "../index/sample.contract.ts";
import { logOf } from "../search/scope.ts";
import type { Gap } from "./producer-gaps.ts";
import type { ProducerRun } from "./producer-list.ts";

export type ModelledRun = Pick<
  ProducerRun,
  | "log"
  | "producer_id"
  | "principal"
  | "producer_epoch"
  | "first_seq"
  | "last_seq"
  | "claimed_last_seq"
  | "count"
  | "duplicates"
  | "unnumbered"
  | "missing"
  | "gaps"
>;

export interface Placed extends SampleEntry {
  readonly tree: string;
}

export function modelRuns(placed: readonly Placed[]): readonly ModelledRun[] {
  const runs = new Map<string, Placed[]>();
  for (const one of placed) {
    const { producer_id: id, producer_epoch: epoch = "" } = one.record;
    if (id === undefined) continue;
    const name = JSON.stringify([logOf(one.tree), id, one.observed.principal, epoch]);
    runs.set(name, [...(runs.get(name) ?? []), one]);
  }
  return [...runs].map(([name, entries]) => modelRun(JSON.parse(name) as RunName, entries));
}

type RunName = [log: string, id: string, principal: string, epoch: string];

const isClaim = ({ record }: SampleEntry): boolean =>
  record.event_type === "LOG_LIFECYCLE" && (record.operation === "heartbeat" || record.operation === "close");

function modelRun([log, id, principal, epoch]: RunName, entries: readonly Placed[]): ModelledRun {
  const members = entries.filter((one) => !isClaim(one));
  const numbers = members.flatMap(({ record }) => record.producer_seq ?? []);
  const seen = [...new Set(numbers)].toSorted((one, other) => one - other);
  const claims = entries.filter(isClaim).map(({ record }) => ({
    last: record.producer_seq ?? -1,
    count: Number(record.attributes?.["count"] ?? 0),
  }));
  const starts = claims.flatMap(({ last, count }) => (count >= 1 && count <= last + 1 ? [last + 1 - count] : []));
  const claimedLast = Math.max(-1, ...claims.map(({ last }) => last));
  const end = Math.max(claimedLast, ...seen);
  const start = Math.min(...seen, starts.length > 0 ? Math.min(...starts) : 1);
  const gaps = end < 0 ? [] : gapsBetween(start, end, seen);
  return {
    log,
    producer_id: id,
    principal,
    producer_epoch: epoch,
    first_seq: seen[0] ?? null,
    last_seq: seen.at(-1) ?? null,
    claimed_last_seq: claimedLast < 0 ? null : claimedLast,
    count: seen.length,
    duplicates: numbers.length - seen.length,
    unnumbered: members.length - numbers.length,
    missing: gaps.reduce((sum, { from, to }) => sum + (to - from + 1), 0),
    gaps,
  };
}

function gapsBetween(start: number, end: number, seen: readonly number[]): readonly Gap[] {
  const gaps: Gap[] = [];
  let next = start;
  for (const number of seen) {
    if (number > next) gaps.push({ from: next, to: number - 1 });
    next = number + 1;
  }
  if (next <= end) gaps.push({ from: next, to: end });
  return gaps;
}
