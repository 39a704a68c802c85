/** Bounds of erasure. */

/** Bodies and leaves of one erasure; more are erased in several. */
export const MAX_ERASED_ITEMS = 100_000;
/** Bodies and leaves that one ERASURE record names: 400 of at most 91 bytes are within an attribute's 32,768. */
export const MAX_ITEMS_A_RECORD = 350;
/** Records that one request names. */
export const MAX_NAMED_RECORDS = 250;
export const MAX_SUBJECT_LENGTH = 256;
/** How long an erasure waits for the index to hold what the journal does. */
export const INDEX_WAIT_MS = 30_000;
/** How often it is looked for approvals that are to be carried out. */
export const WATCH_MS = 1_000;
export const MAX_ERASURE_FILE_BYTES = 64 * 1024 * 1024;
/** Commitments that one query looks for. */
export const COMMITMENTS_AT_ONCE = 1_000;
/** An answer waits no longer than this for an erasure to end; it goes on behind it. */
export const ANSWER_WITHIN_MS = 20_000;
/** Time and memory of taking an erased leaf out of derived tables. */
export const PURGE_LIMITS = { timeoutMs: 600_000, maxMemoryBytes: 1024 * 1024 * 1024 };
/** Alerts that name an erased leaf and are looked at for what they say of it. */
export const MAX_QUOTED_ALERTS = 10_000;
/** Values of erased leaves that one question is about. */
export const NEEDLES_AT_ONCE = 100;
/** Words that one call of the engine's text search takes. */
export const WORDS_AT_ONCE = 200;
/** How often it is looked for what was written of erased leaves while they were being erased. */
export const MAX_SWEEPS = 3;
