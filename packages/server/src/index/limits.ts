/** Bounds of the index. */

/** Rows of one insert: one part, one deduplication token. */
export const MAX_BLOCK_ROWS = 100_000;
/** Entries of one insert, before encoding. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024;
/** Entries asked of the journal at once. */
export const READ_BYTES = 8 * 1024 * 1024;
/** Leaf hash, in bytes. */
export const HASH_BYTES = 32;

/** Sessions of the embedded engine that read. */
export const ENGINE_READERS = 3;
/** Sessions of it that derive tables. */
export const ENGINE_DERIVERS = 3;
/** Statements that wait for a session of the engine, of each kind. */
export const ENGINE_MAX_WAITING = 64;
/**
 * Threads of the engine process for statements, files and the control session; above the sessions, or a kill could
 * not run.
 */
export const ENGINE_POOL_THREADS = ENGINE_READERS + ENGINE_DERIVERS + 8;
/** A statement's text, parameters apart. */
export const ENGINE_MAX_STATEMENT_BYTES = 1024 * 1024;
/** What a statement may be made of: many rules run in one. */
export const ENGINE_MAX_STATEMENT_PARTS = 1_000_000;
/** Memory of the embedded engine, so that it and the server stay under 2.5 GiB. */
export const ENGINE_MEMORY_BYTES = 1_288_490_189;
/** Parts of one merge: each costs it buffers of some megabytes. */
export const MAX_MERGED_PARTS = 40;
/** About so many parts of one size become one: writing a row again costs more than inserting it, and is done seldom. */
export const MERGE_FAN_IN = 16;
/** How long a start waits for an engine that still holds the folder. */
export const ENGINE_LOCK_WAIT_MS = 10_000;
export const ENGINE_LOCK_RETRY_MS = 200;
/** How long a stopped engine may finish what it runs. */
export const ENGINE_DRAIN_MS = 3_000;
/** First and longest pause before the engine is started again. */
export const ENGINE_RESTART_MIN_MS = 100;
export const ENGINE_RESTART_MAX_MS = 10_000;
/** An engine that lived this long starts the back-off anew. */
export const ENGINE_STABLE_MS = 60_000;
/** An engine that has not said where it listens by then is killed. */
export const ENGINE_START_MS = 60_000;

/** Bytes of the newest records that are in memory too, which is some seconds of full load. */
export const NEWEST_BYTES = 256 * 1024 * 1024;
/** Rows of an insert from which on they are kept there, and after how many smaller ones they are no more. */
export const LARGE_INSERT_ROWS = 10_000;
export const SMALL_INSERTS = 20;
/** Ranges of fewer leaves are not worth looking for there, and those of more are hardly ever all there. */
export const FEW_LEAVES = LARGE_INSERT_ROWS;
export const MANY_LEAVES = 250_000;

/** Pauses between looks whether a deletion is done, the shortest after each part, and how long it may take. */
export const MUTATION_LOOK_MIN_S = 0.01;
export const MUTATION_LOOK_MAX_S = 0.16;
export const MUTATION_TIMEOUT_S = 300;

/** Queries at a time, and those that wait, before `index_unavailable`. */
export const MAX_CONCURRENT_QUERIES = ENGINE_READERS;
export const MAX_WAITING_QUERIES = 256;
/**
 * Linux nice values of the engine's threads; inserts have 0. A query is behind them and before what merges. What
 * derives tables keeps up with the inserts, and steps back while somebody asks.
 */
export const QUERY_NICE = 3;
export const PRESSED_QUERY_NICE = 10;
export const MERGE_NICE = 5;
export const DERIVER_NICE = 0;
/** Little work, and somebody waits for its verdicts: done at once it costs no more than done late. */
export const TALLY_NICE = -8;
export const ASKED_DERIVER_NICE = 8;
/** Somebody who asked is expected to ask again within this time. */
export const ASKED_MS = 2_000;

/** Leaves whose rows are replaced one by one; of more, all rows of the tree from the first of them on are made again. */
export const MAX_REPLACED_LEAVES = 256;

/** Shortest pause between the starts of two inserts: few rows are shown soon, many go in large parts. */
export const INSERT_GAP_MS = 200;
export const BUSY_INSERT_GAP_MS = 1_200;
/** Of a tree with few rows while others have many: its inserts cost nearly as much as theirs. */
export const MINOR_INSERT_GAP_MS = 4_000;
/** After so long without an insert the next one waits for nothing. */
export const QUIET_MS = 1_500;
/** From so many waiting rows on, the longer pause holds … */
export const BUSY_ROWS = 2_000;
/** … until so many wait that a part is large enough. */
export const FULL_ROWS = 90_000;
/** From so many rows behind on, intake comes before queries. */
export const PRESSED_ROWS = 200_000;
/** Pause after a failed insert or comparison. */
export const RETRY_MS = 1_000;
/** Longest an insert or a statement of the schema may take. */
export const WRITE_TIMEOUT_MS = 300_000;
/** How often an external server is asked whether it is there. */
export const PING_MS = 2_000;
/** One that has not answered by then is not there. */
export const PING_TIMEOUT_MS = 30_000;
/** Leaves of one group when the first missing one is looked for. */
export const HEAL_GROUP_LEAVES = 65_536;
