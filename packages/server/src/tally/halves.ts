/**
 * Which records are halves of calls, which calls have come due, and how the halves of one call become one row. All of
 * it is SQL over `records`; a step's intermediate rows lie in two tables in memory.
 *
 * A call comes due `deadline` after its first half was received. It is judged by the halves received until then,
 * whenever that is done, so that a restart changes no verdict; what comes later makes it `late`, and it is judged
 * again by all that there is.
 *
 * Halves are found in whatever log each lies. The call, its edge and its verdicts are of the caller's log where there
 * is a caller's half, else of the callee's.
 */
import type { Statement } from "../index/index-seam.ts";
import { areNewest, fromWhere } from "../index/newest.ts";
import type { RecordsTableName } from "../index/newest.ts";
import { NEWEST } from "../index/schema/newest.ts";
import { CALL_SPAN_EXPRESSION, RECORDS } from "../index/schema/records.ts";
import { Params } from "../search/compile/sql.ts";
import {
  CALLS,
  DUE,
  GATHERED_COLUMNS,
  GROUPED_COLUMNS,
  HALF_COLUMNS,
  HALVES,
  namesOf,
  SETTLING,
  WRITTEN,
} from "./schema.ts";
import type { Deadlines } from "./deadlines.ts";
import { MAX_CALL_HALVES, NEWEST_MARGIN_US, OLD_PAIR_US } from "./limits.ts";

/** Times in microseconds; the calls due in [fromUs, toUs) are the step's. */
export interface DueWindow {
  readonly fromUs: number;
  readonly toUs: number;
}

const US = "toUnixTimestamp64Micro(observed_received_at)";

/** Tallystick's own records take no part, and neither does what names no counterpart. */
export const IS_HALF = `side IN ('caller', 'callee') AND observed_principal != 'tallystick'
    AND event_type NOT IN ('LOG_LIFECYCLE', 'INTERNAL', 'LOG') AND service_id != 'none' AND target_id != 'none'`;
/** A proxy's record that says between which spans it stands. */
export const IS_HOP = `side = 'observer' AND observed_principal != 'tallystick' AND notEmpty(span_id)
    AND notEmpty(parent_span_id)`;
export const IS_MESSAGE = "event_type IN ('MESSAGE_PUBLISH', 'MESSAGE_CONSUME')";
/** Kinds of due calls whose records another step has read, or that have them under several keys. */
const OLDER = "'late', 'bridged'";
const NOT_SIMPLE = `'several', ${OLDER}`;
const TAKES_PART = `((${IS_HALF}) OR (side = 'observer' AND observed_principal != 'tallystick'))`;

/** The most restricted is the last. */
const rankOfClass = (name: string) => `indexOf(['public', 'internal', 'confidential', 'restricted'], ${name})`;

const CALL_SPAN = `${CALL_SPAN_EXPRESSION} AS call_span`;

/** Half-open, in microseconds. */
export function receivedBetween(fromUs: number, toUs: number, params: Params): string {
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, us), "Int64")}, 'UTC')`;
  return `observed_received_at >= ${at(fromUs)} AND observed_received_at < ${at(toUs)}`;
}

/** Candidate halves of a window: their number decides whether the window is small enough, `next` where to go on. */
export function candidateCount(window: DueWindow, deadlines: Deadlines): Statement {
  const params = new Params();
  const received = receivedBetween(window.fromUs - deadlines.longestUs, window.toUs - deadlines.shortestUs, params);
  return params.statement(`SELECT count() AS count FROM records WHERE ${received} AND ${IS_HALF}`);
}

/** When the first half at or after `fromUs` was received; 0: there is none. */
export function nextHalf(fromUs: number): Statement {
  const params = new Params();
  const from = `observed_received_at >= fromUnixTimestamp64Micro(${params.add(fromUs, "Int64")}, 'UTC')`;
  return params.statement(`SELECT min(${US}) AS next FROM records WHERE ${from} AND ${IS_HALF}`);
}

/** Since when what was received is among the newest records: not from the oldest on, which go with the next insert. */
export const NEWEST_SINCE: Statement = {
  sql: `SELECT ${US} + ${NEWEST_MARGIN_US} AS us FROM ${NEWEST} LIMIT 1`,
  params: {},
};

/** A SELECT over records received in a time: those since `newestUs` are among the newest, and read there. */
type Halves = (table: RecordsTableName, received: string) => string;

function readHalves({ fromUs, toUs }: DueWindow, newestUs: number, params: Params, select: Halves): string {
  const splitUs = Math.min(toUs, Math.max(fromUs, newestUs));
  const parts = [
    { table: RECORDS, fromUs, toUs: splitUs },
    { table: NEWEST, fromUs: splitUs, toUs },
  ];
  return parts
    .filter((part) => part.fromUs < part.toUs)
    .map((part) => select(part.table, receivedBetween(part.fromUs, part.toUs, params)))
    .join("\n    UNION ALL ");
}

/** Fills DUE with the calls of the window and with those of which a half came too late for its own. */
export function findDue(window: DueWindow, deadlines: Deadlines, newestUs: number): Statement {
  const params = new Params();
  const { longestUs, shortestUs } = deadlines;
  const begun = { fromUs: window.fromUs - longestUs, toUs: window.toUs - shortestUs };
  const candidates = readHalves(
    begun,
    newestUs,
    params,
    (table, received) => `SELECT call_key FROM ${table} WHERE ${received} AND ${IS_HALF}`,
  );
  const halves = readHalves(
    around(window, deadlines),
    newestUs,
    params,
    (table, received) =>
      `SELECT call_key, ${US} AS us, side, service_id, target_id, side != 'observer' AS is_half
    ${fromWhere(table, `call_key IN (${candidates})`, `${received} AND ${TAKES_PART}`)}`,
  );
  const from = params.add(window.fromUs, "Int64");
  const to = params.add(window.toUs, "Int64");
  return params.statement(
    `INSERT INTO ${DUE.name} (call_key, as_key, from_us, to_us, due_us, again_us, observers, kind)
