/**
 * Where followers read records: in the table, or among the newest in memory when all that they ask about is there. The
 * engine may drop rows from there at any moment, so it is asked again at the end: rows that are gone do not come back,
 * hence what is there then was there all the time.
 */
import type { Statement } from "./index-seam.ts";
import { FEW_LEAVES, MANY_LEAVES } from "./limits.ts";
import { NEWEST } from "./schema/newest.ts";
import { RECORDS } from "./schema/records.ts";

export type RecordsTableName = typeof RECORDS | typeof NEWEST;

export interface LeafRange {
  readonly tree: string;
  readonly from: number;
  readonly to: number;
}

/** A range and the table in which all of it is. */
export interface ReadRange extends LeafRange {
  readonly table: RecordsTableName;
}

export type AskRows = <Row>(statement: Statement) => Promise<readonly Row[]>;

/** `first` keeps few rows; in the table it is asked before any other column is read. */
export function fromWhere(table: RecordsTableName, first: string, rest: string): string {
  return table === RECORDS
    ? `FROM ${table} PREWHERE ${first} WHERE ${rest}`
    : `FROM ${table} WHERE ${first} AND ${rest}`;
}

/** Where the ranges are looked for first; whether all of them was there is asked afterwards, by `isWhole`. */
export function firstTable(ranges: readonly LeafRange[]): RecordsTableName {
  const leaves = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  return leaves >= FEW_LEAVES && leaves <= MANY_LEAVES ? NEWEST : RECORDS;
}

/** All of the range, whose leaves are searchable, is in its table: what was read there until now was of all of it. */
export async function isWhole(ask: AskRows, range: ReadRange): Promise<boolean> {
  if (range.table === RECORDS) return true;
  const [row] = await ask<{ readonly whole: 0 | 1 }>(isNewest(range));
  return row?.whole === 1;
}

/** No row is there that is not in `records`, so that as many are all. */
function isNewest(range: LeafRange): Statement {
  const sql = `SELECT count() = {to:Int64} - {from:Int64} AS whole FROM ${NEWEST}
WHERE tree = {tree:String} AND leaf_index >= {from:Int64} AND leaf_index < {to:Int64}`;
  return { sql, params: { ...range } };
}

/** Asks for one row, whose `whole` is 1 when all records that are so are among the newest. */
export function areNewest(condition: string): string {
  const count = (table: RecordsTableName) => `(SELECT count() FROM ${table} WHERE ${condition})`;
  return `SELECT ${count(RECORDS)} = ${count(NEWEST)} AS whole`;
}
