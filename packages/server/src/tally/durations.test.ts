import fc from "fast-check";
import { expect, test } from "vitest";

import { byOctave, quantilesUs } from "./durations.ts";
import type { DurationBuckets } from "./durations.ts";
import { DURATION_STEPS } from "./limits.ts";

/** As the engine puts durations into buckets. */
function bucketsOf(durations: readonly number[]): DurationBuckets {
  const buckets: Record<string, number> = {};
  for (const us of durations) {
    const bucket = Math.floor(Math.log2(Math.max(us, 1)) * DURATION_STEPS);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  return buckets;
}

const DURATIONS = fc.array(fc.integer({ min: 0, max: 4_000_000_000 }), { minLength: 1, maxLength: 200 });

test("a quantile lies within 9.1% of the exact one", () => {
  fc.assert(
    fc.property(DURATIONS, fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1), (durations, share) => {
      const exact = durations.toSorted((a, b) => a - b)[Math.ceil(share * durations.length) - 1]!;
      const [read] = quantilesUs(bucketsOf(durations), [share]);
      expect(Math.abs(read! - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.0906));
    }),
    { examples: [[[19], 0.01]] },
  );
});

test("without a duration there is no quantile", () => {
  expect(quantilesUs({}, [0.5, 0.99])).toEqual([null, null]);
});

test("octaves count every duration once, below their bound", () => {
  fc.assert(
    fc.property(DURATIONS, (durations) => {
      const counts = byOctave(bucketsOf(durations), 10, 25);
      expect(counts).toHaveLength(17);
      let seen = 0;
      for (const [at, count] of counts.entries()) {
        seen += count;
        const below = at === 16 ? Infinity : 2 ** (10 + at);
        expect(seen).toBe(durations.filter((us) => us < below).length);
      }
    }),
  );
});
