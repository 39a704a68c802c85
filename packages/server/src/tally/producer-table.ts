/**
 * The `producers` table: which sequence numbers of each run of each producer are there, derived from `records`.
 *
 * A run is (log, producer_id, principal, producer_epoch): whoever authenticates as somebody else makes a run of his
 * own and touches no other. Its numbers are sets of bits, one row for each 65,536 of them, so that a number that comes
 * late, twice or out of order is at its place, and a whole row costs a few bytes; rows of one key become one when the
 * engine merges parts.
 *
 * How far a tree has been taken in is a row of the same table, written by the same statement and so in the same part:
 * a part is there whole or not at all, therefore nothing is taken in twice, and sums are exact. `leaves` is the sum
 * and `through` the largest end of what was taken in; when they differ a part was lost or doubled.
 */
import type { DerivedTable } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { logOf } from "../search/scope.ts";
import { CHUNK_NUMBERS } from "./producer-limits.ts";

/** Greater than every number that a record can have (2^53 − 1). */
export const NO_NUMBER = "toInt64(9007199254740992)";
/** The chunk of a run's records without a number, heartbeats and closes. */
export const NO_CHUNK = "toInt64(-1)";
/** The chunk of the minutes in which a producer was heard, over all its runs. */
export const HEARD_CHUNK = "toInt64(-2)";

/** A record with which a producer says how far its sequence has come; it is no member of it. */
const CLAIM = "(event_type = 'LOG_LIFECYCLE' AND operation IN ('heartbeat', 'close'))";
/** Of a numbered record that was erased the number is there still, and who sent it is named beside it. */
const ERASED = "(event_type = 'ERASED' AND observed_principal = 'tallystick')";
const PRINCIPAL = `if(${ERASED}, attributes['tallystick.erased_principal'], toString(observed_principal))`;
const RECEIVED_US = "toUnixTimestamp64Micro(observed_received_at)";
const COUNTED = "toUInt64OrZero(attributes['count'])";
/** A count that fits the number tells where the run began. */
const CLAIMED_FIRST = `if(${COUNTED} BETWEEN 1 AND toUInt64(producer_seq + 1), producer_seq + 1 - toInt64(${COUNTED}), ${NO_NUMBER})`;

/** The kinds of rows: of numbered and unnumbered records, of claims, of minutes heard, of a tree's position. */
type RowKind = "record" | "claim" | "heard" | "position";

/** A column, its value in rows of the kinds that have one, and in the others. */
interface ProducerColumn extends Partial<Readonly<Record<RowKind, string>>> {
  readonly name: string;
  readonly type: string;
  readonly otherwise: string;
}

const name = (column: string, value: string, type: string, kinds: readonly RowKind[]): ProducerColumn => ({
  name: column,
  type,
  otherwise: "''",
  ...Object.fromEntries(kinds.map((kind) => [kind, value])),
});

const PRODUCER_ROWS = ["record", "claim", "heard"] as const;
const RUN_ROWS = ["record", "claim"] as const;

const KEYS: readonly ProducerColumn[] = [
  name("log", "toString(log)", "LowCardinality(String)", PRODUCER_ROWS),
  name("producer_id", "toString(producer_id)", "String", PRODUCER_ROWS),
  name("principal", PRINCIPAL, "LowCardinality(String)", PRODUCER_ROWS),
  name("producer_epoch", "producer_epoch", "String", RUN_ROWS),
  {
    name: "chunk",
    type: "Int64",
    record: `if(producer_seq < 0, ${NO_CHUNK}, intDiv(producer_seq, ${CHUNK_NUMBERS}))`,
    heard: HEARD_CHUNK,
    otherwise: NO_CHUNK,
  },
  name("tree", "{tree:String}", "LowCardinality(String)", ["position"]),
];

const merged = (aggregate: "min" | "max" | "sum", type: "Int64" | "UInt64") =>
  `SimpleAggregateFunction(${aggregate}, ${type})`;
const times = (column: string, aggregate: "min" | "max"): ProducerColumn => ({
  name: column,
  type: merged(aggregate, "Int64"),
  record: `${aggregate}(${RECEIVED_US})`,
  claim: `${aggregate}(${RECEIVED_US})`,
  otherwise: "toInt64(0)",
});
const claims = (column: string, aggregate: "min" | "max", value: string, otherwise: string): ProducerColumn => ({
  name: column,
  type: merged(aggregate, "Int64"),
  claim: `${aggregate}(${value})`,
  otherwise,
});

