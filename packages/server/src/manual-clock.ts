import type { Clock } from "./clock.ts";

/** A clock that stands still until it is told to move: for tests and the simulator. */
export interface ManualClock extends Clock {
  /** Moves both clocks forward and calls back what has become due, in order of time. */
  advance(ms: number): void;
  /** Sets the wall clock, also backwards; timers do not care. */
  set(us: number): void;
}

const DEFAULT_START_US = Date.UTC(2026, 10, 25) * 1_000;

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

export function manualClock(startUs: number = DEFAULT_START_US): ManualClock {
  let wallUs = startUs;
  let monotonicMs = 0;
  let timers: Timer[] = [];
  return {
    nowUs: () => wallUs,
    monotonicMs: () => monotonicMs,
    after(delayMs, callback) {
      const timer = { dueMs: monotonicMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      wallUs += Math.round(ms * 1_000);
      monotonicMs += ms;
      for (let due = nextDue(timers, monotonicMs); due !== undefined; due = nextDue(timers, monotonicMs)) {
        const chosen = due;
        timers = timers.filter((other) => other !== chosen);
        chosen.callback();
      }
    },
    set(us) {
      wallUs = us;
    },
  };
}

function nextDue(timers: readonly Timer[], nowMs: number): Timer | undefined {
  return timers.filter((timer) => timer.dueMs <= nowMs).sort((one, other) => one.dueMs - other.dueMs)[0];
}
