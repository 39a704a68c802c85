import fc from "fast-check";
import { expect, test } from "vitest";

import { EdgeTotals } from "./edge-totals.ts";

const HOUR_US = 3_600_000_000;
const edge = (caller: string, calls: number, hour: number) => ({
  caller,
  callee: "payments",
  totals: [calls, calls * 2],
  lastUs: hour * HOUR_US,
});
const shown = (series: ReturnType<EdgeTotals<ReturnType<typeof edge>>["update"]>) =>
  series.map(({ edge: one, totals }) => [one?.caller ?? "others", totals[0]]);

test("the most recently called edges have series of their own, the rest one together", () => {
  const totals = new EdgeTotals<ReturnType<typeof edge>>(2);
  const first = totals.update([edge("a", 9, 1), edge("b", 5, 3), edge("c", 7, 3), edge("d", 1, 2)]);
  expect(shown(first)).toEqual([
    ["c", 7],
    ["b", 5],
    ["others", 10],
  ]);
});

test("an edge that comes or goes takes along only what was added while it was there", () => {
  const totals = new EdgeTotals<ReturnType<typeof edge>>(1);
  expect(shown(totals.update([edge("a", 10, 1), edge("b", 4, 0)]))).toEqual([
    ["a", 10],
    ["others", 4],
  ]);
  expect(shown(totals.update([edge("a", 12, 1), edge("b", 9, 2)]))).toEqual([
    ["b", 5],
    ["others", 6],
  ]);
  expect(shown(totals.update([edge("a", 15, 3), edge("b", 9, 2)]))).toEqual([
    ["a", 13],
    ["others", 6],
  ]);
});

test("whatever the map says, no counter goes back and nothing is counted twice", () => {
  const step = fc.array(fc.record({ calls: fc.integer({ min: 0, max: 50 }), hour: fc.integer({ min: 0, max: 5 }) }), {
    minLength: 5,
    maxLength: 5,
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
      const totals = new EdgeTotals<ReturnType<typeof edge>>(2);
      const before = new Map<string, number>();
      const high = new Map<number, number>();
      for (const edges of steps) {
        const series = totals.update(edges.map(({ calls, hour }, at) => edge(`service-${at}`, calls, hour)));
        for (const [name, value] of shown(series) as [string, number][]) {
          expect(value).toBeGreaterThanOrEqual(before.get(name) ?? 0);
          before.set(name, value);
        }
        for (const [at, { calls }] of edges.entries()) high.set(at, Math.max(high.get(at) ?? 0, calls));
      }
      const sum = (values: Iterable<number>) => [...values].reduce((all, one) => all + one, 0);
      expect(sum(before.values())).toBe(sum(high.values()));
    }),
  );
});
