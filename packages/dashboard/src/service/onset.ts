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

/** More than little, and enough of them to conclude anything. */
export function failsMuch(calls: number, failures: number): boolean {
  return failures >= FEWEST_FAILURES && failures > LOWEST_RATIO * calls;
}

/**
 * When failing began: the first bucket from which on, to the end, more fails than three times the usual share (that of
 * `usual`, else of the calmest third of the window), and which itself fails so. Null when it does not fail now: in the
 * last sixth of the buckets in which anything was called.
 */
export function onsetOf(all: readonly HistogramBucket[], usual: number | null): string | null {
  const buckets = calledOf(all);
  const limit = Math.max(LOWEST_RATIO, TIMES_USUAL * (usual ?? calmest(buckets)));
  const isOver = (part: readonly HistogramBucket[]) => {
    const found = totalsOf(part);
    return found.failures >= FEWEST_FAILURES && (found.ratio ?? 0) > limit;
  };
  if (!isOver(newestOf(buckets))) return null;
  for (const [at, bucket] of buckets.entries()) {
    const own = totalsOf([bucket]);
    if (own.failures === 0 || (own.ratio ?? 0) <= limit) continue;
    if (isOver(buckets.slice(at)) && isOver(buckets.slice(at, at + 5))) return bucket.from;
  }
  return null;
}

/**
 * How a service is in a word: `failing` since an onset; `unwell` fails more than little, its newest calls too, without
 * a beginning; `better` did, and its newest calls do not; `few`: a large share of so few calls that nothing follows.
 */
export type Manner = "silent" | "well" | "few" | "better" | "unwell" | "failing";

export function mannerOf(all: readonly HistogramBucket[], onset: string | null): Manner {
  if (onset !== null) return "failing";
  const [whole, newest] = [totalsOf(all), totalsOf(newestOf(calledOf(all)))];
  if (whole.calls === 0) return "silent";
  if ((whole.ratio ?? 0) <= LOWEST_RATIO) return "well";
  if (!failsMuch(whole.calls, whole.failures)) return "few";
  return newest.failures > 0 && (newest.ratio ?? 0) > LOWEST_RATIO ? "unwell" : "better";
}

function calledOf(all: readonly HistogramBucket[]): readonly HistogramBucket[] {
  return all.slice(0, all.findLastIndex(({ count }) => count > 0) + 1);
}

/** The last sixth. */
function newestOf(buckets: readonly HistogramBucket[]): readonly HistogramBucket[] {
  return buckets.slice(-Math.max(5, Math.ceil(buckets.length / 6)));
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
