/** Bounds and defaults of the journal. */
import { MAX_BATCH_RECORDS } from "../limits.ts";

export interface JournalSettings {
  /** How long a batch may wait for company while another group is being written. */
  readonly windowMs: number;
  /** A group is closed when it has so many bytes of records. */
  readonly groupBytes: number;
  /** A segment that has reached this is sealed and a new one begun. */
  readonly segmentBytes: number;
  /** Bytes of records taken in and not yet durable; more is pushed back as busy. */
  readonly maxWaitingBytes: number;
  /** Recent entries kept for readers, all trees together. */
  readonly tailCacheBytes: number;
  /** Identities remembered, a log: stored records whatever their age. */
  readonly dedupWindowRecords: number;
  /** How often a journal that could not write looks whether it can again. */
  readonly probeIntervalMs: number;
}

export const DEFAULT_SETTINGS: JournalSettings = {
  windowMs: 5,
  groupBytes: 1024 * 1024,
  segmentBytes: 64 * 1024 * 1024,
  maxWaitingBytes: 64 * 1024 * 1024,
  tailCacheBytes: 128 * 1024 * 1024,
  dedupWindowRecords: 1_000_000,
  probeIntervalMs: 1_000,
};

/** What a batch counts for at least, however few bytes it has. */
export const MIN_BATCH_BYTES = 1024;
/** Batches of one group; keeps the work of one turn of the event loop bounded. */
export const MAX_GROUP_BATCHES = 4_096;
/** Stored records of the two groups that can be under way at once: each may pass its bound by one batch. */
export const MAX_UNSETTLED_RECORDS = 131_072;
export const MAX_GROUP_RECORDS = MAX_UNSETTLED_RECORDS / 2 - MAX_BATCH_RECORDS;

/**
 * One frame's entries, before compression. A batch is at most 10,000 records from a body of at most 20 MiB, and a group
 * passes by one.
 */
export const MAX_FRAME_PLAIN_BYTES = 256 * 1024 * 1024;
export const MAX_FRAME_CIPHER_BYTES = MAX_FRAME_PLAIN_BYTES;
export const MAX_TREE_NAME_BYTES = 160;

/** Free bytes that a full disk must show before the journal writes again, beside the size of what failed. */
export const MIN_FREE_BYTES = 1024 * 1024;
/** Entries opened from files and kept for the next reader. */
export const OPENED_CACHE_BYTES = 16 * 1024 * 1024;
/** Segments whose frame index is kept in memory. */
export const MAX_INDEXED_SEGMENTS = 256;
/** A frame index has one place in so many bytes of a segment, however small the frames are. */
export const INDEX_STRIDE_BYTES = 64 * 1024;
/** What one read of a file takes at a time. */
export const READ_CHUNK_BYTES = 4 * 1024 * 1024;
/** Frames that a walk through a segment opens as one task, and how many such tasks at a time. */
export const RUN_BYTES = 512 * 1024;
export const MAX_RUNS_UNDER_WAY = 3;
/** Entries that one task opens while the duplicate window is rebuilt. */
export const REBUILD_RUN_BYTES = 4 * 1024 * 1024;
/** Entries that a read from a file opens beyond those asked for, since the next reader wants the neighbours. */
export const READ_AHEAD_BYTES = 256 * 1024;
/** One read gives no more than this, whatever was asked for. */
export const MAX_READ_BYTES = 16 * 1024 * 1024;
export const RETRY_AFTER_BUSY_S = 1;
export const RETRY_AFTER_FAILED_S = 5;
export const RETRY_AFTER_LOCKED_S = 5;
export const RETRY_AFTER_FULL_S = 30;
export const RETRY_AFTER_CLOSING_S = 5;
/** What the reserve gives away at a time, and how often it looks whether it can be filled again. */
export const RESERVE_PIECE_BYTES = 1024 * 1024;
export const RESERVE_PROBE_MS = 1_000;
