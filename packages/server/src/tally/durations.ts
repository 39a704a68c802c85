/**
 * Durations as the map keeps them: how many calls fell into which bucket. Bucket b holds whole microseconds from
 * 2^(b/8) up to 2^((b+1)/8), so a whole number of the same bucket lies within 9.1% of every duration in it.
 */
import { DURATION_STEPS } from "./limits.ts";

/** Calls by bucket, as the engine's Map(UInt16, UInt64) comes in JSON. */
export type DurationBuckets = Readonly<Record<string, number>>;

/** The least whole number of a bucket; 0 and 1 fall into the first. */
const lowestUs = (bucket: number): number => (bucket === 0 ? 0 : Math.ceil(2 ** (bucket / DURATION_STEPS)));

function sorted(buckets: DurationBuckets): readonly (readonly [bucket: number, calls: number])[] {
  return Object.entries(buckets)
    .map(([bucket, calls]) => [Number(bucket), calls] as const)
    .toSorted(([a], [b]) => a - b);
}

/**
 * Microseconds below which the given shares of the calls stayed; null without any duration. Within a bucket calls are
 * taken as spread evenly; the exact quantile lies in the same bucket, at most 9.1% away.
 */
export function quantilesUs(buckets: DurationBuckets, shares: readonly number[]): readonly (number | null)[] {
  const filled = sorted(buckets);
  const total = filled.reduce((sum, [, calls]) => sum + calls, 0);
  return shares.map((share) => (total === 0 ? null : quantileUs(filled, share * total)));
}

function quantileUs(filled: readonly (readonly [number, number])[], rank: number): number {
  let before = 0;
  for (const [bucket, calls] of filled) {
    if (before + calls >= rank) return withinUs(bucket, (rank - before) / calls);
    before += calls;
  }
  return withinUs(filled.at(-1)?.[0] ?? 0, 1);
}

function withinUs(bucket: number, share: number): number {
  const lowest = lowestUs(bucket);
  const highest = lowestUs(bucket + 1) - 1;
  return Math.round(lowest + (highest - lowest) * share);
}

/** Calls that took less than 2^firstOctave µs, then octave by octave, at last those of 2^lastOctave µs and more. */
export function byOctave(buckets: DurationBuckets, firstOctave: number, lastOctave: number): number[] {
  const counts = Array.from({ length: lastOctave - firstOctave + 2 }, () => 0);
  for (const [bucket, calls] of Object.entries(buckets)) {
    const octave = Math.floor(Number(bucket) / DURATION_STEPS) + 1 - firstOctave;
    counts[Math.min(Math.max(octave, 0), counts.length - 1)]! += calls;
  }
  return counts;
}
