import type { Clock } from "../clock.ts";
import { MAX_SPACE_SAMPLES, MIN_SPACE_WATCH_MS, SPACE_SAMPLE_INTERVAL_MS } from "./limits.ts";

const DAY_MS = 86_400_000;

export interface DiskForecast {
  readonly freeBytes: number;
  /** At the average rate of the samples kept; infinite while free space does not shrink. */
  readonly daysUntilFull: number;
}

/** Watches free space for at most a day back. */
export interface SpaceWatch {
  forecast(): Promise<DiskForecast>;
  close(): void;
}

export function watchSpace(clock: Clock, freeBytes: () => Promise<number>): SpaceWatch {
  const samples: { readonly atMs: number; readonly freeBytes: number }[] = [];
  let cancel = () => {};
  let closed = false;
  const sample = async () => {
    const free = await freeBytes().catch(() => null);
    if (free !== null) samples.push({ atMs: clock.monotonicMs(), freeBytes: free });
    if (samples.length > MAX_SPACE_SAMPLES) samples.shift();
    if (!closed) cancel = clock.after(SPACE_SAMPLE_INTERVAL_MS, () => void sample());
  };
  void sample();
  return {
    async forecast() {
      const free = await freeBytes();
      const first = samples[0];
      const watchedMs = first === undefined ? 0 : clock.monotonicMs() - first.atMs;
      if (first === undefined || watchedMs < MIN_SPACE_WATCH_MS || first.freeBytes <= free)
        return { freeBytes: free, daysUntilFull: Infinity };
      return { freeBytes: free, daysUntilFull: (free / (first.freeBytes - free)) * (watchedMs / DAY_MS) };
    },
    close() {
      closed = true;
      cancel();
    },
  };
}
