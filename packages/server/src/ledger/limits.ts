/** Bounds of the ledger follower and of what it serves. */

/** A journaled batch is in the tree this much later at most, while nothing fails. */
export const INTEGRATE_INTERVAL_MS = 100;
/** Checkpoints of one tree, while there is something new. */
export const PUBLISH_INTERVAL_MS = 1_000;
/** Checkpoints of one tree when somebody waits for one. */
export const PUBLISH_AT_ONCE_INTERVAL_MS = 200;
/** After an operating error: the first pause, and the longest. */
export const RETRY_FIRST_MS = 250;
export const RETRY_LONGEST_MS = 10_000;

/** Leaves of one tree taken in before a checkpoint may be published in between, and the other trees have their turn. */
export const MAX_LEAVES_A_STEP = 262_144;
/** Entries asked from the journal in one read. */
export const READ_BYTES = 8 * 1024 * 1024;
/** The same for one entry bundle: about 256 leaves. */
export const BUNDLE_READ_BYTES = 256 * 1024;
/** Complete tiles kept in memory before they are written; 8 KiB each. */
export const MAX_PENDING_TILES = 1_024;
/** Callers waiting in `published()`; one more is told to come back. */
export const MAX_WAITERS = 20_000;
/** Tile cache: 8 KiB each. */
export const MAX_CACHED_TILES = 2_048;
/** A retry of a read that raced with the removal of a superseded partial tile. */
export const MAX_READ_ATTEMPTS = 4;
/** Rounds of `close()`: each may open a new epoch tree whose link must be written. */
export const MAX_CLOSE_ROUNDS = 32;
/** A signed note we accept from the head store or as a checkpoint file. */
export const MAX_NOTE_BYTES = 64 * 1024;
/** Copies of checkpoints: the waiting ones of one target (the newest of each tree), and the time one send may take. */
export const MAX_COPIES_WAITING = 256;
export const COPY_TIMEOUT_MS = 10_000;
