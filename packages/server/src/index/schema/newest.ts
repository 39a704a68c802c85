/**
 * The newest records once more, in memory: whoever follows the index asks about what has just been inserted, and there
 * it need be neither read nor unpacked again, which is half of what such a statement costs. A view of the engine fills
 * the table with each insert, and the engine drops the oldest rows beyond a bound. It is fed while inserts are large:
 * many small ones would make it slower to read than `records`, which knows where to look. What it lacks, because that
 * was dropped, emptied or never put in, is found out by who asks (`index/newest.ts`).
 */
import { COLUMNS, SQL_TYPES } from "../columns.ts";
import { NEWEST_BYTES } from "../limits.ts";
import { MADE_COLUMNS, RECORDS } from "./records.ts";

export const NEWEST = "newest" as const;
const FEED = "newest_feed";

const MADE = MADE_COLUMNS.filter(({ codec }) => codec !== null);
const STORED = [...COLUMNS.map(({ name, shape }) => ({ name, type: SQL_TYPES[shape] })), ...MADE];

function lines(): string {
  const aliases = MADE_COLUMNS.filter(({ codec }) => codec === null);
  return [
    ...STORED.map(({ name, type }) => `${name} ${type}`),
    ...aliases.map(({ name, type, sql }) => `${name} ${type} ALIAS ${sql}`),
  ].join(", ");
}

/** From now on all that is inserted into `records` is put in. */
export const FEED_NEWEST = `CREATE MATERIALIZED VIEW IF NOT EXISTS ${FEED} TO ${NEWEST} AS SELECT ${STORED.map(({ name }) => name).join(", ")} FROM ${RECORDS}`;
export const EMPTY_NEWEST = `TRUNCATE TABLE IF EXISTS ${NEWEST}`;
/** Statements in order: the view names the table, and goes first. */
export const STARVE_NEWEST: readonly string[] = [`DROP TABLE IF EXISTS ${FEED} SYNC`, EMPTY_NEWEST];
export const DROP_NEWEST: readonly string[] = [FEED, NEWEST].map((name) => `DROP TABLE IF EXISTS ${name} SYNC`);
export const MAKE_NEWEST = `CREATE TABLE ${NEWEST} (${lines()}) ENGINE = Memory SETTINGS max_bytes_to_keep = ${NEWEST_BYTES}`;