SELECT call_key, call_key AS as_key, first_us, if(due_us >= ${from}, due_us, ${to}) AS to_us, due_us,
  if(due_us >= ${from} AND last_us > due_us, last_us + due_us - first_us, 0) AS again_us, observers,
  multiIf(due_us < ${from}, 'late', callers > 1 OR callees > 1 OR end_us > due_us, 'several', 'simple') AS kind
FROM (
  SELECT call_key, minIf(us, is_half) AS first_us, max(us) AS end_us, countIf(side = 'caller') AS callers,
    countIf(side = 'callee') AS callees, countIf(side = 'observer') AS observers,
    first_us + ${deadlines.sql(params)} AS due_us,
    ${lastBefore(to, deadlines, params)} AS last_us
  FROM (
    ${halves}
  ) GROUP BY call_key
)
WHERE due_us < ${to} AND (due_us >= ${from}
  OR (last_us > due_us AND last_us + due_us - first_us >= ${from}))`,
  );
}

/** The last half of a call that was received a deadline before the window's end; a deadline by edge is an aggregate. */
function lastBefore(to: string, deadlines: Deadlines, params: Params): string {
  if (!deadlines.isByEdge) return `maxIf(us, is_half AND us < ${to} - ${deadlines.sql(params)})`;
  return `arrayMax(arrayPushBack(arrayFilter(at -> at < ${to} - (due_us - first_us), groupArrayIf(us, is_half)), 0))`;
}

/** Three deadlines back: whoever came within one of a half that is cut off there is late, and is found to be. */
const around = ({ fromUs, toUs }: DueWindow, { longestUs }: Deadlines): DueWindow => ({
  fromUs: fromUs - 3 * longestUs,
  toUs,
});

/** Asks whether all was among the newest records that is looked for there. */
export function isAmongNewest(window: DueWindow, deadlines: Deadlines, newestUs: number): Statement {
  const params = new Params();
  const { fromUs, toUs } = around(window, deadlines);
  return params.statement(areNewest(receivedBetween(Math.max(newestUs, fromUs), toUs, params)));
}

/** Fills HALVES with the records of the window's calls. */
export function gatherDue(window: DueWindow, deadlines: Deadlines, newestUs: number): Statement {
  const params = new Params();
  const period = { fromUs: window.fromUs - deadlines.longestUs, toUs: window.toUs };
  const gather: Halves = (table, received) => gathered(0, "'simple', 'several'", table, received);
  return params.statement(`INSERT INTO ${HALVES.name} (${GATHERED}) ${readHalves(period, newestUs, params, gather)}`);
}

/** Fills HALVES with the records of calls that are settled again, or whose halves a proxy parts. */
export function gatherOlder(window: DueWindow): Statement {
  const params = new Params();
  const earliest = `(SELECT fromUnixTimestamp64Micro(min(from_us), 'UTC') FROM ${DUE.name} WHERE kind IN (${OLDER}))`;
  const received = `observed_received_at >= ${earliest} AND ${receivedBetween(0, window.toUs, params)}`;
  return params.statement(`INSERT INTO ${HALVES.name} (${GATHERED}) ${gathered(1, OLDER, RECORDS, received)}`);
}

const GATHERED = `older, leaf_hash, id, observed_principal, ${namesOf(GATHERED_COLUMNS)}`;

function gathered(older: 0 | 1, kinds: string, table: RecordsTableName, received: string): string {
  const columns = GATHERED.replace("older", `${older} AS older`).replace("call_span", CALL_SPAN);
  const isDue = `call_key IN (SELECT call_key FROM ${DUE.name} WHERE kind IN (${kinds}))`;
  return `SELECT ${columns} ${fromWhere(table, isDue, `${received} AND ${TAKES_PART}`)}`;
}

const ofEither = (name: string) => `if(c.present > 0, c.${name}, d.${name}) AS ${name}`;

function halvesOf(side: "caller" | "callee"): string {
  return `SELECT ${namesOf(GATHERED_COLUMNS)}, 1 AS present FROM ${HALVES.name} WHERE side = '${side}' AND older = 0`;
}

/** Fills SETTLING with calls of at most one half a side: nearly all, so each value is simply the one there is. */
export const GROUP_SIMPLE: Statement = {
  sql: `INSERT INTO ${SETTLING.name} (${namesOf(GROUPED_COLUMNS)})
