/** Bounds of a verification. Its memory does not grow with the tree, and its answer not with the damage. */

/** Faults that are listed; more are counted. */
export const MAX_FAULTS = 1_000;
/** Tiles and entry bundles asked for ahead of the one that is being checked. */
export const LOOKAHEAD = 8;
/** Bytes of an entry bundle: 256 entries of 65,535 bytes, each after its length. */
export const MAX_BUNDLE_BYTES = 256 * (2 + 65_535);
/** Bytes of a tree's chain leaves in clear: a link has about two thousand. */
export const MAX_CHAIN_BYTES = 16_777_216;
/** Bytes of the list of trees. */
export const MAX_TREE_LIST_BYTES = 16_777_216;
/** Trees of one server. */
export const MAX_TREES = 100_000;
/** EPOCH_LINK leaves kept of one tree; a tree has one, or a few after a long stop. */
export const MAX_LINKS = 10_000;
/** Attempts at one request before the verification gives up. */
export const MAX_ATTEMPTS = 5;
/** Longest wait between two attempts, whatever the server asks for. */
export const MAX_RETRY_WAIT_MS = 10_000;
/** Time one request may take. */
export const REQUEST_TIMEOUT_MS = 60_000;
/** Leaves between two reports of progress. */
export const PROGRESS_LEAVES = 65_536;
/** Bytes of what stays of a deleted tree: a proven leaf has a few thousand, and a tree links few others. */
export const MAX_DELETION_BYTES = 1_048_576;
/** Erased leaves of one tree, and records that explain some, that are compared. */
export const MAX_ERASED_LEAVES = 1_000_000;