const STATES: readonly ProducerColumn[] = [
  {
    name: "numbers",
    // Wider than a number within its chunk, since it is the type of their count too, which may be 65,536.
    type: "AggregateFunction(groupBitmap, UInt32)",
    record: `groupBitmapState(toUInt32(greatest(producer_seq, 0) % ${CHUNK_NUMBERS}))`,
    otherwise: "groupBitmapState(toUInt32(0))",
  },
  { name: "records", type: merged("sum", "UInt64"), record: "count()", otherwise: "toUInt64(0)" },
  {
    name: "first_number",
    type: merged("min", "Int64"),
    record: `if(min(producer_seq) < 0, ${NO_NUMBER}, min(producer_seq))`,
    otherwise: NO_NUMBER,
  },
  { name: "last_number", type: merged("max", "Int64"), record: "max(producer_seq)", otherwise: "toInt64(-1)" },
  {
    name: "recorder",
    type: "AggregateFunction(argMax, String, Int64)",
    record: `argMaxState(toString(recorder_id), if(${ERASED}, 0, ${RECEIVED_US}))`,
    claim: `argMaxState(toString(recorder_id), ${RECEIVED_US})`,
    otherwise: "argMaxState('', toInt64(0))",
  },
  times("first_seen_us", "min"),
  times("last_seen_us", "max"),
  claims("last_heartbeat_us", "max", RECEIVED_US, "toInt64(0)"),
  claims("claimed_last", "max", "producer_seq", "toInt64(-1)"),
  claims("claimed_first", "min", CLAIMED_FIRST, NO_NUMBER),
  claims("closed_us", "max", `if(operation = 'close', ${RECEIVED_US}, 0)`, "toInt64(0)"),
  claims("closed_last", "max", "if(operation = 'close', producer_seq, -1)", "toInt64(-1)"),
  {
    name: "minutes",
    type: "AggregateFunction(groupBitmap, UInt32)",
    heard: `groupBitmapState(toUInt32(intDiv(${RECEIVED_US}, 60000000)))`,
    otherwise: "groupBitmapState(toUInt32(0))",
  },
  { name: "leaves", type: merged("sum", "UInt64"), position: "count()", otherwise: "toUInt64(0)" },
  { name: "through", type: merged("max", "Int64"), position: "{to:Int64}", otherwise: "toInt64(0)" },
  {
    name: "through_hash",
    type: "AggregateFunction(argMax, FixedString(32), Int64)",
    position: "argMaxState(leaf_hash, leaf_index)",
    otherwise: "argMaxState(toFixedString('', 32), toInt64(0))",
  },
];

const COLUMNS = [...KEYS, ...STATES];
const names = (columns: readonly ProducerColumn[]): string => columns.map((column) => column.name).join(", ");

export const PRODUCERS: DerivedTable = {
  name: "producers",
  columns: COLUMNS.map((column) => `${column.name} ${column.type}`).join(", "),
  engine: `AggregatingMergeTree ORDER BY (${names(KEYS)})`,
  settings: { index_granularity: "1024", fsync_after_insert: "1", min_rows_to_fsync_after_merge: "1" },
};

const RANGE = "log = {log:String} AND tree = {tree:String} AND leaf_index >= {from:Int64} AND leaf_index < {to:Int64}";

const GROUPED = `GROUP BY ${KEYS.map((column) => `derived_${column.name}`).join(", ")}`;

/** Rows of one kind out of the range. */
function rowsOf(kind: RowKind, rest: string): string {
  const values = COLUMNS.map((column) => `${column[kind] ?? column.otherwise} AS derived_${column.name}`);
  return `SELECT ${values.join(", ")} FROM records WHERE ${RANGE} ${rest}`;
}

/**
 * Takes in leaves from … to − 1 of a tree that is taken in up to `from`. Fails, and takes nothing in, unless all of
 * them are in `records`: the table may be dropped or healed at any moment.
 */
export function takeInRange(tree: string, from: number, to: number): Statement {
  const rows = [
    rowsOf("record", `AND producer_id != '' AND NOT ${CLAIM} ${GROUPED}`),
    rowsOf("claim", `AND producer_id != '' AND ${CLAIM} ${GROUPED}`),
    rowsOf("heard", `AND producer_id != '' ${GROUPED}`),
    // Not grouped, so that it is one row, and counted, even when there are no leaves at all.
    rowsOf("position", "HAVING throwIf(count() != {to:Int64} - {from:Int64}) = 0"),
  ];
  // All see the same parts of `records`.
  const settings = "SETTINGS enable_shared_storage_snapshot_in_query = 1";
  const sql = `INSERT INTO ${PRODUCERS.name} (${names(COLUMNS)}) ${rows.join(" UNION ALL ")} ${settings}`;
  return { sql, params: { log: logOf(tree), tree, from, to } };
}

export interface TreeTakenIn {
  readonly tree: string;
  readonly leaves: number;
  readonly through: number;
  /** Leaf hash of the last leaf taken in, hexadecimal. */
  readonly hash: string;
}

/** TreeTakenIn of every tree. */
export const TAKEN_IN: Statement = {
  sql:
    "SELECT tree, toInt64(sum(leaves)) AS leaves, max(through) AS through, " +
    `lower(hex(argMaxMerge(through_hash))) AS hash FROM ${PRODUCERS.name} WHERE tree != '' GROUP BY tree`,
  params: {},
};

/** One row when `records` holds this very leaf. */
export function sameLeaf({ tree, through, hash }: TreeTakenIn): Statement {
  return {
    sql:
      "SELECT leaf_index FROM records WHERE log = {log:String} AND tree = {tree:String} " +
      "AND leaf_index = {leaf_index:Int64} AND leaf_hash = unhex({hash:String})",
    params: { log: logOf(tree), tree, leaf_index: through - 1, hash },
  };
}
