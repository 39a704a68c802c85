import { useMemo } from "react";
import { LineChart, type ChartLine } from "../chart/line-chart.tsx";
import type { Histogram } from "../client/types.ts";
import { formatDuration, formatRate, formatShare } from "../page/format.ts";
import { Answer } from "../page/states.tsx";
import { Panel } from "../page/panel.tsx";
import { failuresIn, totalsOf } from "./onset.ts";
import type { ServiceFound } from "./use-health.ts";
import { secondsWithin, type Period } from "./window.ts";

interface FiguresProps {
  readonly found: ServiceFound;
  readonly name: string;
  readonly period: Period;
  readonly choose: (chosen: { readonly from: string; readonly to: string }) => void;
}

type Series = readonly (number | null)[];

/** Rate, errors and p95 over time, each against the same hour last week. */
export function Figures({ found, period, choose }: FiguresProps) {
  return (
    <div className="grid gap-4 md:grid-cols-3">
      <Answer lines={6} of={found.now}>
        {(now) => <Charts before={found.lastWeek.data} choose={choose} now={now} onset={found.onset} period={period} />}
      </Answer>
    </div>
  );
}

interface ChartsProps {
  readonly now: Histogram;
  readonly before: Histogram | undefined;
  readonly onset: string | null;
  readonly period: Period;
  readonly choose: FiguresProps["choose"];
}

function Charts({ now, before, onset, period, choose }: ChartsProps) {
  const drawn = useMemo(() => seriesOf(now, before, period), [now, before, period]);
  const common = {
    times: drawn.times,
    mark: onset === null ? null : Date.parse(onset) / 1_000,
    pick: (fromS: number, toS: number) =>
      choose({ from: new Date(fromS * 1_000).toISOString(), to: new Date(toS * 1_000).toISOString() }),
  };
  const seconds = (period.toMs - period.fromMs) / 1_000;
  const [sum, sumBefore] = [totalsOf(now.buckets), before === undefined ? null : totalsOf(before.buckets)];
  // While it fails, how it is since then: calm minutes before would hide it.
  const since = onset === null ? 0 : Math.max(0, drawn.times.indexOf(Date.parse(onset) / 1_000));
  const [p95, p95Before] = [middle(drawn.p95.now.slice(since)), middle(drawn.p95.before)];
  return (
    <>
      <Chart
        {...common}
        before={sumBefore === null || sumBefore.calls === 0 ? null : formatRate(sumBefore.calls / seconds)}
        format={formatRate}
        lines={drawn.lines.rate}
        title="Rate"
        value={formatRate(sum.calls / seconds)}
      />
      <Chart
        {...common}
        before={sumBefore === null || sumBefore.ratio === null ? null : formatShare(sumBefore.ratio)}
        format={formatShare}
        isBad={onset !== null}
        lines={drawn.lines.errors}
        title="Errors"
        value={sum.ratio === null ? "–" : formatShare(sum.ratio)}
      />
      <Chart
        {...common}
        before={p95Before === null ? null : formatDuration(p95Before)}
        format={formatDuration}
        lines={drawn.lines.p95}
        title="p95, median minute"
        value={p95 === null ? "–" : formatDuration(p95)}
      />
    </>
  );
}

interface ChartProps {
  readonly title: string;
  readonly value: string;
  readonly before: string | null;
  readonly isBad?: boolean;
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  readonly mark: number | null;
  readonly pick: (fromS: number, toS: number) => void;
}

function Chart({ title, value, before, isBad = false, ...chart }: ChartProps) {
  return (
    <Panel note={before === null ? "no figures of last week" : `last week ${before} (dashed)`} title={title}>
      <p className={`-mt-1 mb-1 text-xl font-semibold tabular-nums ${isBad ? "text-bad" : ""}`}>{value}</p>
      <LineChart label={title} {...chart} />
    </Panel>
  );
}

/** Less of a bucket than this says nothing of a rate. */
const LEAST_PART = 0.2;

function seriesOf(now: Histogram, before: Histogram | undefined, period: Period) {
  const seconds = now.buckets.map(({ from }) => secondsWithin(Date.parse(from), now.bucket_ms, period));
  const leastSeconds = (now.bucket_ms / 1_000) * LEAST_PART;
  const read = (value: (bucket: Histogram["buckets"][number], at: number) => number | null) => ({
    now: now.buckets.map(value),
    // Buckets of a week ago begin at the same minutes; the last one may be missing.
    before: now.buckets.map((_, at) => {
      const bucket = before?.bucket_ms === now.bucket_ms ? before.buckets[at] : undefined;
      return bucket === undefined ? null : value(bucket, at);
    }),
  });
  const p95 = read(({ p95_us: us }) => us ?? null);
  const rate = read(({ count }, at) => ((seconds[at] ?? 0) < leastSeconds ? null : count / (seconds[at] ?? 1)));
  const errors = read((bucket) => (bucket.count === 0 ? null : failuresIn(bucket) / bucket.count));
  const lines = (values: { readonly now: Series; readonly before: Series }, colour: string): readonly ChartLine[] => [
    { title: "last week", values: values.before, colour: "--bar", kind: "dashed" },
    { title: "now", values: values.now, colour, kind: "area" },
  ];
  return {
    times: now.buckets.map(({ from }) => Date.parse(from) / 1_000),
    p95,
    lines: { rate: lines(rate, "--accent"), errors: lines(errors, "--bad"), p95: lines(p95, "--accent") },
  };
}

/** The median of the buckets' values: one bucket of three slow calls does not speak for an hour. */
function middle(values: Series): number | null {
  const known = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  return known[Math.floor(known.length / 2)] ?? null;
}
