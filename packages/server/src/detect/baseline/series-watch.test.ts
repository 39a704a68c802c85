import fc from "fast-check";
import { expect, test } from "vitest";

import { SeriesWatch } from "./series-watch.ts";

const FIVE_MINUTES_US = 300e6;
const DAY = 288;

function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

function surprises(values: readonly number[]): number[] {
  const watch = new SeriesWatch();
  return values.map((value, at) => watch.push(at * FIVE_MINUTES_US, value).surprise);
}

/** Days of a wave with noise. */
function wave(days: number): number[] {
  const random = noise(7);
  return Array.from({ length: days * DAY }, (_, at) => 100 + 50 * Math.sin((at / DAY) * 2 * Math.PI) + 5 * random());
}

test("the daily wave itself surprises nobody, and a value of noon at midnight does", () => {
  const values = wave(14);
  const before = surprises(values);
  expect(before.slice(3 * DAY).filter((surprise) => surprise > 2.5).length).toBeLessThanOrEqual(2);
  // 3 π/2 is the trough; the crest's value is one that has been seen every day.
  const trough = 12 * DAY + (3 * DAY) / 4;
  values[trough] = 150;
  expect(surprises(values)[trough]).toBeGreaterThan(2.5);
});

test("an anomaly that lasts is told when it begins, not as long as it lasts", () => {
  const values = wave(10).map((value, at) => (at >= 8 * DAY ? value + 400 : value));
  const told = surprises(values).flatMap((surprise, at) => (surprise > 2.5 && at >= 8 * DAY ? [at] : []));
  expect(told[0]).toBe(8 * DAY);
  expect(told.length).toBeLessThanOrEqual(4);
});

test("what is said of a value does not depend upon what comes after it", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1e12, max: 1e12, noNaN: true }), { maxLength: 300 }), (values) => {
      const cut = values.length >> 1;
      expect(surprises(values.slice(0, cut))).toEqual(surprises(values).slice(0, cut));
    }),
    { numRuns: 30 },
  );
});

test("a constant series is silent, however long", () => {
  expect(surprises(Array.from({ length: 5_000 }, () => 45))).toEqual(Array.from({ length: 5_000 }, () => 0));
});
