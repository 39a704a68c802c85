import { expect, it } from "vitest";

import { manualClock } from "../manual-clock.ts";
import { watchSpace } from "./disk-forecast.ts";

const MINUTE_MS = 60_000;
const GIB = 2 ** 30;

/** Free space over minutes, told after the last of them. */
async function forecastAfter(minutes: number, freeAt: (minute: number) => number): Promise<number> {
  const clock = manualClock();
  const space = watchSpace(clock, () => Promise.resolve(freeAt(Math.round(clock.monotonicMs() / MINUTE_MS))));
  for (let minute = 0; minute < minutes; minute += 1) {
    clock.advance(MINUTE_MS);
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  const { daysUntilFull } = await space.forecast();
  space.close();
  return daysUntilFull;
}

it("a disk that fills steadily is full when its rate says so", async () => {
  const days = await forecastAfter(120, (minute) => 100 * GIB - (minute * GIB) / 60);
  expect(days).toBeCloseTo(98 / 24, 1);
});

it("half an hour of another program's writing is no trend, and neither is less than an hour", async () => {
  const burst = (minute: number) => 100 * GIB - Math.min(Math.max(minute - 20, 0), 30) * GIB;
  expect(await forecastAfter(120, burst)).toBe(Infinity);
  expect(await forecastAfter(45, burst)).toBe(Infinity);
});

it("what grows besides a burst is seen", async () => {
  const both = (minute: number) => 100 * GIB - (minute >= 30 ? 10 * GIB : 0) - (minute * GIB) / 60;
  expect(await forecastAfter(120, both)).toBeCloseTo(88 / 24, 1);
});

it("a disk that becomes emptier does not fill", async () => {
  expect(await forecastAfter(120, (minute) => (50 + minute / 10) * GIB)).toBe(Infinity);
});
