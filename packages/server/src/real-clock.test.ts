import { expect, test } from "vitest";

import { realClock } from "./real-clock.ts";

test("the real clock tells the machine's time, to the microsecond, and calls back once", async () => {
  const clock = realClock();
  let fractions = 0;
  for (let reading = 0; reading < 10_000; reading++) {
    const earliest = Date.now() * 1_000;
    const now = clock.nowUs();
    const latest = Date.now() * 1_000;
    expect(Number.isSafeInteger(now)).toBe(true);
    expect(now).toBeGreaterThanOrEqual(earliest - 2_000);
    expect(now).toBeLessThanOrEqual(latest + 3_000);
    if (now % 1_000 !== 0) fractions += 1;
  }
  expect(fractions).toBeGreaterThan(9_000);
  const before = clock.monotonicMs();
  clock.after(1, () => {
    throw new Error("it was cancelled");
  })();
  await new Promise<void>((resolve) => {
    clock.after(2, resolve);
    // The clock's timers do not keep a process alive; this test's does.
    setTimeout(() => {}, 50);
  });
  expect(clock.monotonicMs()).toBeGreaterThan(before);
});
