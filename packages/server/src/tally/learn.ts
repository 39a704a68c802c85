/** What a step's records teach beside its verdicts. Every statement may be repeated. */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { IS_HALF, IS_HOP, IS_MESSAGE, receivedBetween } from "./halves.ts";
import type { DueWindow } from "./halves.ts";
import { AHEAD_ROWS, MAX_EDGES, SKEW_HOURS, SKEW_MIN_CALLS } from "./limits.ts";
import { EDGE_CREDENTIALS, RECORDERS, SETTLING, SKEWS, WRITTEN } from "./schema.ts";

const PAIRED = "callers > 0 AND callees > 0";
const SYNCHRONOUS = `NOT (${IS_MESSAGE})`;

export interface RecorderRow {
  readonly name: string;
  /** An observer is a proxy that takes part in traces: it says nothing of who else records. */
  readonly kind: "caller" | "callee" | "heartbeat" | "observer";
  readonly first_us: number;
  readonly last_us: number;
}

/** Who takes another's name says nothing of whether that one records. The administrator may say it of anybody. */
const MAY_SAY = "(observed_standing != 'claimed' OR observed_principal = 'admin')";

/**
 * Who records, by its records and heartbeats that were received in [fromUs, toUs). Of a heartbeat the initiator is
 * vouched for only where it is the party that the sender may speak for.
 */
export function heardRecorders(fromUs: number, toUs: number): Statement {
  const params = new Params();
  const heartbeat = "(event_type = 'LOG_LIFECYCLE' AND operation IN ('heartbeat', 'close'))";
  return params.statement(
    `SELECT name, kind, min(us) AS first_us, max(us) AS last_us FROM (
  SELECT if(is_heartbeat AND side = 'caller', arrayDistinct([toString(service_id), toString(recorder_id)]),
      [toString(recorder_id)]) AS names,
    if(is_heartbeat, 'heartbeat', toString(side)) AS kind, us
  FROM (
    SELECT service_id, recorder_id, side, ${heartbeat} AS is_heartbeat,
      max(toUnixTimestamp64Micro(observed_received_at)) AS us
    FROM records
    WHERE ${receivedBetween(fromUs, toUs, params)} AND observed_principal != 'tallystick'
      AND (((side IN ('caller', 'callee') OR ${heartbeat}) AND ${MAY_SAY}) OR (${IS_HOP} AND NOT ${heartbeat}))
    GROUP BY service_id, recorder_id, side, is_heartbeat
  )
) ARRAY JOIN names AS name GROUP BY name, kind`,
  );
}

/** Keeps them. */
export function learnRecorders(fromUs: number, toUs: number): Statement {
  const { sql, params } = heardRecorders(fromUs, toUs);
  const columns = "recorder_id, kind, first_us, last_us";
  return {
    sql: `INSERT INTO ${RECORDERS.name} (${columns}) SELECT name, kind, first_us, last_us FROM (${sql})
WHERE kind != 'observer'`,
    params,
  };
}

/** Who was heard since then, as it was kept. */
export function knownRecorders(sinceUs: number): Statement {
  const params = new Params();
  return params.statement(
    `SELECT recorder_id AS name, kind, min(first_us) AS first_us, max(last_us) AS last_us FROM ${RECORDERS.name}
WHERE last_us >= ${params.add(sinceUs, "Int64")} GROUP BY recorder_id, kind`,
  );
}

export interface SkewRow {
  readonly caller: string;
  readonly callee: string;
  readonly skew_us: number;
}

/** Pairs of recorders of which enough calls are known; the median of the minutes' medians. */
export function knownSkews(atUs: number): Statement {
  const params = new Params();
  const since = params.add(Math.floor(atUs / 60_000_000) * 60 - SKEW_HOURS * 3_600, "Int64");
  return params.statement(
    `SELECT c_recorder_id AS caller, d_recorder_id AS callee,
  toInt64(quantileExactWeighted(0.5)(skew_us, calls)) AS skew_us FROM ${SKEWS.name}
WHERE ${WRITTEN} AND minute >= toDateTime(${since}, 'UTC')
GROUP BY c_recorder_id, d_recorder_id HAVING sum(calls) >= ${SKEW_MIN_CALLS}
ORDER BY sum(calls) DESC LIMIT ${MAX_EDGES}`,
  );
}

