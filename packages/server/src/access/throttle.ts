import type { Clock } from "../clock.ts";
import { MAX_THROTTLED_ADDRESSES } from "./limits.ts";

const WINDOW_MS = 60_000;

/**
 * Counts an address's failed authentications. Guessing 256 random bits is hopeless at any speed; the bound keeps a
 * broken or hostile client from filling logs and burning CPU. A right secret is always let through, so nobody is
 * locked out by a neighbour behind the same NAT.
 */
export interface Throttle {
  /** Counts a failure; seconds to wait when the address has used up its allowance, else null. */
  failed(address: string): number | null;
}

export function failureThrottle(clock: Clock, failuresPerMinute: number): Throttle {
  const windows = new Map<string, { readonly startedMs: number; failures: number }>();
  return {
    failed(address) {
      const nowMs = clock.monotonicMs();
      let window = windows.get(address);
      if (window === undefined || nowMs - window.startedMs >= WINDOW_MS) {
        windows.delete(address);
        const oldest = windows.keys().next();
        if (windows.size >= MAX_THROTTLED_ADDRESSES && oldest.done !== true) windows.delete(oldest.value);
        window = { startedMs: nowMs, failures: 0 };
        windows.set(address, window);
      }
      window.failures++;
      if (window.failures <= failuresPerMinute) return null;
      return Math.max(1, Math.ceil((window.startedMs + WINDOW_MS - nowMs) / 1_000));
    },
  };
}
