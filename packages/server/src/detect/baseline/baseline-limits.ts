/** Bounds of the baselines. */
/** How far back hours count. */
export const HISTORY_DAYS = 28;
/** Edges learned of at once, so that they fit into a step; in so many parts at most. */
export const EDGES_AT_ONCE = 12_500;
export const MAX_PARTS = 64;
/** Five-minute counts are kept so long. */
export const KEPT_BUCKETS_US = 2 * 86_400_000_000;
/** What is otherwise for so many hours is the new level. */
export const SHIFT_HOURS = 24;
/** Edges looked at in one judgement. */
export const MAX_JUDGED = 2_000;
/** An edge is judged when it is known for so many hours. */
export const MIN_HOURS = 72;
/** A bucket is judged so long after its end, when its records are in. */
export const BUCKET_GRACE_US = 30_000_000;
/** Baselines far behind are caught up so many buckets at a time. */
export const BUCKETS_AT_ONCE = 72;
/** −log10 of the chance at which a deviation counts; edges are many and looked at often. */
export const MIN_SURPRISE = 9;
/** Beyond it one look is enough; else it must hold twice, or be rare in the edge's own history. */
export const CERTAIN_SURPRISE = 20;
/**
 * −log10 of how often something as strange is to be expected in the edge's own hours, at which one look is enough, too.
 * It is the threshold at which the watch of single series scores best by the standard profile of the Numenta Anomaly
 * Benchmark: `bench -- nab --rows` finds 2.40 and says so.
 */
export const RARE_SURPRISE = 2.4;
/** Deviations of one look whose own history is asked for, in one question. */
export const MAX_WATCHED = 16;
export const HISTORY_LIMITS = { timeoutMs: 2_000, maxMemoryBytes: 128 * 1024 * 1024 };
/** Spreads of the median that a deviation must exceed. */
export const MIN_SPREADS = 6;
export const MIN_SPREADS_BELOW = 4;
/** Practical size: what is smaller is not worth anybody's time. */
export const MIN_MORE_CALLS = 30;
export const MIN_CALLS_RATIO = 3;
export const MIN_USUAL_CALLS = 30;
export const MIN_ERRORS = 8;
export const MIN_ERROR_SHARE = 0.1;
export const MIN_TIMED = 30;
/** Of an hour: a few hundred customers' records, which is what somebody takes who does not want to be seen. */
export const MIN_BYTES = 65_536;
export const MIN_BYTES_RATIO = 6;
export const MIN_CREDENTIALS = 4;
/** When so many edges of a log deviate alike, it is the fleet: a holiday, an outage. */
export const FLEET_EDGES = 12;
export const FLEET_SHARE = 0.2;
/** Records that show a deviation; of further deviations told at once none are looked for. */
export const MAX_EXAMPLES = 5;
export const MAX_SHOWN_FINDINGS = 10;
export const EXAMPLE_LIMITS = { timeoutMs: 2_000, maxMemoryBytes: 128 * 1024 * 1024 };
/** What did not hold for so long is over. */
export const OVER_AFTER_US = 1_800_000_000;
