/**
 * The calls of sampled traces as rows, measured by the engine in one pass over the records: both halves of a call are
 * one row, with what ran below it taken off. Constants of this file are all the SQL there is; values are parameters.
 */
import type { Params } from "../compile/sql.ts";
import { instant } from "../compile/times.ts";
import { filterPredicate } from "../filter.ts";
import type { RecordFilter } from "../filter.ts";
import { SAMPLE_MARGIN_US, SAMPLE_RECORDS } from "../limits.ts";
import type { TraceSample } from "./sample.ts";

const EVERYTHING = { text: "", root: { kind: "all" as const, column: 1 }, notes: [] };

/** Names that no other name here hides. */
const SPAN =
  "trace_id AS trace, span_id AS s_span, parent_span_id AS s_parent, side = 'caller' AS by_caller, " +
  "event_type = 'MESSAGE_CONSUME' AS s_detached, if(callee = 'none', caller, callee) AS s_service, " +
  "operation AS s_operation, protocol AS s_protocol, status AS s_status, " +
  "status IN ('error', 'timeout', 'denied') AS s_failed, error_type AS s_error, " +
  "toUnixTimestamp64Micro(timestamp) AS s_began, duration_us AS s_took, " +
  "call_id AS s_call, tree AS s_tree, leaf_index AS s_leaf";

const half = (column: string, isCaller: boolean) => `anyIf(${column}, ${isCaller ? "" : "NOT "}by_caller)`;
/** The half that stands for the call: the caller's where there is one. */
const main = (column: string) => `if(countIf(by_caller) > 0, ${half(column, true)}, ${half(column, false)})`;
/** The half in which its work was done: the callee's where there is one. */
const base = (column: string) => `if(countIf(NOT by_caller) > 0, ${half(column, false)}, ${half(column, true)})`;

/** Of a call, by name; an expression over its halves. */
const CALL = {
  service: base("s_service"),
  operation: base("s_operation"),
  protocol: base("s_protocol"),
  base_began: base("s_began"),
  base_took: base("s_took"),
  began: main("s_began"),
  ended: `${main("s_began")} + greatest(${main("s_took")}, 0)`,
  failed: main("s_failed"),
  status: main("s_status"),
  error_type: `if(notEmpty(${main("s_error")}), ${main("s_error")}, ${half("s_error", false)})`,
  network: `if(uniqExact(by_caller) = 2, greatest(${half("s_took", true)} - ${half("s_took", false)}, 0), 0)`,
  place: `(lower(hex(trace)), ${base("s_call")}, ${base("s_tree")}, ${base("s_leaf")})`,
  /** Of the whole trace: a trace lasts as long as its longest call. */
  lasted: "max(max(s_took)) OVER (PARTITION BY trace)",
  records: "count()",
} as const;
const NAMES = Object.keys(CALL);

/**
 * Each call meets those below it under its own span: `at`. A consumer is not waited for, so its time is none of its
 * publisher's, nor is its failure.
 */
const MEETINGS =
  "SELECT trace, at, groupArrayIf((began, ended), is_child) AS below, countIf(is_child AND failed) AS failed_below, " +
  `groupArrayIf((${NAMES.join(", ")}), NOT is_child) AS owners ` +
  "FROM (SELECT *, is_child, at FROM calls ARRAY JOIN [false, true] AS is_child, [own_span, parent_span] AS at " +
  "WHERE notEmpty(at) AND NOT (is_child AND is_detached)) GROUP BY trace, at";

const clipped = (edge: 1 | 2) =>
  `arrayMap(one -> least(greatest(one.${edge}, base_began), base_began + base_took), below)`;

/** Rows of every name in CALL, of `trace`, `self` and `failed_below`. */
export function measuredCalls(sample: TraceSample, filter: RecordFilter, params: Params): string {
  const { predicate } = filterPredicate({ ...filter, query: EVERYTHING, fromUs: null, toUs: null }, params);
  const from = instant((sample.fromUs ?? 0) - SAMPLE_MARGIN_US, params);
  const to = instant((sample.toUs ?? 0) + SAMPLE_MARGIN_US, params);
  const spans =
    `SELECT ${SPAN} FROM records WHERE (${predicate}) AND timestamp >= ${from} AND timestamp <= ${to} ` +
    `AND trace_id IN (SELECT unhex(arrayJoin(${params.add(sample.traces, "Array(String)")}))) ` +
    `AND notEmpty(span_id) AND side != 'observer' AND phase = 'outcome' ` +
    `LIMIT 1 BY trace_id, span_id, side LIMIT ${SAMPLE_RECORDS}`;
  const expressions = Object.entries(CALL).map(([name, sql]) => `${sql} AS ${name}`);
  const calls =
    `SELECT trace, ${base("s_span")} AS own_span, ${main("s_parent")} AS parent_span, max(s_detached) AS is_detached, ` +
    `${expressions.join(", ")} FROM (${spans}) ` +
    "GROUP BY trace, if(by_caller OR s_detached OR empty(s_parent), s_span, s_parent) AS key";
  const fields = NAMES.map((name, at) => `owner.${at + 1} AS ${name}`);
  const owned = `SELECT trace, below, failed_below, ${fields.join(", ")} FROM (${MEETINGS}) ARRAY JOIN owners AS owner`;
  const covered = `toInt64(arrayReduce('intervalLengthSum', ${clipped(1)}, ${clipped(2)}))`;
  return `WITH calls AS (${calls}) SELECT *, if(base_took < 0, 0, base_took - ${covered}) AS self FROM (${owned})`;
}
