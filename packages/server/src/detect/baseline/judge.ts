/**
 * Whether the last hour of an edge is out of the ordinary: unlikely by a count model, far from the seasonal median by
 * its spread, and large enough for somebody to care. Pure: the same rows give the same findings.
 */
import type { Finding, Level } from "../finding.ts";
import {
  CERTAIN_SURPRISE,
  FLEET_EDGES,
  FLEET_SHARE,
  MIN_BYTES,
  MIN_BYTES_RATIO,
  MIN_CALLS_RATIO,
  MIN_CREDENTIALS,
  MIN_ERROR_SHARE,
  MIN_ERRORS,
  MIN_HOURS,
  MIN_MORE_CALLS,
  MIN_SPREADS,
  MIN_SPREADS_BELOW,
  MIN_SURPRISE,
  MIN_TIMED,
  MIN_USUAL_CALLS,
} from "./baseline-limits.ts";
import { countSurprise, shareSurprise } from "./counts.ts";
import type { Judged } from "./traffic.ts";

export const BASELINE_KINDS = ["rate", "drop", "errors", "latency", "size", "credentials"] as const;
export type BaselineKind = (typeof BASELINE_KINDS)[number];

export interface Deviation {
  readonly kind: BaselineKind;
  readonly edge: Judged;
  /** −log10 of its chance. */
  readonly surprise: number;
  readonly expected: string;
  readonly seen: string;
  /** How rare it is in the edge's own history, where that was asked for. */
  readonly rarity?: string;
}

export const nameOf = ({ kind, edge: { log, caller, callee, operation } }: Deviation): string =>
  JSON.stringify([kind, log, caller, callee, operation]);

/**
 * Deviations of one edge, those that need no second look marked by their surprise. What is told of already
 * (`isTold`) goes on while it is far from usual: its own first hour is the most that ever was from then on.
 */
export function deviations(edge: Judged, isTold: (kind: BaselineKind) => boolean): readonly Deviation[] {
  if (edge.usual_hours < MIN_HOURS) return [];
  const found = [rate(edge, isTold), errors(edge), latency(edge), size(edge, isTold("size")), credentials(edge)];
  return found.filter((one) => one !== null);
}

export const isCertain = ({ surprise }: Deviation): boolean => surprise >= CERTAIN_SURPRISE;

/** A level that was another for half of the last day is what is expected now. */
const usualCalls = (edge: Judged): number => (edge.usual_calls + 1) * 2 ** edge.shift - 1;

function rate(edge: Judged, isTold: (kind: BaselineKind) => boolean): Deviation | null {
  const usual = Math.max(0, usualCalls(edge));
  const spread = Math.max(edge.usual_calls_spread, Math.sqrt(usual + 1));
  const surprise = countSurprise(edge.calls, usual, spread ** 2 / (usual + 1));
  // A count falls to nothing at most: fewer spreads are far below than above.
  const spreads = edge.calls > usual ? MIN_SPREADS : MIN_SPREADS_BELOW;
  const isMore = edge.calls > usual;
  const goesOn = isTold(isMore ? "rate" : "drop");
  const isFar = surprise >= MIN_SURPRISE && Math.abs(edge.calls - usual) > spreads * spread;
  if (!isFar && !goesOn) return null;
  const said = { edge, surprise, expected: `about ${amount(usual)} calls an hour`, seen: `${edge.calls} calls` };
  if (isMore && edge.calls - usual >= MIN_MORE_CALLS && edge.calls >= MIN_CALLS_RATIO * (usual + 1))
    return goesOn || edge.calls > 1.5 * edge.usual_calls_most ? { kind: "rate", ...said } : null;
  if (!isMore && usual >= MIN_USUAL_CALLS && edge.calls <= usual / MIN_CALLS_RATIO) return { kind: "drop", ...said };
  return null;
}