/** Credentials that a callee saw in calls which the caller's own half confirms. */
export const LEARN_CREDENTIALS: Statement = {
  sql: `INSERT INTO ${EDGE_CREDENTIALS.name} (caller, callee, credential_id, log, first_us, last_us, known_us)
SELECT c_service_id, d_target_id, d_credential_id, log, min(first_us), max(first_us), min(due_us) FROM ${SETTLING.name}
WHERE ${PAIRED} AND notEmpty(d_credential_id) AND c_service_id = if(startsWith(d_service_id, 'address:')
  OR d_service_id = 'unknown', c_service_id, d_service_id)
GROUP BY c_service_id, d_target_id, d_credential_id, log`,
  params: {},
};

const START = "toUnixTimestamp64Micro(d_timestamp) - toUnixTimestamp64Micro(c_timestamp)";
const BOTH_LAST = "c_duration_us >= 0 AND d_duration_us >= 0";
/** The middles of both intervals lie at the same time: what lies between them is the skew of the two clocks. */
const OFFSET = `${START} + if(${BOTH_LAST}, intDiv(d_duration_us - c_duration_us, 2), 0)`;
const SKEW_COLUMNS = "c_recorder_id, d_recorder_id, minute, step, skew_us, spread_us, calls";
const MEASURES = `toInt64(quantileExact(0.5)(${OFFSET})) AS skew_us,
  toInt64(quantileExact(0.75)(${OFFSET}) - quantileExact(0.25)(${OFFSET})) AS spread_us, count() AS calls`;
const ANSWERED = "c_status IN ('success', 'denied')";
const minuteOf = (us: string) => `toStartOfMinute(toDateTime(fromUnixTimestamp64Micro(${us}, 'UTC'), 'UTC'))`;

export function learnSkews(step: number): Statement {
  const params = new Params();
  return params.statement(
    `INSERT INTO ${SKEWS.name} (${SKEW_COLUMNS})
SELECT c_recorder_id, d_recorder_id, ${minuteOf("first_us")} AS minute, ${params.add(step, "UInt64")} AS step, ${MEASURES}
FROM ${SETTLING.name} WHERE ${PAIRED} AND late = 0 AND ${SYNCHRONOUS} AND ${ANSWERED}
GROUP BY c_recorder_id, d_recorder_id, minute`,
  );
}

/**
 * The same by all halves received up to the step's end, among them those of calls that come due later; of pairs with
 * so many calls at least.
 */
export function learnSkewsAhead(
  step: number,
  pairs: readonly string[],
  { fromUs, toUs }: DueWindow,
  least = 1,
): Statement {
  const params = new Params();
  const names = params.add([...new Set(pairs.flatMap((pair) => pair.split("\n")))], "Array(String)");
  const half = (name: string, side: string) => `anyIf(${name}, side = '${side}')`;
  return params.statement(
    `INSERT INTO ${SKEWS.name} (${SKEW_COLUMNS})
SELECT c_recorder_id, d_recorder_id, ${minuteOf(params.add(fromUs, "Int64"))} AS minute,
  ${params.add(step, "UInt64")} AS step, ${MEASURES}
FROM (
  SELECT call_key, ${half("recorder_id", "caller")} AS c_recorder_id, ${half("recorder_id", "callee")} AS d_recorder_id,
    ${half("timestamp", "caller")} AS c_timestamp, ${half("timestamp", "callee")} AS d_timestamp,
    ${half("duration_us", "caller")} AS c_duration_us, ${half("duration_us", "callee")} AS d_duration_us,
    ${half("status", "caller")} AS c_status
  FROM (
    SELECT call_key, side, recorder_id, timestamp, duration_us, status FROM records
    WHERE ${receivedBetween(fromUs, toUs, params)} AND ${IS_HALF}
      AND ${SYNCHRONOUS} AND recorder_id IN (${names}) LIMIT ${AHEAD_ROWS}
  ) GROUP BY call_key HAVING countIf(side = 'caller') = 1 AND countIf(side = 'callee') = 1
) WHERE ${ANSWERED} GROUP BY c_recorder_id, d_recorder_id HAVING calls >= ${least}`,
  );
}
