/**
 * The tables of the tally. All are derived from `records` and made anew together. A call is one row, written when it
 * is settled; a row that a later half made obsolete is named in `superseded` and never changed. A step that was broken
 * off is named in `tally_dead_steps` and done again under a new number, so that nothing is read that was half done.
 */
import type { DerivedTable } from "../index/derived-tables.ts";
import { MERGE_FAN_IN } from "../index/limits.ts";
import { callIdOf } from "../index/schema/records.ts";

type Columns = readonly (readonly [name: string, type: string])[];

/** What is compared of each half, by the record's own names; `c_` is the caller's, `d_` the callee's. */
export const HALF_COLUMNS: Columns = [
  ["timestamp", "DateTime64(6, 'UTC')"],
  ["status", "LowCardinality(String)"],
  ["status_code", "LowCardinality(String)"],
  ["error_type", "LowCardinality(String)"],
  ["operation", "LowCardinality(String)"],
  ["duration_us", "Int64"],
  ["request_size", "Int64"],
  ["response_size", "Int64"],
  ["request_digest", "String"],
  ["response_digest", "String"],
  ["call_nonce_digest", "String"],
  ["peer_identity", "String"],
  ["credential_id", "String"],
  ["auth_subject", "String"],
  ["service_id", "LowCardinality(String)"],
  ["target_id", "LowCardinality(String)"],
  ["recorder_id", "LowCardinality(String)"],
  ["tree", "LowCardinality(String)"],
  ["leaf_index", "Int64"],
];

/** Of a call and of each of its records: by what its id is told, and who may see it. */
const WHICH_CALL: Columns = [
  ["call_id_kept", "String"],
  ["call_span", "String"],
  ["trace_id", "String"],
  ["log", "LowCardinality(String)"],
  ["data_class", "LowCardinality(String)"],
];

/** What is read of each record of a due call. */
export const GATHERED_COLUMNS: Columns = [
  ["call_key", "UInt128"],
  ...WHICH_CALL,
  ["event_type", "LowCardinality(String)"],
  ["protocol", "LowCardinality(String)"],
  ["side", "LowCardinality(String)"],
  ["phase", "LowCardinality(String)"],
  ["attempt", "Int64"],
  ["observed_received_at", "DateTime64(6, 'UTC')"],
  ...HALF_COLUMNS,
];

const bothHalves: Columns = ["c_", "d_"].flatMap((prefix) =>
  HALF_COLUMNS.map(([name, type]) => [`${prefix}${name}`, type] as const),
);

/** What the grouping of halves gives, before anything is judged. */
export const GROUPED_COLUMNS: Columns = [
  ["call_key", "UInt128"],
  ["branch", "LowCardinality(String)"],
  ...WHICH_CALL,
  ["event_type", "LowCardinality(String)"],
  ["protocol", "LowCardinality(String)"],
  ["first_us", "Int64"],
  ["late", "UInt8"],
  ["regrouped", "UInt8"],
  ["due_us", "Int64"],
  ["callers", "UInt32"],
  ["callees", "UInt32"],
  ["observers", "UInt32"],
  ["executions", "UInt32"],
  ...bothHalves,
  ["halves", "Array(Tuple(tree String, leaf_index Int64))"],
];

/** Of the two halves a call keeps where they lie and who recorded them, and what the map counts. */
export const CALL_COLUMNS: Columns = [
  ["step", "UInt64"],
  ["minute", "DateTime('UTC')"],
  ["caller", "LowCardinality(String)"],
  ["callee", "LowCardinality(String)"],
  ["network", "LowCardinality(String)"],
  ["state", "LowCardinality(String)"],
  ["reason", "LowCardinality(String)"],
  // A bit for each rule of rules.ts.
  ["broken", "UInt32"],
  ["skew_us", "Int64"],
  ["skew_known", "UInt8"],
  ["operation", "LowCardinality(String)"],
  ["status", "LowCardinality(String)"],
  ["duration_us", "Int64"],
  ["network_us", "Int64"],
  // Each record of the call names the party as it was settled. Kept apart, since every question by a name asks it of
  // every call.
  ["caller_told", "UInt8"],
  ["callee_told", "UInt8"],
  // Of a broken call, all that was compared: `HalfFacts` of both sides as JSON. Else empty.
  ["facts", "String"],
  ["call_key", "UInt128"],
  ["branch", "LowCardinality(String)"],
  ...WHICH_CALL,
  ["protocol", "LowCardinality(String)"],
  ["first_us", "Int64"],
  ["late", "UInt8"],
  ["due_us", "Int64"],
  ["callers", "UInt32"],
  ["callees", "UInt32"],
  ["observers", "UInt32"],
  ["c_recorder_id", "LowCardinality(String)"],
  ["d_recorder_id", "LowCardinality(String)"],
  ["c_tree", "LowCardinality(String)"],
  ["d_tree", "LowCardinality(String)"],
  ["c_leaf_index", "Int64"],
  ["d_leaf_index", "Int64"],
  ["halves", "Array(Tuple(tree String, leaf_index Int64))"],
];

