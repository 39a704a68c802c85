import { expect, test } from "vitest";
import { anewEveryMs, between, periodAt, secondsWithin } from "./window.ts";

test("of the first and the last bucket only what lies in the period counts", () => {
  const period = between(90_000, 200_000);
  const widths = [60_000, 120_000, 180_000, 240_000].map((beginMs) => secondsWithin(beginMs, 60_000, period));
  expect(widths).toEqual([30, 60, 20, 0]);
});

test("an hour is looked at anew every half minute, a day not before five", () => {
  expect(anewEveryMs(periodAt(0, "now-1h"))).toBe(30_000);
  expect(anewEveryMs(periodAt(0, "now-3h"))).toBe(45_000);
  expect(anewEveryMs(periodAt(0, "now-1d"))).toBe(300_000);
});
