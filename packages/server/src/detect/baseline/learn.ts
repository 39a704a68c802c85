/**
 * How hours become what is usual, inside the engine. Of an hour's learning are read: the hours near it on each day, the
 * last day's, and for what counts of all hours the days that are over, a row each. Edges are taken in parts, so that a
 * hundred thousand of them fit into the limits of a step.
 */
import type { Statement } from "../../index/index-seam.ts";
import { Params } from "../../search/compile/sql.ts";
import { EDGES_AT_ONCE, HISTORY_DAYS, MAX_PARTS, SHIFT_HOURS } from "./baseline-limits.ts";
import {
  BASELINE_COLUMNS,
  BASELINES,
  DAY_COLUMNS,
  DAY_US,
  DAYS,
  EDGE,
  HOUR_COLUMNS,
  HOUR_US,
  HOURS,
  sums,
} from "./traffic.ts";

const WEEK_HOURS = 168;
const MAD = 1.4826;
/** Median absolute deviation as a standard deviation would be. */
const spread = (values: string) =>
  `${MAD} * arrayReduce('median', arrayMap(one -> abs(one - arrayReduce('median', ${values})), ${values}))`;

/** Conditions on `edge` that part so many edges; together they let all through. */
export function partsOf(edges: number): readonly string[] {
  const parts = Math.min(MAX_PARTS, Math.max(1, Math.ceil(edges / EDGES_AT_ONCE)));
  const from = (part: number): string => String((BigInt(part) * 2n ** 64n) / BigInt(parts));
  return Array.from({ length: parts }, (_, part) =>
    part === parts - 1 ? `edge >= ${from(part)}` : `edge >= ${from(part)} AND edge < ${from(part + 1)}`,
  );
}

/** Adds the buckets of an hour up, and says how far it was from what was usual. */
export function keepHour(hourUs: number): Statement {
  const params = new Params();
  const hour = params.add(hourUs, "Int64");
  const [, ...counted] = HOUR_COLUMNS.split(", ");
  return params.statement(
    `INSERT INTO ${HOURS.name} (${HOUR_COLUMNS}, moved, slowed)
SELECT ${hour} AS hour_us, ${counted.map((name) => `n.${name} AS ${name}`).join(", ")},
  if(b.hours = 0, nan, log2((n.calls + 1) / (b.calls + 1))) AS moved,
  if(b.log_duration = 0 OR n.timed = 0, nan, n.log_duration / n.timed - b.log_duration) AS slowed
FROM (${sums(hourUs, hourUs + HOUR_US, params)}) AS n
LEFT JOIN (SELECT ${EDGE}, hours, calls, log_duration FROM ${BASELINES.name} FINAL WHERE hour_us = ${hour}) AS b
USING (${EDGE})`,
  );
}

/** Adds up a day whose hours are there. */
export function keepDay(dayUs: number, part: string): Statement {
  const params = new Params();
  const day = params.add(dayUs, "Int64");
  return params.statement(
    `INSERT INTO ${DAYS.name} (${DAY_COLUMNS})
SELECT ${day} AS day_us, ${EDGE}, first_us, calls, calls_most, errors, bytes_most, credentials,
  if(empty(times), 0, arrayReduce('median', times)) AS log_duration,
  if(empty(times), 0, ${spread("times")}) AS log_duration_spread
FROM (
  SELECT any(h.log) AS log, any(h.caller) AS caller, any(h.callee) AS callee, any(h.operation) AS operation,
    min(h.hour_us) AS first_us, sum(h.calls) AS calls, max(h.calls) AS calls_most, sum(h.errors) AS errors,
    max(h.bytes) AS bytes_most, max(h.credentials) AS credentials,
    groupArrayIf(h.log_duration / h.timed, h.timed > 0) AS times
  FROM ${HOURS.name} AS h FINAL WHERE hour_us >= ${day} AND hour_us < ${day} + ${DAY_US} AND ${part} GROUP BY edge
)`,
  );
}

/** This hour and its neighbours on all days, and the last day's. */
function hoursRead(hourUs: number): { readonly near: readonly number[]; readonly read: readonly number[] } {
  const days = Array.from({ length: HISTORY_DAYS + 1 }, (_, back) => hourUs - back * DAY_US);
  const near = days.flatMap((us) => [us - HOUR_US, us, us + HOUR_US]);
  const known = near.filter((us) => us < hourUs && us >= hourUs - HISTORY_DAYS * DAY_US);
  const recent = Array.from({ length: SHIFT_HOURS }, (_, back) => hourUs - (back + 1) * HOUR_US);
  return { near: known, read: [...new Set([...known, ...recent])] };
}

