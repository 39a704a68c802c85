import type { IndexReader, Statement } from "../../index/index-seam.ts";
import { Params } from "../compile/sql.ts";
import { filterPredicate, periodPredicate } from "../filter.ts";
import type { RecordFilter } from "../filter.ts";
import { SEARCH_MEMORY_BYTES } from "../limits.ts";
import { FIRST_WINDOW_US, growingWindows } from "../windows.ts";
import type { Window } from "../windows.ts";

/** The newest traces that have a matching record. */
export interface TraceSample {
  readonly traces: readonly string[];
  /** Of the matching records; null: there are none. */
  readonly fromUs: number | null;
  readonly toUs: number | null;
  /** There are older ones, which are not counted. */
  readonly more: boolean;
  readonly elapsedMs: number;
  readonly scannedRows: number;
  readonly partial: boolean;
}

interface TraceTime {
  readonly trace: string;
  readonly oldest: number;
  readonly newest: number;
}

/** Window by window from the newest on, so that a busy log is read no further than it must. */
export async function sampleTraces(
  reader: IndexReader,
  filter: RecordFilter,
  wanted: number,
  remainingMs: () => number,
  signal?: AbortSignal,
): Promise<TraceSample> {
  const { fromUs, toUs, nowUs } = filter;
  const found = new Map<string, TraceTime>();
  let [elapsedMs, scannedRows, partial] = [0, 0, false];
  for (const window of growingWindows({ order: "newest", fromUs, toUs, nowUs, firstWidthUs: FIRST_WINDOW_US })) {
    if (found.size > wanted) break;
    if (remainingMs() <= 0) {
      partial = true;
      break;
    }
    const limits = { timeoutMs: remainingMs(), maxRows: wanted + 1 + found.size, maxMemoryBytes: SEARCH_MEMORY_BYTES };
    const answer = await reader.select<TraceTime>(newestTraces(filter, window, limits.maxRows), limits, signal);
    elapsedMs += answer.elapsedMs;
    scannedRows += answer.scannedRows;
    for (const row of answer.rows) {
      const { newest } = found.get(row.trace) ?? row;
      found.set(row.trace, { ...row, newest });
    }
  }
  const kept = [...found.values()].slice(0, wanted);
  return {
    traces: kept.map(({ trace }) => trace),
    fromUs: kept.length === 0 ? null : kept.reduce((least, { oldest }) => Math.min(least, oldest), Infinity),
    toUs: kept.length === 0 ? null : kept.reduce((most, { newest }) => Math.max(most, newest), 0),
    more: found.size > wanted,
    elapsedMs,
    scannedRows,
    partial,
  };
}

function newestTraces(filter: RecordFilter, window: Window, most: number): Statement {
  const params = new Params();
  const { predicate } = filterPredicate({ ...filter, fromUs: null, toUs: null }, params);
  const period = periodPredicate(filter.axis, window.fromUs, window.toUs, params);
  return params.statement(
    "SELECT lower(hex(trace_id)) AS trace, toUnixTimestamp64Micro(min(timestamp)) AS oldest, " +
      `toUnixTimestamp64Micro(max(timestamp)) AS newest FROM records WHERE (${predicate}) AND (${period}) ` +
      `AND notEmpty(trace_id) GROUP BY trace_id ORDER BY newest DESC, trace LIMIT ${params.add(most, "UInt64")}`,
  );
}
