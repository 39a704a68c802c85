/**
 * The map by minute and by hour. A time is always computed whole from below (`calls` → minutes → hours) and under a
 * newer version, so that repeating it changes nothing and a late half replaces what it changed.
 */
import type { DerivedTable } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { DURATION_STEPS } from "./limits.ts";
import { CALLS, EDGE_COUNTS, EDGE_KEY_NAMES, EDGES_1H, EDGES_1M, namesOf, STANDING } from "./schema.ts";

/** Callers that nobody knows are one node of the map. */
export const MAP_CALLER =
  "if(state = 'unknown_caller', concat('unknown callers of ', toString(callee)), toString(caller))";
const DURATION = "if(callers > 0, c_duration_us, d_duration_us)";
const BUCKET = `toUInt16(floor(log2(greatest(duration, 1)) * ${DURATION_STEPS}))`;
export const inState = (state: string) => `countIf(state = '${state}') AS ${state}`;
export const STATES = [
  "matched",
  "discrepant",
  "unpaired_caller",
  "unpaired_callee",
  "one_sided",
  "unknown_caller",
] as const;

/** Inserts whole minutes of EDGES_1M. `minutes`: seconds since the epoch. */
export function countMinutes(minutes: readonly number[], version: number): Statement {
  const params = new Params();
  const wanted = `minute IN (SELECT toDateTime(arrayJoin(${params.add(minutes, "Array(Int64)")}), 'UTC'))`;
  const counts = [
    "count() AS calls",
    ...STATES.map(inState),
    "countIf(callees = 0) AS caller_only",
    "countIf(callers = 0) AS callee_only",
    "sumIf(duration, duration > 0) AS duration_sum_us",
    "sumIf(c_duration_us - d_duration_us, callers > 0 AND callees > 0 AND c_duration_us > d_duration_us AND d_duration_us >= 0) AS network_sum_us",
    `sumMap(map(${BUCKET}, toUInt64(duration >= 0))) AS durations`,
  ];
  return params.statement(
    `INSERT INTO ${EDGES_1M.name} (minute, version, ${EDGE_KEY_NAMES}, ${namesOf(EDGE_COUNTS)})
SELECT minute, ${params.add(version, "UInt64")} AS version, log, data_class, caller, callee, operation, protocol, status, ${counts.join(", ")}
FROM (
  SELECT minute, log, data_class, ${MAP_CALLER} AS caller, callee,
    if(callees > 0, d_operation, c_operation) AS operation, protocol, if(callers > 0, c_status, d_status) AS status,
    callers, callees, state, c_duration_us, d_duration_us, ${DURATION} AS duration
  FROM ${CALLS.name} WHERE ${wanted} AND ${STANDING}
) GROUP BY minute, ${EDGE_KEY_NAMES}`,
  );
}

/** Inserts whole hours of EDGES_1H out of the newest version of their minutes. */
export function countHours(hours: readonly number[], version: number): Statement {
  const params = new Params();
  const from = `SELECT toDateTime(arrayJoin(${params.add(hours, "Array(Int64)")}), 'UTC')`;
  const wanted = `toStartOfHour(minute) IN (${from})`;
  const sums = EDGE_COUNTS.map(([name]) => `${name === "durations" ? "sumMap" : "sum"}(${name}) AS ${name}`);
  return params.statement(
    `INSERT INTO ${EDGES_1H.name} (hour, version, ${EDGE_KEY_NAMES}, ${namesOf(EDGE_COUNTS)})
SELECT toStartOfHour(minute) AS hour, ${params.add(version, "UInt64")} AS version, ${EDGE_KEY_NAMES}, ${sums.join(", ")}
FROM ${EDGES_1M.name} WHERE ${wanted} AND ${newest(EDGES_1M, wanted)}
GROUP BY hour, ${EDGE_KEY_NAMES}`,
  );
}

/** Only rows of the newest version of their time; `within` bounds the times looked at. */
export function newest({ name }: DerivedTable, within: string): string {
  const time = name === EDGES_1H.name ? "hour" : "minute";
  return `(${time}, version) IN (SELECT ${time}, max(version) FROM ${name} WHERE ${within} GROUP BY ${time})`;
}