SELECT due.call_key AS call_key, '' AS branch, ${ofEither("call_id_kept")}, ${ofEither("call_span")},
  ${ofEither("trace_id")}, ${ofEither("log")},
  if(${rankOfClass("c.data_class")} > ${rankOfClass("d.data_class")}, c.data_class, d.data_class) AS data_class,
  ${ofEither("event_type")}, ${ofEither("protocol")}, from_us AS first_us, 0 AS late, 0 AS regrouped, due_us,
  c.present AS callers, d.present AS callees, observers, 0 AS executions,
  ${(["c", "d"] as const).flatMap((half) => HALF_COLUMNS.map(([name]) => `${half}.${name} AS ${half}_${name}`)).join(", ")},
  [] AS halves
FROM (SELECT call_key, from_us, due_us, observers FROM ${DUE.name} WHERE kind = 'simple') AS due
LEFT ANY JOIN (${halvesOf("caller")}) AS c ON due.call_key = c.call_key
LEFT ANY JOIN (${halvesOf("callee")}) AS d ON due.call_key = d.call_key`,
  params: {},
};

/**
 * One record of each that intake stored again, because it was sent again so late that intake did not know it any more:
 * the sender and the id are the same.
 */
const ONE_OF_COPIES =
  "ORDER BY observed_received_at, tree, leaf_index LIMIT 1 BY call_key, side, observed_principal, id";

/** Fills SETTLING with calls of several halves a side, and anew with those of earlier steps. */
export const GROUP_SEVERAL: Statement = {
  sql: `INSERT INTO ${SETTLING.name} (${namesOf(GROUPED_COLUMNS)}) ${severalGrouped(`FROM (
      SELECT * FROM ${HALVES.name}
      WHERE call_key IN (SELECT call_key FROM ${DUE.name} WHERE kind IN (${NOT_SIMPLE})) ${ONE_OF_COPIES}, older
    ) AS records SEMI LEFT JOIN (
      SELECT call_key, any(as_key) AS as_key, min(from_us) AS from_us, max(to_us) AS to_us, min(due_us) AS due_us,
        argMax(kind, kind IN (${OLDER})) AS kind
      FROM ${DUE.name} WHERE kind IN (${NOT_SIMPLE}) GROUP BY call_key
    ) AS due USING (call_key)
    WHERE older = (kind IN (${OLDER})) AND ${US} >= from_us AND ${US} <= to_us`)}`,
  params: {},
};

/** One call as it stands at the moment, without a trace in any table: the same grouping over its own records. */
export function groupOne(callKey: string, deadline: Deadlines, params: Params): string {
  const mine = `call_key = ${callKey} AND ${TAKES_PART}`;
  const first = `SELECT min(${US}) AS from_us, from_us + ${deadline.sql(params)} AS due_us FROM records WHERE ${mine} AND ${IS_HALF}`;
  return severalGrouped(
    `FROM (SELECT *, call_key, ${CALL_SPAN} FROM records WHERE ${mine} ${ONE_OF_COPIES}) AS records
      CROSS JOIN (SELECT *, ${callKey} AS as_key, 'late' AS kind FROM (${first})) AS due`,
  );
}

/**
 * Which of several halves are compared: an outcome before an intent; of the caller's the one that agrees with the
 * callee's status, then the last attempt; of the callee's the last attempt, and of one attempt the first execution. A
 * message's consumers are a row each.
 */
function severalGrouped(records: string): string {
  // A number, for a comparison of tuples would cost more than all the rest.
  const rank = `row_number() OVER (PARTITION BY as_key ORDER BY phase = 'outcome',
    side = 'caller' AND status = seen_status, attempt, if(side = 'callee', -1, 1) * toUnixTimestamp64Micro(timestamp),
    tree, leaf_index)`;
  const sides = (["caller", "callee"] as const).flatMap((side) =>
    HALF_COLUMNS.map(
      ([name]) => `argMaxIf(${name}, rank, side = '${side}') AS ${side === "caller" ? "c" : "d"}_${name}`,
    ),
  );
  const leading = (name: string) =>
    `if(callers > 0, argMaxIf(${name}, rank, side = 'caller'), argMaxIf(${name}, rank, side = 'callee')) AS ${name}`;
  const places = "arraySort(groupArray((side, tree, leaf_index)))";
  const consumers = "groupUniqArrayIf(64)(recorder_id, side = 'callee') OVER (PARTITION BY as_key)";
  return `SELECT as_key AS call_key, branch,
  ${leading("call_id_kept")}, ${leading("call_span")}, any(trace_id) AS trace_id, ${leading("log")},
  argMax(data_class, ${rankOfClass("data_class")}) AS data_class,
  anyIf(event_type, side != 'observer') AS event_type, anyIf(protocol, side != 'observer') AS protocol,
  minIf(from_us, side != 'observer') AS first_us, any(kind = 'late') AS late, any(kind IN (${OLDER})) AS regrouped,
  if(late, max(${US}), min(due_us)) AS due_us,
  countIf(side = 'caller') AS callers, countIf(side = 'callee') AS callees, countIf(side = 'observer') AS observers,
  toUInt32(countIf(side = 'callee' AND phase = 'outcome')
    - uniqExactIf(attempt, side = 'callee' AND phase = 'outcome')) AS executions,
  ${sides.join(",\n  ")},
  arrayMap(half -> (half.2, half.3), arraySlice(${places}, 1, ${MAX_CALL_HALVES})) AS halves
