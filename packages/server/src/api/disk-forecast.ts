import type { Clock } from "../clock.ts";
import { MAX_SPACE_SAMPLES, MIN_SPACE_WATCH_MS, SPACE_BURST_MS, SPACE_SAMPLE_INTERVAL_MS } from "./limits.ts";

const DAY_MS = 86_400_000;

export interface DiskForecast {
  readonly freeBytes: number;
  /** At the average rate of the samples kept, without the busiest half hour; infinite while space does not shrink. */
  readonly daysUntilFull: number;
}

/** Watches free space for at most a day back. */
export interface SpaceWatch {
  forecast(): Promise<DiskForecast>;
  close(): void;
}

interface Sample {
  readonly atMs: number;
  readonly freeBytes: number;
}

export function watchSpace(clock: Clock, freeBytes: () => Promise<number>): SpaceWatch {
  const samples: Sample[] = [];
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
      const now = { atMs: clock.monotonicMs(), freeBytes: free };
      const rate = bytesADay([...samples, now]);
      return { freeBytes: free, daysUntilFull: rate === 0 ? Infinity : free / rate };
    },
    close() {
      closed = true;
      cancel();
    },
  };
}

function bytesADay(samples: readonly Sample[]): number {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const watchedMs = last.atMs - first.atMs;
  if (watchedMs < MIN_SPACE_WATCH_MS) return 0;
  const taken = first.freeBytes - last.freeBytes - largestBurst(samples);
  return Math.max(0, taken) * (DAY_MS / (watchedMs - SPACE_BURST_MS));
}

/** The most that went between two samples which lie at most a burst apart. */
function largestBurst(samples: readonly Sample[]): number {
  let from = 0;
  let largest = 0;
  for (const { atMs, freeBytes } of samples) {
    while (atMs - samples[from]!.atMs > SPACE_BURST_MS) from += 1;
    largest = Math.max(largest, samples[from]!.freeBytes - freeBytes);
  }
  return largest;
}
