/**
 * The newest records once more, in memory: whoever follows the index asks about what has just been inserted, and there
 * it need be neither read nor unpacked again, which is half of what such a statement costs. A view of the engine fills
 * the table with each insert, and the engine drops the oldest rows beyond a bound. What it lacks, because that was
 * dropped, emptied or never put in, is found out by who asks (`index/newest.ts`).
 */
import { COLUMNS, SQL_TYPES } from "../columns.ts";
import { NEWEST_BYTES } from "../limits.ts";
import { MADE_COLUMNS, RECORDS } from "./records.ts";

export const NEWEST = "newest" as const;
const FEED = "newest_feed";

/** The view first, which names the table. */
export const DROP_NEWEST: readonly string[] = [FEED, NEWEST].map((name) => `DROP TABLE IF EXISTS ${name} SYNC`);
export const EMPTY_NEWEST = `TRUNCATE TABLE IF EXISTS ${NEWEST}`;

/** Statements that make table and view, in order, where `records` is. */
export function makeNewest(): readonly string[] {
  const made = MADE_COLUMNS.filter(({ codec }) => codec !== null);
  const stored = [...COLUMNS.map(({ name, shape }) => ({ name, type: SQL_TYPES[shape] })), ...made];
  const aliases = MADE_COLUMNS.filter(({ codec }) => codec === null);
  const lines = [
    ...stored.map(({ name, type }) => `${name} ${type}`),
    ...aliases.map(({ name, type, sql }) => `${name} ${type} ALIAS ${sql}`),
  ];
  const names = stored.map(({ name }) => name).join(", ");
  return [
    `CREATE TABLE ${NEWEST} (${lines.join(", ")}) ENGINE = Memory SETTINGS max_bytes_to_keep = ${NEWEST_BYTES}`,
    `CREATE MATERIALIZED VIEW ${FEED} TO ${NEWEST} AS SELECT ${names} FROM ${RECORDS}`,
  ];
}