/** Of each edge, what the days that are over and today's hours say of all hours. */
function ofAllHours(hourUs: number, part: string, params: Params): string {
  const today = Math.floor(hourUs / DAY_US) * DAY_US;
  const days = `day_us >= ${params.add(today - HISTORY_DAYS * DAY_US, "Int64")} AND day_us < ${params.add(today, "Int64")}`;
  const hours = `hour_us >= ${params.add(today, "Int64")} AND hour_us < ${params.add(hourUs, "Int64")}`;
  const times = "log_duration AS took, log_duration_spread AS took_spread";
  return `SELECT edge, any(log) AS log, any(caller) AS caller, any(callee) AS callee, any(operation) AS operation,
      min(first_us) AS since, max(most) AS most, sum(failed) / greatest(1, sum(made)) AS failed,
      max(biggest) AS biggest, max(users) AS users, groupArrayIf(took, took > 0) AS times,
      groupArrayIf(took_spread, took > 0) AS time_spreads
    FROM (
      SELECT edge, ${EDGE}, first_us, calls AS made, calls_most AS most, errors AS failed, bytes_most AS biggest,
        credentials AS users, ${times}
      FROM ${DAYS.name} FINAL WHERE ${days} AND ${part}
      UNION ALL
      SELECT edge, ${EDGE}, hour_us AS first_us, calls AS made, calls AS most, errors AS failed, bytes AS biggest,
        credentials AS users, toFloat64(0) AS took, toFloat64(0) AS took_spread
      FROM ${HOURS.name} FINAL WHERE ${hours} AND ${part}
    ) GROUP BY edge`;
}

/**
 * What is usual at an hour: of the same hour of the week while there are three weeks of it; else of this hour and its
 * neighbours on all days. Hours in which an edge was not heard count as none, from its first hour on. What was
 * otherwise for half of the last day is a new level (`shift`, `slower`: powers of two) and not told again.
 */
export function keepBaselines(hourUs: number, part: string): Statement {
  const params = new Params();
  const hour = params.add(hourUs, "Int64");
  const { near, read } = hoursRead(hourUs);
  const isNear = `has(${params.add(near, "Array(Int64)")}, hour_us)`;
  const sameWeekHour = `(${hour} - hour_us) % ${WEEK_HOURS * HOUR_US} = 0`;
  const recent = `hour_us >= ${hour} - ${SHIFT_HOURS * HOUR_US}`;
  const level = (name: string) =>
    `if(countIf(${recent} AND isFinite(${name})) >= ${SHIFT_HOURS / 2},
      toFloat64(quantileExactIf(0.5)(${name}, ${recent} AND isFinite(${name}))), 0)`;
  return params.statement(
    `INSERT INTO ${BASELINES.name} (${BASELINE_COLUMNS})
SELECT ${hour} AS hour_us, ${EDGE}, age AS hours, since AS since_us, arrayReduce('median', counts) AS calls,
  ${spread("counts")} AS calls_spread, most AS calls_most, failed AS error_share,
  if(empty(times), 0, arrayReduce('median', times)) AS log_duration,
  if(empty(times), 0, greatest(arrayReduce('median', time_spreads), ${spread("times")})) AS log_duration_spread,
  arrayReduce('median', sizes) AS bytes, biggest AS bytes_most, users AS credentials, shift, slower
FROM (
  SELECT ${EDGE}, since, most, failed, biggest, users, times, time_spreads, shift, slower,
    toUInt64(intDiv(${hour} - since, ${HOUR_US})) AS age,
    if(weeks >= 3, arrayResize(weekly, greatest(length(weekly), intDiv(age, ${WEEK_HOURS})), toFloat64(0)),
      arrayResize(daily, greatest(1, length(daily), least(intDiv(age, 8), ${HISTORY_DAYS * 3})), toFloat64(0))
    ) AS counts,
    if(weeks >= 3, weekly_bytes, daily_bytes) AS sizes_or_none,
    if(empty(sizes_or_none), [toFloat64(0)], sizes_or_none) AS sizes
  FROM (${ofAllHours(hourUs, part, params)}) AS known LEFT JOIN (
    SELECT edge, toUInt64(countIf(${sameWeekHour})) AS weeks,
      groupArrayIf(toFloat64(calls), ${sameWeekHour}) AS weekly, groupArrayIf(toFloat64(calls), ${isNear}) AS daily,
      groupArrayIf(toFloat64(bytes), ${sameWeekHour}) AS weekly_bytes,
      groupArrayIf(toFloat64(bytes), ${isNear}) AS daily_bytes,
      ${level("moved")} AS shift, ${level("slowed")} AS slower
    FROM ${HOURS.name} FINAL
    WHERE hour_us IN ${params.add(read, "Array(Int64)")} AND ${part} GROUP BY edge
  ) AS heard USING (edge)
)`,
  );
}
