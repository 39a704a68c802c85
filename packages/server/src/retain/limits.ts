/** Bounds of the clean-up. */

/** Files of a tree that one bulk removal takes at a time. */
export const FILES_A_REMOVAL = 512;
/** How long a deletion's record may take to come under a published checkpoint before the pass is given up. */
export const PUBLISHED_WAIT_MS = 30_000;
/** How long the rows of a deleted tree may take to go before the deletion goes on without them. */
export const PRUNE_WAIT_MS = 60_000;
/** The first pass comes soon after a start, when the followers have had a moment. */
export const FIRST_PASS_MS = 5_000;
/** Entries that a walk through the first or last leaf of a tree reads. */
export const EDGE_READ_BYTES = 1;
/** How often it is looked for what a second person agreed to. */
export const APPROVED_WATCH_MS = 1_000;
/** Places of backups that are remembered. */
export const MAX_BACKUP_PLACES = 32;
/** First and last bytes of a file that tell whether it is the one that was copied: a segment's header and footer. */
export const MARK_HEAD_BYTES = 512;
export const MARK_TAIL_BYTES = 128;
