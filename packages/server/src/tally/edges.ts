/**
 * The map by minute, hour and day. A time is always computed whole from below (`calls` → minutes → hours → days) and
 * under a newer version, so that repeating it changes nothing and a late half replaces what it changed. Days are
 * computed at leisure: one whose hours have changed since is not read.
 */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { DURATION_STEPS } from "./limits.ts";
import { CALLS, EDGE_COLUMNS, EDGE_COUNTS, EDGE_KEY_NAMES, EDGES_1D, EDGES_1H, EDGES_1M, STANDING } from "./schema.ts";
import type { EdgeTable } from "./schema.ts";

/** Callers that nobody knows are one node of the map. */
export const MAP_CALLER =
  "if(state = 'unknown_caller', concat('unknown callers of ', toString(callee)), toString(caller))";
const BUCKET = `toUInt16(floor(log2(greatest(duration_us, 1)) * ${DURATION_STEPS}))`;
export const inState = (state: string) => `countIf(state = '${state}') AS ${state}`;
/** How a settled call stands; each has a column of the map. */
export const EDGE_STATES = [
  "matched",
  "discrepant",
  "unpaired_caller",
  "unpaired_callee",
  "one_sided",
  "unknown_caller",
] as const;
export type EdgeState = (typeof EDGE_STATES)[number];

/** Inserts whole minutes of EDGES_1M. `minutes`: seconds since the epoch. */
export function countMinutes(minutes: readonly number[], version: number): Statement {
  const params = new Params();
  const wanted = `minute IN (SELECT toDateTime(arrayJoin(${params.add(minutes, "Array(Int64)")}), 'UTC'))`;
  const counts = [
    "count() AS calls",
    ...EDGE_STATES.map(inState),
    "countIf(callees = 0) AS caller_only",
    "countIf(callers = 0) AS callee_only",
    "sumIf(duration_us, duration_us > 0) AS duration_sum_us",
    "sum(network_us) AS network_sum_us",
    `sumMap(map(${BUCKET}, toUInt64(duration_us >= 0))) AS durations`,
    "min(first_us) AS first_us",
    "max(first_us) AS last_us",
  ];
  return params.statement(
    `INSERT INTO ${EDGES_1M.name} (minute, version, ${EDGE_COLUMNS})
SELECT minute, ${params.add(version, "UInt64")} AS version, log, data_class, caller, callee, operation, protocol, status, ${counts.join(", ")}
FROM (
  SELECT minute, log, data_class, ${MAP_CALLER} AS caller, callee, operation, protocol, status, callers, callees,
    state, first_us, duration_us, network_us
  FROM ${CALLS.name} WHERE ${wanted} AND ${STANDING}
) GROUP BY minute, ${EDGE_KEY_NAMES}`,
  );
}

/** What rows of a time become when they are added up to a longer one. */
const SUMS = [
  ...EDGE_COUNTS.map(([name]) => `${name === "durations" ? "sumMap" : "sum"}(${name}) AS ${name}`),
  "min(first_us) AS first_us",
  "max(last_us) AS last_us",
].join(", ");

/** Inserts whole hours of EDGES_1H out of the newest version of their minutes. */
export function countHours(hours: readonly number[], version: number): Statement {
  const params = new Params();
  const from = `SELECT toDateTime(arrayJoin(${params.add(hours, "Array(Int64)")}), 'UTC')`;
  const wanted = `toStartOfHour(minute) IN (${from})`;
  return params.statement(
    `INSERT INTO ${EDGES_1H.name} (hour, version, ${EDGE_COLUMNS})
SELECT toStartOfHour(minute) AS hour, ${params.add(version, "UInt64")} AS version, ${EDGE_KEY_NAMES}, ${SUMS}
FROM ${EDGES_1M.name} WHERE ${wanted} AND ${newest(EDGES_1M, wanted)}
GROUP BY hour, ${EDGE_KEY_NAMES}`,
  );
}

/** Inserts one whole day of EDGES_1D out of the newest version of its hours. `day`: seconds since the epoch. */
export function countDay(day: number, version: number): Statement {
  const params = new Params();
  const at = `toDateTime(${params.add(day, "Int64")}, 'UTC')`;
  const wanted = `hour >= ${at} AND hour < ${at} + INTERVAL 1 DAY`;
  return params.statement(
    `INSERT INTO ${EDGES_1D.name} (day, version, hours_version, ${EDGE_COLUMNS})
SELECT ${at} AS day, ${params.add(version, "UInt64")} AS version,
  (SELECT max(version) FROM ${EDGES_1H.name} WHERE ${wanted}) AS hours_version, ${EDGE_KEY_NAMES}, ${SUMS}
FROM ${EDGES_1H.name} WHERE ${wanted} AND ${newest(EDGES_1H, wanted)}
GROUP BY ${EDGE_KEY_NAMES}`,
  );
}

/** Only rows of the newest version of their time; `within` bounds the times looked at. */
export function newest({ name, time }: EdgeTable, within: string): string {
  return `(${time}, version) IN (SELECT ${time}, max(version) FROM ${name} WHERE ${within} GROUP BY ${time})`;
}

/** `SELECT day, version` of days that say what their hours say; `days` and `hours` bound both alike. */
export function goodDays(days: string, hours: string): string {
  return `SELECT day, version FROM (
    SELECT day, max(version) AS version, argMax(hours_version, version) AS seen FROM ${EDGES_1D.name} WHERE ${days}
    GROUP BY day
  ) WHERE (day, seen) IN (
    SELECT toStartOfDay(hour) AS of_day, max(version) FROM ${EDGES_1H.name} WHERE ${hours} GROUP BY of_day
  )`;
}

/** Days up to `beforeS` that are to be computed, in seconds since the epoch. */
export function staleDays(beforeS: number): Statement {
  const params = new Params();
  const before = `toDateTime(${params.add(beforeS, "Int64")}, 'UTC')`;
  return params.statement(
    `SELECT DISTINCT toUnixTimestamp(toStartOfDay(hour)) AS at FROM ${EDGES_1H.name}
WHERE hour < ${before} AND toStartOfDay(hour) NOT IN (SELECT day FROM (${goodDays("1", "1")})) ORDER BY at`,
  );
}