/** In the order of a digest no value is like the one before: ZSTD would save a seventh and take twice as long. */
const lines = (columns: Columns): string =>
  columns.map(([name, type]) => `${name} ${type} CODEC(${name === "call_key" ? "NONE" : "LZ4"})`).join(", ");
const plain = (columns: Columns): string => columns.map(([name, type]) => `${name} ${type}`).join(", ");

export const namesOf = (columns: Columns): string => columns.map(([name]) => name).join(", ");

const range = (column: string): string => `INDEX range_${column} ${column} TYPE minmax GRANULARITY 1`;

/** Compact parts: making hundreds of files a part costs more than the rows. */
const COMPACT = { min_bytes_for_wide_part: "268435456" };

export const CALLS: DerivedTable = {
  name: "calls",
  columns: `${lines(CALL_COLUMNS)}, call_id String ALIAS ${callIdOf("call_span")}, ${["minute", "step", "caller_told", "callee_told"].map(range).join(", ")}, INDEX bloom_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1`,
  engine: "MergeTree ORDER BY (call_key, branch)",
  // Read by key or by a range of times, and seldom: parts are merged half as often as those of `records`.
  settings: { ...COMPACT, index_granularity: "4096", merge_selector_base: String(2 * MERGE_FAN_IN) },
};

/** Rows of `calls` that a later half made obsolete. */
export const SUPERSEDED: DerivedTable = {
  name: "superseded",
  columns: "call_key UInt128, step UInt64, by_step UInt64",
  engine: "ReplacingMergeTree ORDER BY (call_key, step, by_step)",
};

/**
 * Steps that were broken off, whose number is never given again. What they wrote stays where it is and counts for
 * nothing: to delete it would wait for merges of everything that stands.
 */
export const DEAD_STEPS: DerivedTable = {
  name: "tally_dead_steps",
  columns: "step UInt64",
  engine: "ReplacingMergeTree ORDER BY step",
};

/**
 * Calls whose turn has come in the step under way, and which records are theirs. `as_key` is another call's where a
 * proxy stands between: then the records of both are one call's. `again_us`: when it comes due again within the same
 * window, because a half came too late; else 0.
 */
export const DUE: DerivedTable = {
  name: "tally_due",
  columns:
    "call_key UInt128, as_key UInt128, from_us Int64, to_us Int64, due_us Int64, again_us Int64, observers UInt32, kind LowCardinality(String)",
  engine: "Memory",
};

/**
 * Records of the calls in DUE, so that `records`, which lie in another order, are read once a step. `older`: of calls
 * that an earlier step settled, or that a proxy parts.
 */
export const HALVES: DerivedTable = {
  name: "tally_halves",
  columns: plain([
    ["older", "UInt8"],
    ["leaf_hash", "FixedString(32)"],
    ["id", "UUID"],
    ["observed_principal", "LowCardinality(String)"],
    ...GATHERED_COLUMNS,
  ]),
  engine: "Memory",
};

/** The calls of the step under way, grouped and not yet judged. */
export const SETTLING: DerivedTable = { name: "tally_settling", columns: plain(GROUPED_COLUMNS), engine: "Memory" };

/** What holds rows of the step under way only. */
export const UNDER_WAY: readonly DerivedTable[] = [SETTLING, HALVES, DUE];

const EDGE_KEY: Columns = [
  ["log", "LowCardinality(String)"],
  ["data_class", "LowCardinality(String)"],
  ["caller", "LowCardinality(String)"],
  ["callee", "LowCardinality(String)"],
  ["operation", "LowCardinality(String)"],
  ["protocol", "LowCardinality(String)"],
  ["status", "LowCardinality(String)"],
];

/** Counts add up over rows; durations by bucket, so that any window has its quantiles. */
export const EDGE_COUNTS: Columns = [
  ["calls", "UInt64"],
  ["matched", "UInt64"],
  ["discrepant", "UInt64"],
  ["unpaired_caller", "UInt64"],
  ["unpaired_callee", "UInt64"],
  ["one_sided", "UInt64"],
  ["unknown_caller", "UInt64"],
  ["caller_only", "UInt64"],
  ["callee_only", "UInt64"],
  ["duration_sum_us", "UInt64"],
  ["network_sum_us", "UInt64"],
  ["durations", "Map(UInt16, UInt64)"],
];

/** When the first half of the first and of the last of these calls was received. */
const EDGE_TIMES: Columns = [
  ["first_us", "Int64"],
  ["last_us", "Int64"],
];

