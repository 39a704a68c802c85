export const KEY_BYTES = 32;
/** A random 32-byte key has about 30 different byte values; fewer than this was typed or filled, not drawn. */
export const MIN_DISTINCT_KEY_BYTES = 12;
export const MAX_KEY_FILE_BYTES = 4_096;
