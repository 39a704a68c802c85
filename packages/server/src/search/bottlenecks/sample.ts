import type { IndexReader, Statement } from "../../index/index-seam.ts";
import { Params } from "../compile/sql.ts";
import { instant } from "../compile/times.ts";
import { filterPredicate, periodPredicate } from "../filter.ts";
import type { RecordFilter } from "../filter.ts";
import { SAMPLE_MARGIN_US, SAMPLE_RECORDS, SEARCH_MEMORY_BYTES } from "../limits.ts";
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

/**
 * `WITH spans AS …, calls AS …`: the sample's records, and its calls as rows. Both halves of a call are one row by the
 * caller's span. `base` is the half in which its work was done: the callee's where there is one; what ran below `base`
 * is what its `parent` column names.
 */
export function sampledCalls(sample: TraceSample, filter: RecordFilter, params: Params): string {
  const { predicate } = filterPredicate({ ...filter, query: EVERYTHING, fromUs: null, toUs: null }, params);
  const from = instant((sample.fromUs ?? 0) - SAMPLE_MARGIN_US, params);
  const to = instant((sample.toUs ?? 0) + SAMPLE_MARGIN_US, params);
  const traces = params.add(sample.traces, "Array(String)");
  const spans =
    "SELECT trace_id AS trace, span_id AS span, parent_span_id AS above, side = 'caller' AS by_caller, " +
    "event_type = 'MESSAGE_CONSUME' AS detached, if(callee = 'none', caller, callee) AS service, operation AS op, " +
    "protocol AS proto, status AS ended, status IN ('error', 'timeout', 'denied') AS bad, error_type AS error, " +
    "toUnixTimestamp64Micro(timestamp) AS began, duration_us AS took, call_id AS call, tree AS in_tree, leaf_index AS leaf " +
    `FROM records WHERE (${predicate}) AND timestamp >= ${from} AND timestamp <= ${to} ` +
    `AND lower(hex(trace_id)) IN ${traces} AND notEmpty(span_id) AND side != 'observer' AND phase = 'outcome' ` +
    `LIMIT 1 BY trace_id, span_id, side LIMIT ${SAMPLE_RECORDS}`;
  return `WITH spans AS (${spans}), calls AS (${CALLS})`;
}

const EVERYTHING = { text: "", root: { kind: "all" as const, column: 1 }, notes: [] };

const half = (column: string, isCaller: boolean) => `anyIf(${column}, ${isCaller ? "" : "NOT "}by_caller)`;
const main = (column: string) => `if(has_caller, ${half(column, true)}, ${half(column, false)})`;
const base = (column: string) => `if(has_callee, ${half(column, false)}, ${half(column, true)})`;

const CALLS =
  "SELECT trace, if(by_caller OR detached OR empty(above), span, above) AS key, " +
  "countIf(by_caller) > 0 AS has_caller, countIf(NOT by_caller) > 0 AS has_callee, max(detached) AS is_detached, " +
  `${base("service")} AS at_service, ${base("op")} AS at_operation, ${base("proto")} AS at_protocol, ` +
  `${base("span")} AS base_span, ${half("span", true)} AS caller_span, ` +
  `${base("began")} AS base_began, ${base("took")} AS base_took, ` +
  `${main("began")} AS main_began, ${main("took")} AS main_took, ${main("bad")} AS failed, ` +
  `${main("ended")} AS main_ended, if(notEmpty(${main("error")}), ${main("error")}, ${half("error", false)}) AS main_error, ` +
  `if(has_caller, ${half("above", true)}, key) AS parent, ` +
  `if(has_caller AND has_callee, greatest(${half("took", true)} - ${half("took", false)}, 0), 0) AS network, ` +
  `${base("call")} AS call_at, ${base("in_tree")} AS tree_at, ${base("leaf")} AS leaf_at ` +
  "FROM spans GROUP BY trace, key";
