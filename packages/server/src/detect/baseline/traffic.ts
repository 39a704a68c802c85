/**
 * What the baselines learn from, as tables of the engine: traffic by five minutes, hours of it, and what is usual of
 * each edge and operation at an hour. Each is keyed by what it is computed from: computing it again replaces it.
 */
import type { DerivedTable } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import type { LeafRange } from "../../index/newest.ts";
import { Params } from "../../search/compile/sql.ts";
import { RANGE_TABLE } from "../detectors/range-table.ts";
import { HISTORY_DAYS, KEPT_BUCKETS_US, MAX_JUDGED, MIN_HOURS } from "./baseline-limits.ts";

export const HOUR_US = 3_600_000_000;
export const DAY_US = 24 * HOUR_US;
const WEEK_US = 7 * DAY_US;
export const EDGE = "log, caller, callee, operation";
const EDGE_TYPES = `log LowCardinality(String), caller String, callee LowCardinality(String),
    operation LowCardinality(String)`;
const SUMS = `calls UInt64, errors UInt64, timed UInt64, log_duration Float64, bytes UInt64, credentials UInt64`;

export const TRAFFIC: DerivedTable = {
  name: "detector_traffic",
  columns: `bucket_us Int64, ${EDGE_TYPES}, side LowCardinality(String), tree LowCardinality(String), range_from Int64,
    range_to Int64, records UInt64, errors UInt64, timed UInt64, log_duration Float64, bytes UInt64,
    credentials Array(UInt64)`,
  engine: `ReplacingMergeTree(range_to) PARTITION BY intDiv(bucket_us, ${DAY_US})
    ORDER BY (bucket_us, ${EDGE}, side, tree, range_from)`,
};

/** Of rows in no order of names, whose repetition would not be seen. */
const SCATTERED_TYPES = EDGE_TYPES.replace("caller String", "caller LowCardinality(String)");
/** The edge as a number: what is grouped and sorted by is read without its names. */
const EDGE_ID = "edge UInt64 DEFAULT cityHash64(log, caller, callee, operation)";

/** `moved` and `slowed`: how far it was from what was usual then, in powers of two; NaN where nothing was. */
export const HOURS: DerivedTable = {
  name: "detector_hours",
  columns: `hour_us Int64, ${EDGE_ID}, ${SCATTERED_TYPES}, ${SUMS},
    moved Float32 DEFAULT nan, slowed Float32 DEFAULT nan`,
  engine: `ReplacingMergeTree PARTITION BY intDiv(hour_us, ${WEEK_US}) ORDER BY (hour_us, edge)`,
  // A few edges are sought in each of hundreds of hours.
  settings: { index_granularity: "1024" },
};

/** Days that are over: what of all hours counts, so that those need not be read every hour. */
export const DAYS: DerivedTable = {
  name: "detector_days",
  columns: `day_us Int64, ${EDGE_ID}, ${SCATTERED_TYPES},
    first_us Int64, calls UInt64, calls_most UInt64, errors UInt64,
    bytes_most UInt64, credentials UInt64, log_duration Float64, log_duration_spread Float64`,
  engine: `ReplacingMergeTree PARTITION BY intDiv(day_us, ${WEEK_US}) ORDER BY (day_us, edge)`,
};

/** What is usual at one hour; the newest two days of hours are kept, for level shifts. */
export const BASELINES: DerivedTable = {
  name: "detector_baselines",
  columns: `hour_us Int64, ${EDGE_TYPES}, hours UInt64, since_us Int64, calls Float64, calls_spread Float64,
    calls_most Float64, error_share Float64, log_duration Float64, log_duration_spread Float64, bytes Float64,
    bytes_most Float64, credentials Float64, shift Float64, slower Float64`,
  engine: `ReplacingMergeTree PARTITION BY intDiv(hour_us, ${DAY_US}) ORDER BY (hour_us, ${EDGE})`,
};

const COUNTED = "records, errors, timed, log_duration, bytes, credentials";
export const TRAFFIC_COLUMNS = `bucket_us, ${EDGE}, side, tree, range_from, range_to, ${COUNTED}`;
export const HOUR_COLUMNS = `hour_us, ${EDGE}, calls, errors, timed, log_duration, bytes, credentials`;
export const DAY_COLUMNS =
  `day_us, ${EDGE}, first_us, calls, calls_most, errors, bytes_most, credentials, log_duration, ` +
  "log_duration_spread";
export const BASELINE_COLUMNS =
  `hour_us, ${EDGE}, hours, since_us, calls, calls_spread, calls_most, error_share, log_duration, ` +
  "log_duration_spread, bytes, bytes_most, credentials, shift, slower";

export const BASELINE_TABLES = [TRAFFIC, HOURS, DAYS, BASELINES];

/** Adds what the range under way says; the same range again takes its own place. */
export function keepTraffic({ tree, from, to }: LeafRange): Statement {
  const params = new Params();
  return params.statement(
    `INSERT INTO ${TRAFFIC.name} (${TRAFFIC_COLUMNS})
SELECT bucket_us, log, caller, callee, operation, side, ${params.text(tree)} AS tree,
  ${params.add(from, "Int64")} AS range_from, ${params.add(to, "Int64")} AS range_to, sum(r.records) AS records,
  sum(r.errors) AS errors, sum(r.timed) AS timed, sum(r.log_duration) AS log_duration, sum(r.bytes) AS bytes,
  groupUniqArrayIf(64)(cityHash64(credential_id), notEmpty(credential_id)) AS credentials
FROM ${RANGE_TABLE.name} AS r
WHERE side != 'observer' AND notEmpty(callee) AND callee NOT IN ('none', 'unknown')
GROUP BY bucket_us, log, caller, callee, operation, side`,
  );
}

