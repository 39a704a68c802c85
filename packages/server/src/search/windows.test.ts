import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { growingWindows } from "./windows.ts";

const us = fc.option(fc.integer({ min: 0, max: 4_000_000_000_000_000 }));
const plan = fc.record({
  order: fc.constantFrom("newest" as const, "oldest" as const),
  fromUs: us,
  toUs: us,
  nowUs: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
  firstWidthUs: fc.option(fc.integer({ min: 1, max: 10_000_000_000_000 })),
});

describe("windows", () => {
  it("adjoin, are few, and together are the whole range", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const windows = [...growingWindows(given)];
        if (given.fromUs !== null && given.toUs !== null && given.fromUs >= given.toUs) {
          expect(windows).toEqual([]);
          return;
        }
        const inTime = given.order === "newest" ? windows.toReversed() : windows;
        expect(windows.length).toBeLessThanOrEqual(7);
        expect(inTime[0]?.fromUs).toBe(given.fromUs);
        expect(inTime.at(-1)?.toUs).toBe(given.toUs);
        for (const [place, window] of inTime.entries()) {
          if (place > 0) expect(window.fromUs).toBe(inTime[place - 1]?.toUs);
          if (window.fromUs !== null && window.toUs !== null) expect(window.fromUs).toBeLessThan(window.toUs);
        }
      }),
    );
  });
});
