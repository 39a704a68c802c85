import { expect, it } from "vitest";

import { criticalPath } from "./critical-path.ts";

const timed = (fromUs: number, toUs: number, ...children: readonly number[]) => ({
  interval: { fromUs, toUs },
  children,
});

it.each([
  ["calls side by side: the one that ended last", [timed(0, 100, 1, 2), timed(10, 60), timed(10, 80)], [30, 0, 70]],
  [
    "a call that began before the last one ended is not waited for",
    [timed(0, 100, 1, 2), timed(10, 60), timed(50, 80)],
    [70, 0, 30],
  ],
  [
    "calls one after the other, and what lies between",
    [timed(0, 100, 1, 2), timed(10, 40), timed(50, 80)],
    [40, 30, 30],
  ],
  ["a call that ends after its parent, as far as it lies within", [timed(0, 100, 1), timed(90, 400)], [90, 10]],
  ["a call outside of its parent", [timed(0, 100, 1), timed(200, 400)], [100, 0]],
  ["calls of calls", [timed(0, 100, 1), timed(20, 90, 2), timed(30, 50)], [30, 50, 20]],
  ["a call of unknown duration", [timed(0, 100, 1), { interval: null, children: [] }], [100, 0]],
])("the critical path of %s", (_, calls, spent) => {
  const path = criticalPath(calls, 0);
  expect(calls.map((_call, place) => path.get(place) ?? 0)).toEqual(spent);
});