export const EDGE_KEY_NAMES = namesOf(EDGE_KEY);
/** All of an edge's columns beside the time and the version. */
export const EDGE_COLUMNS = namesOf([...EDGE_KEY, ...EDGE_COUNTS, ...EDGE_TIMES]);

export interface EdgeTable extends DerivedTable {
  /** The column of the time that a row stands for, which is its beginning. */
  readonly time: "minute" | "hour" | "day";
}

/**
 * Read by column: a month is millions of rows, of which a question needs a few columns. Small parts stay compact. Which
 * version of a time is the newest is kept apart by each part, since every question asks it.
 */
const BY_COLUMN = { min_bytes_for_wide_part: "8388608", deduplicate_merge_projection_mode: "'rebuild'" };

function edgeTable(name: string, time: EdgeTable["time"], more: Columns = []): EdgeTable {
  const versions: Columns = [["version", "UInt64"], ...more];
  return {
    name,
    time,
    columns: `${time} DateTime('UTC'), ${plain([...versions, ...EDGE_KEY, ...EDGE_COUNTS, ...EDGE_TIMES])},
      PROJECTION versions (SELECT ${time}, max(version) GROUP BY ${time})`,
    // Names of a time are read at their newest version only, so one that is gone needs no row to say so.
    engine: `ReplacingMergeTree(version) PARTITION BY toYYYYMM(${time}) ORDER BY (${time}, ${EDGE_KEY_NAMES})`,
    settings: BY_COLUMN,
  };
}

export const EDGES_1M = edgeTable("edges_1m", "minute");
export const EDGES_1H = edgeTable("edges_1h", "hour");
/** Days that are over. One is good while `hours_version` is the newest version of its hours; else its hours are. */
export const EDGES_1D = edgeTable("edges_1d", "day", [["hours_version", "UInt64"]]);

/** Who records at all, and from which side. */
export const RECORDERS: DerivedTable = {
  name: "recorders",
  columns:
    "recorder_id LowCardinality(String), kind LowCardinality(String), first_us SimpleAggregateFunction(min, Int64), last_us SimpleAggregateFunction(max, Int64)",
  engine: "AggregatingMergeTree ORDER BY (recorder_id, kind)",
};

/**
 * Credentials that callees saw in calls which the caller confirmed by its own half. `known_us`: when the first of them
 * came due, by which time both halves were there.
 */
export const EDGE_CREDENTIALS: DerivedTable = {
  name: "edge_credentials",
  columns:
    "caller LowCardinality(String), callee LowCardinality(String), credential_id String, log LowCardinality(String), first_us SimpleAggregateFunction(min, Int64), last_us SimpleAggregateFunction(max, Int64), known_us SimpleAggregateFunction(min, Int64)",
  engine: "AggregatingMergeTree ORDER BY (caller, callee, credential_id, log)",
};

/** What pairs taught: the name under which one side saw the other, and who that was. */
export const ALIASES: DerivedTable = {
  name: "aliases",
  columns:
    "name LowCardinality(String), service LowCardinality(String), first_us SimpleAggregateFunction(min, Int64), last_us SimpleAggregateFunction(max, Int64)",
  engine: "AggregatingMergeTree ORDER BY (name, service)",
};

/** How far the callee's clock is ahead of the caller's, minute by minute. */
export const SKEWS: DerivedTable = {
  name: "skews",
  columns:
    "c_recorder_id LowCardinality(String), d_recorder_id LowCardinality(String), minute DateTime('UTC'), step UInt64, skew_us Int64, spread_us Int64, calls UInt64",
  engine: "ReplacingMergeTree ORDER BY (c_recorder_id, d_recorder_id, minute, step)",
};

/** The tally's own position: the newest row counts. */
export const STEPS: DerivedTable = {
  name: "tally_steps",
  columns: "step UInt64, settled_us Int64",
  engine: "ReplacingMergeTree(step) ORDER BY tuple()",
};

export const TALLY_TABLES: readonly DerivedTable[] = [
  CALLS,
  SUPERSEDED,
  DEAD_STEPS,
  DUE,
  HALVES,
  SETTLING,
  EDGES_1M,
  EDGES_1H,
  EDGES_1D,
  RECORDERS,
  EDGE_CREDENTIALS,
  ALIASES,
  SKEWS,
  STEPS,
];

const OF_WHOLE_STEPS = (column: string) => `${column} NOT IN (SELECT step FROM ${DEAD_STEPS.name})`;

/** Rows with the number of a whole step; of `calls` also those that a later one made obsolete. */
export const WRITTEN = OF_WHOLE_STEPS("step");

/** `calls` as they stand now. */
export const STANDING = `${WRITTEN} AND (call_key, step) NOT IN (
  SELECT call_key, step FROM ${SUPERSEDED.name} WHERE ${OF_WHOLE_STEPS("by_step")})`;