FROM (
  SELECT *, ${rank} AS rank FROM (
    SELECT ${namesOf(GATHERED_COLUMNS)}, as_key, from_us, due_us, kind,
      anyIf(status, side = 'callee') OVER (PARTITION BY as_key) AS seen_status,
      if(${IS_MESSAGE}, if(side = 'callee', [recorder_id], ${consumers}), ['']) AS branches
    ${records}
  )
) LEFT ARRAY JOIN branches AS branch
GROUP BY as_key, branch`;
}

/**
 * A call of so long ago, when its halves came, may have been settled with them before: who sends a pair again after
 * intake has forgotten it makes no second call. By the recorder's clock, so that it is a hint and no more.
 */
const isOld = (receivedUs: string, begun: string) =>
  `${receivedUs} - toUnixTimestamp64Micro(${begun}) > ${OLD_PAIR_US}`;
/** The same of a call in SETTLING that has both halves. */
export const IS_OLD_PAIR = `(callers > 0 AND callees > 0
  AND ${isOld("first_us", "greatest(c_timestamp, d_timestamp)")})`;

/** Of the calls in HALVES those that may have older halves: a side is missing, or the first attempt, or it is old. */
const NOT_WHOLE = `SELECT call_key FROM ${HALVES.name}
  WHERE older = 0 AND side != 'observer' AND call_key IN (
    SELECT call_key FROM ${DUE.name} WHERE kind = 'several'
    UNION ALL SELECT call_key FROM ${HALVES.name} WHERE attempt > 0)
  GROUP BY call_key HAVING uniqExact(side) = 1 OR minIf(attempt, side = 'caller') > 0
    OR ${isOld(`min(${US})`, "max(timestamp)")}`;

/**
 * Adds to DUE, as `late`, the calls that an earlier step settled: those of which a half or an attempt stands alone
 * here, and those of a half that came too late. Their first half is the one that was first then.
 */
export function findOlder(window: DueWindow): Statement {
  const params = new Params();
  return params.statement(
    `INSERT INTO ${DUE.name} (call_key, as_key, from_us, to_us, due_us, kind)
SELECT call_key, call_key AS as_key, min(first_us) AS from_us, ${params.add(window.toUs, "Int64")} AS to_us,
  min(due_us), 'late' AS kind
FROM ${CALLS.name}
WHERE call_key IN (
  SELECT call_key FROM ${SETTLING.name} WHERE callers = 0 OR callees = 0 OR ${IS_OLD_PAIR}
  UNION ALL ${NOT_WHOLE}
  UNION ALL SELECT call_key FROM ${DUE.name} WHERE kind = 'late'
) AND call_key NOT IN (SELECT call_key FROM ${DUE.name} WHERE kind = 'bridged') AND ${WRITTEN}
GROUP BY call_key`,
  );
}