function errors(edge: Judged): Deviation | null {
  const share = edge.errors / Math.max(1, edge.calls);
  const surprise = shareSurprise(edge.errors, edge.calls, edge.usual_error_share, 1.5);
  if (edge.errors < MIN_ERRORS || share < MIN_ERROR_SHARE || share < 2 * edge.usual_error_share) return null;
  if (surprise < MIN_SURPRISE) return null;
  const percent = (part: number) => `${(100 * part).toFixed(1)}%`;
  const expected = `${percent(edge.usual_error_share)} of calls fail`;
  return { kind: "errors", edge, surprise, expected, seen: `${percent(share)} of ${edge.calls} calls failed` };
}

function latency(edge: Judged): Deviation | null {
  if (edge.timed < MIN_TIMED) return null;
  const usual = edge.usual_log_duration + edge.slower;
  const seen = edge.log_duration / edge.timed;
  const spread = Math.max(edge.usual_log_duration_spread, 0.15);
  const spreads = (seen - usual) / spread;
  // Twice as slow, and far out of what hours differ by.
  if (seen - usual < 1 || spreads < MIN_SPREADS) return null;
  const surprise = spreads ** 2 / 2 / Math.LN10;
  return { kind: "latency", edge, surprise, expected: `about ${took(usual)} a call`, seen: `${took(seen)} a call` };
}

function size(edge: Judged, isTold: boolean): Deviation | null {
  const usual = Math.max(edge.usual_bytes, edge.usual_bytes_most / MIN_BYTES_RATIO);
  // More bytes because of more calls is told as more calls.
  const [manyBytes, manyCalls] = isTold
    ? [edge.usual_bytes, edge.usual_calls]
    : [edge.usual_bytes_most, edge.usual_calls_most];
  const byCalls = (manyBytes / Math.max(1, manyCalls)) * edge.calls;
  if (edge.bytes < MIN_BYTES || edge.bytes < MIN_BYTES_RATIO * Math.max(1, edge.usual_bytes)) return null;
  if (edge.bytes < 2.5 * manyBytes || edge.bytes < 2.5 * byCalls) return null;
  const surprise = MIN_SURPRISE + Math.log10(edge.bytes / Math.max(1, usual));
  return {
    kind: "size",
    edge,
    surprise,
    expected: `about ${bytes(edge.usual_bytes)} an hour`,
    seen: bytes(edge.bytes),
  };
}

function credentials(edge: Judged): Deviation | null {
  const most = edge.usual_credentials;
  if (edge.credentials < most + MIN_CREDENTIALS || edge.credentials < 2 * most) return null;
  const surprise = countSurprise(edge.credentials, most, 1) + MIN_SURPRISE;
  const seen = `${edge.credentials} credentials`;
  return { kind: "credentials", edge, surprise, expected: `at most ${most} credentials an hour`, seen };
}

const amount = (count: number): string => (count < 10 ? count.toFixed(1) : String(Math.round(count)));
const took = (log: number): string => `${((2 ** log - 1) / 1_000).toFixed(1)} ms`;
const bytes = (count: number): string =>
  count < 10_000 ? `${Math.round(count)} bytes` : `${Math.round(count / 1_000)} kB`;

interface Words {
  readonly title: string;
  readonly level: Level;
  readonly check: string;
}

const WORDS: Readonly<Record<BaselineKind, Words>> = {
  rate: { title: "Far more calls than usual", level: "medium", check: "Was load moved here? Open the newest calls." },
  drop: { title: "Far fewer calls than usual", level: "medium", check: "Is the caller alive? Was traffic moved?" },
  errors: {
    title: "Far more calls fail than usual",
    level: "medium",
    check: "Open failed calls; was the callee deployed?",
  },
  latency: {
    title: "Calls take far longer than usual",
    level: "low",
    check: "`tallystick bottlenecks` shows where time goes.",
  },
  size: { title: "Far more bytes than usual", level: "medium", check: "Who reads what? Open the largest responses." },
  credentials: {
    title: "More credentials than ever",
    level: "medium",
    check: "Was a credential rotated? Who holds the new ones?",
  },
};