/** Traffic of a time, each call once: of the end that recorded more. */
export function sums(fromUs: number, toUs: number, params: Params): string {
  const rows = `SELECT ${EDGE}, side, sum(t.records) AS n, sum(t.errors) AS failed, sum(t.timed) AS clocked,
      sum(t.log_duration) AS took, sum(t.bytes) AS size, uniqArray(t.credentials) AS users
    FROM ${TRAFFIC.name} AS t FINAL
    WHERE bucket_us >= ${params.add(fromUs, "Int64")} AND bucket_us < ${params.add(toUs, "Int64")}
    GROUP BY ${EDGE}, side`;
  return `SELECT ${EDGE}, max(n) AS calls, max(failed) AS errors, argMax(clocked, (n, side)) AS timed,
    argMax(took, (n, side)) AS log_duration, max(size) AS bytes, max(users) AS credentials
  FROM (${rows}) GROUP BY ${EDGE}`;
}

/** What is counted of an hour. `log_duration`: the sum of log2(1 + µs) of the calls that were timed. */
export interface Counted {
  readonly calls: number;
  readonly errors: number;
  readonly timed: number;
  readonly log_duration: number;
  readonly bytes: number;
  readonly credentials: number;
}

/** An edge's operation in the last hour, beside what is usual. */
export interface Judged extends Counted {
  readonly log: string;
  readonly caller: string;
  readonly callee: string;
  readonly operation: string;
  readonly usual_hours: number;
  readonly usual_calls: number;
  readonly usual_calls_spread: number;
  readonly usual_calls_most: number;
  readonly usual_error_share: number;
  readonly usual_log_duration: number;
  readonly usual_log_duration_spread: number;
  readonly usual_bytes: number;
  readonly usual_bytes_most: number;
  readonly usual_credentials: number;
  readonly shift: number;
  readonly slower: number;
}

/** What is usual in either hour of the clock that the last hour lies in: batches begin sharply. */
function usualIn(hourUs: number, toUs: number, params: Params): string {
  const isWhole = toUs === hourUs + HOUR_US;
  const hour = params.add(hourUs, "Int64");
  const newest = ["error_share", "log_duration", "log_duration_spread", "shift", "slower"];
  const most = ["hours", "calls", "calls_spread", "calls_most", "bytes", "bytes_most", "credentials"];
  return `SELECT ${EDGE}, min(calls) AS least_calls, ${most.map((name) => `max(${name}) AS ${name}`).join(", ")},
    ${newest.map((name) => `argMax(${name}, hour_us) AS ${name}`).join(", ")}
  FROM ${BASELINES.name} FINAL WHERE hour_us >= ${hour} - ${isWhole ? 0 : HOUR_US} AND hour_us <= ${hour}
  GROUP BY ${EDGE} HAVING max(hour_us) = ${hour}`;
}

/** Those of the hour up to `toUs` that may be worth telling; the judge decides. `hourUs`: whose baselines count. */
export function candidates(hourUs: number, toUs: number): Statement {
  const params = new Params();
  const now = sums(toUs - HOUR_US, toUs, params);
  const worth = [
    "n.calls > 15 + 2 * b.calls",
    "(b.least_calls > 20 AND n.calls < b.least_calls / 4)",
    "(n.errors >= 5 AND n.errors > n.calls * (0.05 + 2 * b.error_share))",
    "(n.timed >= 20 AND abs(n.log_duration / n.timed - b.log_duration) > 1)",
    "(n.bytes > 65536 AND n.bytes > 4 * b.bytes)",
    "n.credentials > b.credentials + 2",
  ].join(" OR ");
  const usual = [
    "calls_spread",
    "calls_most",
    "error_share",
    "log_duration",
    "log_duration_spread",
    "bytes",
    "bytes_most",
    "credentials",
  ];
  return params.statement(
    `SELECT b.log AS log, b.caller AS caller, b.callee AS callee, b.operation AS operation, n.calls AS calls,
  n.errors AS errors, n.timed AS timed, n.log_duration AS log_duration, n.bytes AS bytes, n.credentials AS credentials,
  greatest(b.least_calls, least(b.calls, (n.calls + 1) / exp2(b.shift) - 1)) AS usual_calls,
  b.hours AS usual_hours, ${usual.map((name) => `b.${name} AS usual_${name}`).join(", ")},
  b.shift AS shift, b.slower AS slower
FROM (${usualIn(hourUs, toUs, params)}) AS b LEFT JOIN (${now}) AS n USING (${EDGE})
WHERE b.hours >= ${MIN_HOURS} AND (${worth})
ORDER BY n.calls DESC, b.log, b.caller, b.callee, b.operation LIMIT ${MAX_JUDGED}`,
  );
}

/** Tables and the number of the first partition that is still needed. */
export const firstNeeded = (nowUs: number): readonly (readonly [DerivedTable, number])[] => [
  [TRAFFIC, Math.floor((nowUs - KEPT_BUCKETS_US) / DAY_US)],
  [HOURS, Math.floor((nowUs - (HISTORY_DAYS + 2) * DAY_US) / WEEK_US)],
  [DAYS, Math.floor((nowUs - (HISTORY_DAYS + 2) * DAY_US) / WEEK_US)],
  [BASELINES, Math.floor((nowUs - 3 * DAY_US) / DAY_US)],
];
