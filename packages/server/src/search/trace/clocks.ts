/**
 * What the recorders' clocks differ by, from the calls alone. A callee works while its caller waits, so each call
 * with both halves bounds the difference of the two clocks; all calls between two clocks bound it together. Where
 * zero is within the bounds the clocks are taken to agree; else the middle is the estimate, as in NTP. Bounds that
 * exclude each other (a clock that was set, instances under one name) give no estimate.
 */
import type { Call } from "./call.ts";
import type { TraceRow } from "./row.ts";

export interface ClockOffset {
  readonly recorder_id: string;
  readonly host: string;
  /** This clock minus the reference. */
  readonly offset_us: number;
}

export interface Clocks {
  /** A half's start by the reference clock. */
  startUs(row: TraceRow): number;
  /** Clocks that differ from the reference. */
  readonly offsets: readonly ClockOffset[];
}

interface Bounds {
  readonly least: number;
  readonly most: number;
}

const clockOf = ({ recorder_id: recorder, host }: TraceRow): string => `${recorder}\n${host}`;

/** The reference is the clock of the first call's main half. */
export function estimateClocks(calls: readonly Call[], reference: Call): Clocks {
  const offsets = spread(neighboursOf(boundsBetween(calls)), clockOf(reference.main));
  return {
    startUs: (row) => row.start_us - (offsets.get(clockOf(row)) ?? 0),
    offsets: [...offsets].flatMap(([clock, offset]) => {
      const [recorder = "", host = ""] = clock.split("\n");
      return offset === 0 ? [] : [{ recorder_id: recorder, host, offset_us: offset }];
    }),
  };
}

/** Callee's clock minus caller's, from one call; null where its halves do not bound it. */
export function callClockBounds({ caller, callee }: Call): Bounds | null {
  if (caller === null || callee === null || caller.duration_us < 0 || callee.duration_us < 0) return null;
  const most = callee.start_us - caller.start_us;
  const least = most + callee.duration_us - caller.duration_us;
  return least <= most ? { least, most } : null;
}

export function middleOf({ least, most }: Bounds): number {
  return Math.round((least + most) / 2);
}

function boundsBetween(calls: readonly Call[]): ReadonlyMap<string, ReadonlyMap<string, Bounds>> {
  const between = new Map<string, Map<string, Bounds>>();
  for (const call of calls) {
    const bounds = callClockBounds(call);
    if (bounds === null || call.caller === null || call.callee === null) continue;
    const [from, to] = [clockOf(call.caller), clockOf(call.callee)];
    if (from === to) continue;
    narrow(between, from, to, bounds);
    narrow(between, to, from, { least: -bounds.most, most: -bounds.least });
  }
  return between;
}

function narrow(between: Map<string, Map<string, Bounds>>, from: string, to: string, bounds: Bounds): void {
  const row = between.get(from) ?? new Map<string, Bounds>();
  const known = row.get(to) ?? bounds;
  row.set(to, { least: Math.max(known.least, bounds.least), most: Math.min(known.most, bounds.most) });
  between.set(from, row);
}

function neighboursOf(
  between: ReadonlyMap<string, ReadonlyMap<string, Bounds>>,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  return new Map(
    [...between].map(([from, row]) => {
      const sound = [...row].filter(([, { least, most }]) => least <= most);
      return [from, new Map(sound.map(([to, bounds]) => [to, offsetWithin(bounds)]))];
    }),
  );
}

function offsetWithin(bounds: Bounds): number {
  return bounds.least <= 0 && bounds.most >= 0 ? 0 : middleOf(bounds);
}

/** From clock to clock, nearest first. */
function spread(
  neighbours: ReadonlyMap<string, ReadonlyMap<string, number>>,
  reference: string,
): ReadonlyMap<string, number> {
  const offsets = new Map([[reference, 0]]);
  for (const [clock, offset] of offsets)
    for (const [other, difference] of neighbours.get(clock) ?? [])
      if (!offsets.has(other)) offsets.set(other, offset + difference);
  return offsets;
}