/** What is learned by the hour; the others of all hours together. */
const BY_HOUR: ReadonlySet<BaselineKind> = new Set(["rate", "drop", "size"]);

const SILENCE =
  "Silence it for the time of a planned change; a level that stays is learned within a day, and the alert ends.";

/** What the baselines find, as detectors are listed. */
export const BASELINE_DETECTORS = BASELINE_KINDS.map((kind) => ({
  name: `baseline-${kind}`,
  ...WORDS[kind],
  silence: SILENCE,
}));

export interface Moment {
  readonly startsAtUs: number;
  readonly seenAtUs: number;
}

export interface Parted {
  /** What deviates edge by edge. */
  readonly alone: readonly Deviation[];
  /** What so many edges of a log do alike that it is the fleet: a holiday, an outage, a deploy of everything. */
  readonly fleets: readonly (readonly Deviation[])[];
}

/** `wasOfFleet`: what deviates with the fleet belongs to it until it is usual again, also when it is among the last. */
export function partFleets(
  found: readonly Deviation[],
  edgesOf: (log: string) => number,
  wasOfFleet: (one: Deviation) => boolean,
): Parted {
  const groups = new Map<string, Deviation[]>();
  for (const one of found) {
    const key = `${one.edge.log}\n${one.kind}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const alone: Deviation[] = [];
  const fleets: (readonly Deviation[])[] = [];
  for (const group of groups.values()) {
    const [{ edge }] = group as [Deviation];
    const isFleet = group.length >= Math.max(FLEET_EDGES, FLEET_SHARE * edgesOf(edge.log));
    const together = isFleet ? group : group.filter(wasOfFleet);
    if (together.length > 0) fleets.push(together);
    alone.push(...group.filter((one) => !together.includes(one)));
  }
  return { alone, fleets };
}

/** What names an edge in a finding's labels. */
export const EDGE_NAMES = ["log", "caller", "callee", "operation"] as const;

export const baselineRule = (kind: BaselineKind): string => `builtin/baseline-${kind}`;

export function edgeFinding({ kind, edge, expected, seen, surprise, rarity }: Deviation, at: Moment): Finding {
  const { log, caller, callee, operation } = edge;
  const words = WORDS[kind];
  return {
    ...base(kind, at),
    labels: { log, caller, callee, operation },
    summary: `${caller} → ${callee} ${operation}: ${words.title.toLowerCase()}`,
    expected: `${expected}${BY_HOUR.has(kind) ? " at this hour" : ""} (${Math.round(edge.usual_hours / 24)} days of history)`,
    seen: `${seen} in the last hour; by chance once in 10^${Math.round(Math.min(surprise, 99))}${rarity === undefined ? "" : `; ${rarity}`}`,
    count: kind === "errors" ? edge.errors : edge.calls,
  };
}

export function fleetFinding(alike: readonly Deviation[], at: Moment): Finding {
  const [{ edge, kind }] = alike as [Deviation];
  const { log } = edge;
  const count = alike.length;
  return {
    ...base(kind, at),
    labels: { log, scope: "fleet" },
    summary: `${count} edges of the log ${log} at once: ${WORDS[kind].title.toLowerCase()}`,
    expected: "edges deviate one by one",
    seen: `${count} edges deviate in the same hour`,
    count,
  };
}

function base(kind: BaselineKind, { startsAtUs, seenAtUs }: Moment) {
  const { title, level, check } = WORDS[kind];
  return {
    ruleId: baselineRule(kind),
    ruleVersion: 1,
    title,
    kind: "baseline" as const,
    level,
    tags: [],
    state: "firing" as const,
    startsAtUs,
    seenAtUs,
    check,
    silence: SILENCE,
    records: [],
    quiet: false,
  };
}
