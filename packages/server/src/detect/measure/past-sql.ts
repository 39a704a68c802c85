/**
 * A measure over the past, as one statement. Time is cut into steps. A record enters the window with its step and
 * leaves it, for the time before it and then for good, a fixed number of steps later: so sums that run over what enters
 * and leaves are the figures of every moment at which one can change, and between those nothing does. What is found is
 * held against the condition, moments that follow each other are one stretch, and a stretch that lasted fires.
 */
import type { Statement } from "../../index/index-seam.ts";
import { Params } from "../../search/compile/sql.ts";
import { scopePredicate } from "../../search/scope.ts";
import type { Scope } from "../../search/scope.ts";
import { minuteRows } from "../../tally/reading.ts";
import { MAX_BACKTEST_SAMPLE } from "../limits.ts";
import { ABSENT_REACH_S, FAILED, measuredConditions } from "./measure-sql.ts";
import type { Measure } from "./read-measure.ts";

/** A measure is taken live so often. */
const SHORTEST_STEP_S = 15;
const STEPS_A_WINDOW = 5;
/** Durations fall into bins, of which an octave has so many: a quantile is within 4.5% of what it is. */
const BINS_AN_OCTAVE = 16;

export interface PastRow {
  readonly bucket: number;
  readonly day: string;
  readonly hits: number;
  /** Fired, labels, since when, until when, figure, before, calls; microseconds. */
  readonly latest: readonly (readonly [
    fired: number,
    labels: readonly string[],
    since: number,
    until: number,
    figure: number,
    before: number,
    calls: number,
  ])[];
}

export interface Past {
  readonly fromUs: number;
  readonly toUs: number;
  /** Hits are counted by intervals of this width. */
  readonly widthUs: number;
}

/** How time is cut: the window is a whole number of steps. */
export function stepsOf({ of, windowS, relativeToS }: Measure) {
  // The tally counts by minutes.
  const shortest = of === "match_rate" ? 60 : SHORTEST_STEP_S;
  const window = Math.min(STEPS_A_WINDOW, Math.max(1, Math.floor(windowS / shortest)));
  const stepUs = of === "match_rate" ? wholeMinutes(windowS / window) : Math.round((windowS * 1_000_000) / window);
  const inSteps = (seconds: number): number => Math.ceil((seconds * 1_000_000) / stepUs);
  const reachS = of === "absent" ? ABSENT_REACH_S : 0;
  return {
    stepUs,
    window: inSteps(windowS + reachS),
    before: relativeToS === null ? 0 : inSteps(relativeToS),
  };
}

const wholeMinutes = (seconds: number): number => Math.ceil(seconds / 60) * 60_000_000;

/** Null: what it measures is not in records. */
export function pastStatement(measure: Measure, scope: Scope, past: Past): Statement | null {
  if (measure.of === "checkpoint_age") return null;
  const params = new Params();
  const steps = stepsOf(measure);
  const reachUs = (steps.window + steps.before + 1) * steps.stepUs + measure.forS * 1_000_000;
  const span = { fromUs: past.fromUs - reachUs, toUs: past.toUs };
  const counted =
    measure.of === "match_rate"
      ? ofMinutes(measure, scope, span, steps.stepUs, params)
      : ofRecords(measure, scope, span, steps.stepUs, params);
  const moments = momentsSql(measure, counted, steps);
  const stretches = stretchesSql(measure, moments, past.toUs);
  const fired = `(fired, labels, since, until, figure, before, calls)`;
  const sample = params.add(MAX_BACKTEST_SAMPLE, "UInt64");
  return params.statement(
    `SELECT intDiv(fired, ${whole(past.widthUs)}) AS bucket,
  toString(toDate(fromUnixTimestamp64Micro(fired, 'UTC'))) AS day, count() AS hits,
  arraySlice(arrayReverseSort(one -> one.1, groupArray(${fired})), 1, ${sample}) AS latest
FROM (${stretches}) WHERE fired >= ${whole(past.fromUs)} AND fired < ${whole(past.toUs)}
GROUP BY bucket, day ORDER BY bucket, day`,
  );
}

const whole = (us: number): string => `toInt64(${Math.max(0, Math.floor(us))})`;

interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Of each group and step: what its records say. `callers`, `callees`, `others`: of which side they are. */
function ofRecords(measure: Measure, scope: Scope, { fromUs, toUs }: Span, stepUs: number, params: Params): string {
  const labels = measure.groupBy.map((name) => `toString(${name})`).join(", ");
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, Math.floor(us)), "Int64")}, 'UTC')`;
  const conditions = [
    `(${scopePredicate(scope, params)})`,
    `observed_received_at >= ${at(fromUs)}`,
    `observed_received_at < ${at(toUs)}`,
    ...measuredConditions(measure, params),
  ];
  const bin = `toUInt16(floor(log2(greatest(duration_us, 1)) * ${BINS_AN_OCTAVE}))`;
  return `SELECT CAST([${labels}], 'Array(String)') AS labels, toInt64(intDiv(us, ${stepUs})) AS step,
    toInt64(countIf(side = 'caller')) AS callers, toInt64(countIf(side = 'callee')) AS callees,
    toInt64(countIf(side = 'observer')) AS others, toInt64(count()) AS told, toInt64(countIf(${FAILED})) AS bad,
    ${measure.of === "p95" ? `sumMapIf(map(${bin}, toInt64(1)), duration_us >= 0)` : NO_BINS} AS bins,
    max(us) AS last
  FROM (SELECT *, toUnixTimestamp64Micro(observed_received_at) AS us FROM records WHERE ${conditions.join(" AND ")})
  GROUP BY labels, step`;
}

const NO_BINS = "CAST(map(), 'Map(UInt16, Int64)')";

/** `bad` is what agrees, out of all that is compared. */
function ofMinutes(measure: Measure, scope: Scope, span: Span, stepUs: number, params: Params): string {
  const labels = measure.groupBy.map((name) => `toString(${name})`).join(", ");
  const compared = ["matched", "discrepant", "unpaired_caller", "unpaired_callee"].map((name) => `sum(${name})`);
  const only = [...measure.where].map(([name, value]) => ` AND ${name} = ${params.text(value)}`).join("");
  return `SELECT CAST([${labels}], 'Array(String)') AS labels,
    toInt64(intDiv(toInt64(toUnixTimestamp(minute)) * 1000000, ${stepUs})) AS step,
    toInt64(${compared.join(" + ")}) AS callers, toInt64(0) AS callees, toInt64(0) AS others, callers AS told,
    toInt64(sum(matched)) AS bad, ${NO_BINS} AS bins, toInt64(0) AS last
  FROM (${minuteRows(span, scope, params)}) WHERE 1${only} GROUP BY labels, step`;
}

const SUMS = ["callers", "callees", "others", "told", "bad"] as const;

/** Of each group and moment at which its figure changes: what is in the window, and in the time before it. */
function momentsSql(measure: Measure, counted: string, { window, before }: { window: number; before: number }): string {
  const moves = [
    "(toInt64(0), toInt64(1), toInt64(0))",
    `(toInt64(${window}), toInt64(-1), toInt64(${before > 0 ? 1 : 0}))`,
    ...(before > 0 ? [`(toInt64(${window + before}), toInt64(0), toInt64(-1))`] : []),
  ];
  const bins = (share: string) => `sumMap(mapApply((bin, n) -> (bin, n * ${share}), bins))`;
  const isBinned = measure.of === "p95";
  const changed = [
    ...SUMS.flatMap((name) => [`sum(${name} * m.2) AS d_${name}`, `sum(${name} * m.3) AS d_was_${name}`]),
    ...(isBinned ? [`${bins("m.2")} AS d_bins`, `${bins("m.3")} AS d_was_bins`] : []),
    "max(if(m.2 = 1, last, 0)) AS d_last",
  ];
  const upTo = "OVER (PARTITION BY labels ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)";
  const running = [
    ...SUMS.flatMap((name) => [`sum(d_${name}) ${upTo} AS ${name}`, `sum(d_was_${name}) ${upTo} AS was_${name}`]),
    ...(isBinned ? [`sumMap(d_bins) ${upTo} AS bins`, `sumMap(d_was_bins) ${upTo} AS was_bins`] : []),
    `max(d_last) ${upTo} AS last`,
    "leadInFrame(at, 1, toInt64(9000000000000)) OVER (PARTITION BY labels ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next_at",
  ];
  return `SELECT labels, at, ${running.join(", ")} FROM (
    SELECT labels, step + m.1 AS at, ${changed.join(", ")} FROM (${counted}) ARRAY JOIN [${moves.join(", ")}] AS m
    GROUP BY labels, at
  )`;
}

/** Stretches through which the condition held, each from when it would have fired. */
function stretchesSql(measure: Measure, moments: string, toUs: number): string {
  const { stepUs } = stepsOf(measure);
  const { of, operator, threshold, relativeToS, atLeast, forS } = measure;
  const calls = (prefix: string) => `greatest(${prefix}callers, ${prefix}callees, ${prefix}others)`;
  const counted = calls(relativeToS === null || of === "error_ratio" ? "" : "was_");
  const compared = relativeToS === null ? "figure" : "if(before > 0, figure / before, nan)";
  const sign = { lt: "<", lte: "<=", gt: ">", gte: ">=", eq: "=" }[operator];
  const limit = `toFloat64(${threshold})`;
  // Silence grows between moments: it is beyond the limit from a time on, or up to it.
  const passesUs = `last + toInt64(${Math.round(threshold * 1_000_000)})`;
  const isMore = operator === "gt" || operator === "gte";
  const [since, until] =
    of !== "absent"
      ? ["here", "there"]
      : isMore
        ? [`greatest(here, ${passesUs})`, "there"]
        : ["here", `least(there, ${passesUs})`];
  const figure = of === "absent" ? "(until - last) / 1000000" : figureSql(of, "", measure.windowS);
  const holds = of === "absent" ? `1` : `${compared} ${sign} ${limit}`;
  const worst = operator === "lt" || operator === "lte" ? "min(figure)" : "max(figure)";
  const each = `SELECT labels, (at + 1) * ${stepUs} AS here, least((next_at + 1) * ${stepUs}, ${whole(toUs)}) AS there,
      ${since} AS since, ${until} AS until, toFloat64(${figure}) AS figure,
      toFloat64(${relativeToS === null ? "0" : figureSql(of, "was_", relativeToS)}) AS before, ${counted} AS calls
    FROM (${moments}) WHERE here < ${whole(toUs)} AND calls >= ${Math.ceil(atLeast)} AND since < until AND (${holds})`;
  const over = "OVER (PARTITION BY labels ORDER BY since ROWS BETWEEN";
  return `SELECT labels, min(since) AS began, max(until) AS ended, began AS since, ended AS until,
    began + toInt64(${forS * 1_000_000}) AS fired, ${worst} AS figure, max(before) AS before, max(calls) AS calls
  FROM (
    SELECT *, sum(begins) ${over} UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch FROM (
      SELECT *, lagInFrame(until, 1, toInt64(0)) ${over} UNBOUNDED PRECEDING AND CURRENT ROW) < since AS begins
      FROM (${each})
    )
  ) GROUP BY labels, stretch HAVING fired <= ended`;
}

function figureSql(of: Measure["of"], prefix: "" | "was_", spanS: number): string {
  const [told, bad] = [`${prefix}told`, `${prefix}bad`];
  switch (of) {
    case "rate":
      return `greatest(${prefix}callers, ${prefix}callees, ${prefix}others) / ${spanS}`;
    case "error_ratio":
      return `if(${told} = 0, 0, ${bad} / ${told})`;
    case "match_rate":
      return `if(${told} = 0, 1, ${bad} / ${told})`;
    default: {
      const sorted = `arraySort(pair -> pair.1, arrayFilter(pair -> pair.2 > 0, CAST(${prefix}bins, 'Array(Tuple(UInt16, Int64))')))`;
      const rank = `0.95 * arraySum(pair -> pair.2, ${sorted})`;
      const place = `arrayFirstIndex(sum -> sum >= ${rank}, arrayCumSum(pair -> pair.2, ${sorted}))`;
      return `if(empty(${sorted}), 0, pow(2, (${sorted}[${place}].1 + 0.5) / ${BINS_AN_OCTAVE}) / 1000)`;
    }
  }
}
