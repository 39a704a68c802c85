/** The period that a screen is about, from its address. Milliseconds since 1970. */
export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
  readonly from: string;
  readonly to: string;
}

export const WINDOWS: readonly (readonly [string, string])[] = [
  ["now-15m", "Last 15 minutes"],
  ["now-1h", "Last hour"],
  ["now-3h", "Last 3 hours"],
  ["now-1d", "Last day"],
];
export const DEFAULT_WINDOW = "now-1h";

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

export function periodAt(nowMs: number, from: string = DEFAULT_WINDOW, to?: string): Period {
  const relative = /^now-(\d+)([mhd])$/.exec(from);
  const toMs = to === undefined ? nowMs : Date.parse(to);
  const fromMs =
    relative === null ? Date.parse(from) : toMs - Number(relative[1]) * (UNITS_MS[relative[2] ?? "h"] ?? 0);
  return Number.isFinite(fromMs) && Number.isFinite(toMs) && fromMs < toMs
    ? between(fromMs, toMs)
    : between(nowMs - 3_600_000, nowMs);
}

export function between(fromMs: number, toMs: number): Period {
  return { fromMs, toMs, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** Of a bucket, the seconds that lie in the period: its first and last bucket mostly stick out. */
export function secondsWithin(beginMs: number, widthMs: number, { fromMs, toMs }: Period): number {
  return Math.max(0, Math.min(beginMs + widthMs, toMs) - Math.max(beginMs, fromMs)) / 1_000;
}

const SOONEST_MS = 30_000;
const LATEST_MS = 300_000;
const TIMES_ANEW = 240;

/** How often a period that ends now is looked at anew: an hour changes sooner than a day. */
export function anewEveryMs({ fromMs, toMs }: Period): number {
  return Math.min(LATEST_MS, Math.max(SOONEST_MS, (toMs - fromMs) / TIMES_ANEW));
}

export function shiftedBy({ fromMs, toMs }: Period, ms: number): Period {
  return between(fromMs + ms, toMs + ms);
}
