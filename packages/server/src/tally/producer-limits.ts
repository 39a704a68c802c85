/** Bounds of what is kept and asked about producers. */

/** Leaves taken in by one statement: as many as the index inserts at once. */
export const RANGE_LEAVES = 100_000;
/** Shortest pause between two statements while fewer leaves than that wait. */
export const STEP_GAP_MS = 4_000;
/** Pause after a failure, and between looks at an engine that is down. */
export const FOLLOW_RETRY_MS = 1_000;
export const DERIVE_TIMEOUT_MS = 120_000;
export const DERIVE_MEMORY_BYTES = 512 * 1024 * 1024;

/** Sequence numbers of one row: one container of a compressed bitmap. */
export const CHUNK_NUMBERS = 65_536;
/** The newest minutes in which a producer was heard, from which its usual pause is learned … */
export const LEARNED_MINUTES = 1_000;
/** … once there are so many. */
export const MIN_LEARNED_MINUTES = 10;

export const DEFAULT_PAGE_PRODUCERS = 100;
export const MAX_PAGE_PRODUCERS = 1_000;
/** Producers that are looked at first for a page, and at most in one statement. */
export const PAGE_WINDOW_PRODUCERS = 1_000;
export const MAX_WINDOW_PRODUCERS = 64_000;
/** A page that has not found its runs by then ends where it has come to. */
export const PAGE_SEARCH_MS = 10_000;
export const DEFAULT_GAPS = 10;
/** Gaps shown in one answer, over all producers on it. */
export const MAX_ANSWER_GAPS = 10_000;
/** Chunks whose numbers are in memory at a time while gaps are looked for. */
export const UNFOLDED_CHUNKS = 64;
export const MAX_PRODUCER_CURSOR_LENGTH = 8_192;
/** An answer whose tables are older than this is only a part. */
export const FRESH_US = 60_000_000;
/** Figures are counted again at most this often, however often they are scraped … */
export const FIGURES_AGE_MS = 15_000;
/** … and not before so many times as long has passed as the counting took. */
export const FIGURES_REST = 20;
export const FIGURES_TIMEOUT_MS = 10_000;
/** Longest that a scrape waits for them. */
export const FIGURES_WAIT_MS = 1_000;
