import { performance } from "node:perf_hooks";

import type { Clock } from "./clock.ts";

/** Beyond this the machine's clock was set, or the two drifted apart: start again from it. */
const MAX_DRIFT_US = 2_000;

/** The machine's clock with the microseconds that `Date.now` does not give, interpolated by the monotonic one. */
export function realClock(): Clock {
  let anchorWallUs = Date.now() * 1_000;
  let anchorMonotonicMs = performance.now();
  return {
    nowUs() {
      const monotonicMs = performance.now();
      const wallUs = Date.now() * 1_000;
      const estimateUs = anchorWallUs + Math.round((monotonicMs - anchorMonotonicMs) * 1_000);
      // Date.now is cut to whole milliseconds, so the estimate may rightly be up to one ahead.
      if (estimateUs >= wallUs - MAX_DRIFT_US && estimateUs <= wallUs + MAX_DRIFT_US) return estimateUs;
      anchorWallUs = wallUs;
      anchorMonotonicMs = monotonicMs;
      return wallUs;
    },
    monotonicMs: () => performance.now(),
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
