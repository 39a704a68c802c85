/** Bounds of folder verification. */

/** Tile files of one tree beside those of its published size: what a killed server leaves is a handful. */
export const MAX_EXTRA_TILES = 4_096;
/** Blocks of leaves being decoded at a time. */
export const MAX_CHECKS_UNDER_WAY = 4;
/** Full tiles of level 0 read at a time when the journal's contents cannot be read. */
export const TILES_A_STEP = 64;
/** Looks for a tile of level 0 that a running server may just have replaced by a wider one. */
export const MAX_TILE_LOOKS = 4;
/** A file of the folder's root that is read whole. */
export const MAX_SMALL_FILE_BYTES = 64 * 1024;
/** Notes in a `--since` file. */
export const MAX_SINCE_NOTES = 100_000;
/** Progress is reported after so many leaves. */
export const PROGRESS_LEAVES = 65_536;
/** Tiles written in one go by a repair; 8 KiB each. */
export const MAX_TILES_A_WRITE = 1_024;
