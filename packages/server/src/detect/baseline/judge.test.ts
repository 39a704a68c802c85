import fc from "fast-check";
import { expect, test } from "vitest";

import { countSurprise, shareSurprise } from "./counts.ts";
import { deviations, edgeFinding, fleetFinding, partFleets } from "./judge.ts";
import { USUAL } from "./judge-sample.contract.ts";
import type { Judged } from "./traffic.ts";

const untold = (edge: Judged) => deviations(edge, () => false);
const kinds = (change: Partial<Judged>, isTold = false) =>
  deviations({ ...USUAL, ...change }, () => isTold).map(({ kind }) => kind);

test("what is usual, and what is small, is no deviation", () => {
  expect(kinds({})).toEqual([]);
  expect(kinds({ calls: 62, timed: 62, log_duration: 62 * 12 })).toEqual([]);
  // Twenty times nothing is still little.
  expect(
    kinds({ usual_calls: 0, usual_calls_spread: 0, usual_calls_most: 1, calls: 20, timed: 0, bytes: 20_000 }),
  ).toEqual([]);
  expect(kinds({ errors: 4 })).toEqual([]);
  expect(kinds({ bytes: 100_000 })).toEqual([]);
});

test("each kind is found by its own", () => {
  expect(kinds({ calls: 400, timed: 400, log_duration: 400 * 12 })).toEqual(["rate"]);
  expect(kinds({ calls: 0, timed: 0, bytes: 0 })).toEqual(["drop"]);
  expect(kinds({ errors: 25 })).toEqual(["errors"]);
  expect(kinds({ log_duration: 40 * 14 })).toEqual(["latency"]);
  expect(kinds({ bytes: 1_000_000 })).toEqual(["size"]);
  expect(kinds({ credentials: 7 })).toEqual(["credentials"]);
});

test("more bytes by more calls are more calls only, and a level of a day is no news", () => {
  const more = { calls: 400, timed: 400, log_duration: 400 * 12, bytes: 400_000 };
  expect(kinds(more)).toEqual(["rate"]);
  expect(kinds({ ...more, shift: Math.log2(10) })).toEqual([]);
});

test("what is told of goes on while it is far from usual, though its first hour is the most that ever was", () => {
  const more = { calls: 400, timed: 400, log_duration: 400 * 12, usual_calls_most: 420 };
  expect([kinds(more), kinds(more, true)]).toEqual([[], ["rate"]]);
  expect(kinds({ ...more, calls: 100, timed: 100, log_duration: 100 * 12 }, true)).toEqual([]);
  // Eight calls where forty are usual, give or take twenty: no news, and no end of it.
  const fewer = { calls: 8, timed: 8, log_duration: 8 * 12, usual_calls_spread: 20 };
  expect([kinds(fewer), kinds(fewer, true), kinds({ ...fewer, calls: 20 }, true)]).toEqual([[], ["drop"], []]);
  const larger = { bytes: 1_000_000, usual_bytes_most: 900_000 };
  expect([kinds(larger), kinds(larger, true)]).toEqual([[], ["size"]]);
  expect(kinds({ ...more, shift: Math.log2(10) }, true)).toEqual([]);
});

test("an edge is not judged before it is known", () => {
  expect(kinds({ calls: 4_000, usual_hours: 20 })).toEqual([]);
});

test("when the fleet deviates alike it is one finding, and so are the last of it", () => {
  const at = { startsAtUs: 1, seenAtUs: 2 };
  const all = Array.from({ length: 50 }, (_, one) => ({ ...USUAL, caller: `s-${one}`, calls: 0, timed: 0, bytes: 0 }));
  const found = all.flatMap(untold);
  const { alone, fleets } = partFleets(
    found,
    () => 100,
    () => false,
  );
  expect(alone).toEqual([]);
  expect(fleets.map((alike) => fleetFinding(alike, at))).toMatchObject([
    { labels: { log: "default", scope: "fleet" }, count: 50 },
  ]);
  const last = partFleets(
    found.slice(0, 3),
    () => 100,
    ({ edge }) => edge.caller !== "s-2",
  );
  expect(last.fleets.map((alike) => fleetFinding(alike, at))).toMatchObject([{ count: 2 }]);
  expect(last.alone.map((one) => edgeFinding({ ...one, rarity: "never before" }, at))).toMatchObject([
    { labels: { caller: "s-2", callee: "payments" }, kind: "baseline", seen: expect.stringMatching(/; never before$/) },
  ]);
});

test("a surprise is never negative, and grows with what was seen", () => {
  const mean = fc.double({ min: 0, max: 10_000, noNaN: true });
  const count = fc.integer({ min: 0, max: 20_000 });
  fc.assert(
    fc.property(mean, count, (expected, seen) => {
      const surprise = countSurprise(seen, expected);
      expect(surprise).toBeGreaterThanOrEqual(-1e-9);
      if (seen > expected + 1) expect(countSurprise(seen + 1, expected)).toBeGreaterThan(surprise);
    }),
  );
  // Of 40 calls by Poisson's law 80 or more come about once in 10^7.4.
  expect(countSurprise(80, 40)).toBeCloseTo(6.71, 1);
  expect(shareSurprise(0, 100, 0.01)).toBe(0);
  expect(shareSurprise(50, 100, 0.01)).toBeGreaterThan(50);
});
