import type { Clock } from "../clock.ts";
import { MAX_THROTTLED_ADDRESSES } from "./limits.ts";

const WINDOW_MS = 60_000;

/**
 * Counts failed authentications, by address or by account. Guessing 256 random bits is hopeless at any speed: there
 * the bound keeps a broken or hostile client from filling logs and burning CPU, a right secret is always let through,
 * and nobody is locked out by a neighbour behind the same NAT. A password can be guessed, so there whoever has used up
 * the allowance waits, whether he would be right or not.
 */
export interface Throttle {
  /** Counts a failure; seconds to wait when the allowance is used up, else null. */
  failed(key: string): number | null;
  /** Seconds to wait before the next attempt, else null; counts nothing. */
  waitS(key: string): number | null;
}

export function failureThrottle(clock: Clock, failuresPerWindow: number, windowMs = WINDOW_MS): Throttle {
  const windows = new Map<string, { readonly startedMs: number; failures: number }>();
  const current = (key: string) => {
    const window = windows.get(key);
    return window !== undefined && clock.monotonicMs() - window.startedMs < windowMs ? window : null;
  };
  const restS = (startedMs: number) => Math.max(1, Math.ceil((startedMs + windowMs - clock.monotonicMs()) / 1_000));
  return {
    failed(key) {
      let window = current(key);
      if (window === null) {
        windows.delete(key);
        const oldest = windows.keys().next();
        if (windows.size >= MAX_THROTTLED_ADDRESSES && oldest.done !== true) windows.delete(oldest.value);
        window = { startedMs: clock.monotonicMs(), failures: 0 };
        windows.set(key, window);
      }
      window.failures++;
      return window.failures <= failuresPerWindow ? null : restS(window.startedMs);
    },
    waitS(key) {
      const window = current(key);
      return window === null || window.failures < failuresPerWindow ? null : restS(window.startedMs);
    },
  };
}
