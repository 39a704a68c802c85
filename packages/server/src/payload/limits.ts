/** Bounds of the payload store. */

/** A file that has reached this is closed and a new one begun. An erasure rewrites whole files, so they are small. */
export const PAYLOAD_FILE_BYTES = 32 * 1024 * 1024;
/** Bodies that one write takes together. */
export const MAX_GROUP_BYTES = 8 * 1024 * 1024;
/** One body as it is kept. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** What is kept beside a body: its salt, its size, what was taken out of it. */
export const MAX_META_BYTES = 4 * 1024;
export const MAX_CONTENT_TYPE_CHARACTERS = 256;
/** Bodies among which a retry is recognised, so that a lost answer stores nothing twice. */
export const RECENT_BODIES = 50_000;
/** Files that they are looked for in at a start. */
export const REMEMBERED_FILES = 4;
/** Places of bodies kept in memory, all files together; at least one file's. */
export const MAX_KNOWN_PLACES = 500_000;
/** What one read of a file takes at a time while its places are collected. */
export const WALK_CHUNK_BYTES = 1024 * 1024;
/** How long a body that was refused says that bodies are refused; senders come again within seconds. */
export const REFUSAL_COUNTS_MS = 60_000;
