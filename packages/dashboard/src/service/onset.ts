import type { HistogramBucket } from "../client/types.ts";

/** Failures are errors and timeouts; a correct denial is none. */
export function failuresIn({ by_status: counts }: HistogramBucket): number {
  return (counts["error"] ?? 0) + (counts["timeout"] ?? 0);
}

export interface Totals {
  readonly calls: number;
  readonly failures: number;
  /** Null without calls. */
  readonly ratio: number | null;
}

export function totalsOf(buckets: readonly HistogramBucket[]): Totals {
  const calls = buckets.reduce((sum, { count }) => sum + count, 0);
  const failures = buckets.reduce((sum, bucket) => sum + failuresIn(bucket), 0);
  return { calls, failures, ratio: calls === 0 ? null : failures / calls };
}

const FEWEST_FAILURES = 3;
const LOWEST_RATIO = 0.02;
const TIMES_USUAL = 3;

/**
 * When failing began: the first bucket from which on, to the end, more fails than three times the usual share (that of
 * `usual`, else of the calmest third of the window), and which itself fails so. Null when it does not fail now: in the
 * last sixth of the buckets in which anything was called.
 */
export function onsetOf(all: readonly HistogramBucket[], usual: number | null): string | null {
  const buckets = all.slice(0, all.findLastIndex(({ count }) => count > 0) + 1);
  const limit = Math.max(LOWEST_RATIO, TIMES_USUAL * (usual ?? calmest(buckets)));
  const isOver = (part: readonly HistogramBucket[]) => {
    const found = totalsOf(part);
    return found.failures >= FEWEST_FAILURES && (found.ratio ?? 0) > limit;
  };
  if (!isOver(buckets.slice(-Math.max(5, Math.ceil(buckets.length / 6))))) return null;
  for (const [at, bucket] of buckets.entries()) {
    const own = totalsOf([bucket]);
    if (own.failures === 0 || (own.ratio ?? 0) <= limit) continue;
    if (isOver(buckets.slice(at)) && isOver(buckets.slice(at, at + 5))) return bucket.from;
  }
  return null;
}

function calmest(buckets: readonly HistogramBucket[]): number {
  const size = Math.max(1, Math.floor(buckets.length / 3));
  let lowest = 1;
  for (let at = 0; at + size <= buckets.length; at++) {
    const { ratio } = totalsOf(buckets.slice(at, at + size));
    if (ratio !== null) lowest = Math.min(lowest, ratio);
  }
  return lowest === 1 ? 0 : lowest;
}
