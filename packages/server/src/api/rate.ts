import type { Clock } from "../clock.ts";
import { MAX_RATE_BUCKETS } from "./limits.ts";

/** An allowance of bytes a second for each key, saved up for at most one second. */
export interface ByteRates {
  /** Seconds to wait when the key has used up its allowance, else null. */
  waitS(key: string): number | null;
  spend(key: string, bytes: number): void;
}

export function byteRates(clock: Clock, bytesPerSecond: number): ByteRates {
  if (bytesPerSecond === 0) return { waitS: () => null, spend() {} };
  const buckets = new Map<string, { bytes: number; atMs: number }>();
  const bucketOf = (key: string) => {
    const nowMs = clock.monotonicMs();
    const bucket = buckets.get(key) ?? { bytes: bytesPerSecond, atMs: nowMs };
    bucket.bytes = Math.min(bytesPerSecond, bucket.bytes + ((nowMs - bucket.atMs) * bytesPerSecond) / 1_000);
    bucket.atMs = nowMs;
    const oldest = buckets.keys().next();
    if (!buckets.has(key) && buckets.size >= MAX_RATE_BUCKETS && oldest.done !== true) buckets.delete(oldest.value);
    buckets.set(key, bucket);
    return bucket;
  };
  return {
    // A request larger than a second's allowance runs it into debt, which the next ones wait for.
    waitS(key) {
      const { bytes } = bucketOf(key);
      return bytes > 0 ? null : Math.ceil((1 - bytes) / bytesPerSecond);
    },
    spend(key, bytes) {
      bucketOf(key).bytes -= bytes;
    },
  };
}
