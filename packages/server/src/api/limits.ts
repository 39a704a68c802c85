/** Bodies of the small JSON requests: keys, login links. */
export const MAX_JSON_BODY_BYTES = 65_536;
/**
 * Read and thrown away after a body went over its limit, so that a client that only listens after sending still gets
 * its 413.
 */
export const MAX_DISCARDED_BYTES = 67_108_864;
export const MAX_IDEMPOTENCY_KEY_BYTES = 255;
/** How long `?wait=published` waits for a checkpoint. */
export const PUBLISHED_WAIT_MS = 30_000;
/** A request's line and headers: a cursor that names many trees is long. */
export const MAX_HEADER_BYTES = 65_536;
/** Characters of one part of a path: a call id is made of names of 256 bytes, percent-encoded. */
export const MAX_PARAMETER_LENGTH = 4_096;
/** How often Node looks for requests that did not arrive in time; its default of 30 s would double a short limit. */
export const TIMEOUT_CHECK_MS = 2_000;
/** Comment lines keep proxies from closing a quiet tail. */
export const TAIL_HEARTBEAT_MS = 15_000;
/** An answer that goes on asks so often whether its reader may still have it. */
export const MAY_STILL_MS = 1_000;
/** How often the disk's free space is looked at for the forecast, and how many looks are kept: a day. */
export const SPACE_SAMPLE_INTERVAL_MS = 60_000;
export const MAX_SPACE_SAMPLES = 1_440;
/** A shorter watch says nothing about days. */
export const MIN_SPACE_WATCH_MS = 3_600_000;
/** What other programs write in such a time, as a build or an update does, is no trend: the busiest one is left out. */
export const SPACE_BURST_MS = 1_800_000;
/** Requests that were begun may end for this long when the server stops. */
export const DRAIN_MS = 4_000;
/** Keys with an allowance of their own; beyond it the oldest starts afresh. */
export const MAX_RATE_BUCKETS = 10_000;
/** How long the question for one record waits for the checkpoint that covers it. */
export const PROOF_WAIT_MS = 3_000;
/** Why somebody opens a body, or erases one. */
export const MAX_REASON_LENGTH = 1_000;
/** A TLS handshake that is not over by then is broken off. */
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
