/**
 * The map for Prometheus: counters over all calls that are settled, for each edge. What lies two hours back and more is
 * added up once in a while and kept, so that a scrape reads a few thousand rows. Scrapes that come together share one
 * reading.
 */
import type { QueryLimits } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { byOctave } from "./durations.ts";
import { EDGE_STATES } from "./edges.ts";
import type { EdgeState } from "./edges.ts";
import { EdgeTotals } from "./edge-totals.ts";
import type { EdgeSeries, MappedEdge, Totals } from "./edge-totals.ts";
import { matchRate, MEASURES, nameOf } from "./graph.ts";
import type { MeasuredRow, Settled } from "./graph.ts";
import {
  CLOSED_HOURS_AGE_MS,
  EDGE_METRICS_AGE_MS,
  FIRST_DURATION_OCTAVE,
  LAST_DURATION_OCTAVE,
  MAX_EDGE_SERIES,
  MAX_METRIC_EDGES,
} from "./limits.ts";
import { labelled, openMetricsText } from "./open-metrics-text.ts";
import type { Family } from "./open-metrics-text.ts";
import { hourRows, limitsFor, OWN_SETTINGS } from "./reading.ts";
import type { Edge, PeriodUs, TallySources } from "./reading.ts";

const HOUR_US = 3_600_000_000;
/** Label values of the series that holds all edges without series of their own. */
export const OTHER_EDGES = "(other edges)";

interface EdgeRow extends MeasuredRow, Edge {}

type States = Readonly<Record<EdgeState, number>>;

interface MetricEdge extends MappedEdge {
  /** Of its calls of the last hours. */
  readonly recent: States;
}

/** Before `untilUs`, by edge. */
interface Closed {
  readonly untilUs: number;
  readonly readAtMs: number;
  readonly edges: ReadonlyMap<string, MetricEdge>;
}

export class EdgeMetrics {
  readonly #sources: TallySources;
  readonly #settled: () => Settled;
  readonly #totals = new EdgeTotals<MetricEdge>(MAX_EDGE_SERIES);
  #closed: Closed | null = null;
  #text: { readonly atMs: number; readonly text: Promise<string> } | null = null;

  constructor(sources: TallySources, settled: () => Settled) {
    this.#sources = sources;
    this.#settled = settled;
  }

  /** OpenMetrics text, at most EDGE_METRICS_AGE_MS old. Errors: those of the index. */
  text(): Promise<string> {
    const nowMs = this.#sources.clock.monotonicMs();
    if (this.#text === null || nowMs - this.#text.atMs >= EDGE_METRICS_AGE_MS) {
      const text = this.#read();
      this.#text = { atMs: nowMs, text };
      // A failure is told to whoever waits, and the next one asks again.
      text.catch(() => {
        if (this.#text?.text === text) this.#text = null;
      });
    }
    return this.#text.text;
  }

  async #read(): Promise<string> {
    const settled = this.#settled();
    const closed = await this.#closedHours(settled);
    const recent = await this.#rows({ fromUs: closed.untilUs, toUs: null });
    const edges = joined(closed.edges, recent);
    return openMetricsText(families(this.#totals.update(edges), edges.length, settled));
  }

  /** Read again when an hour more is closed, and not too often: it may be a year. */
  async #closedHours({ throughUs, longestDeadlineUs }: Settled): Promise<Closed> {
    const nowMs = this.#sources.clock.monotonicMs();
    const untilUs = Math.max(0, Math.floor((throughUs - longestDeadlineUs) / HOUR_US) - 1) * HOUR_US;
    const before = this.#closed;
    const isGood = before !== null && (before.untilUs === untilUs || nowMs - before.readAtMs < CLOSED_HOURS_AGE_MS);
    if (isGood) return before;
    const rows = untilUs === 0 ? [] : await this.#rows({ fromUs: null, toUs: untilUs });
    this.#closed = {
      untilUs,
      readAtMs: nowMs,
      edges: new Map(rows.map((row) => [nameOf(row), metricEdge(row, NOTHING)])),
    };
    return this.#closed;
  }

  async #rows(period: PeriodUs): Promise<readonly EdgeRow[]> {
    const params = new Params();
    const { from } = hourRows(period, this.#sources.clock.nowUs(), WHOLE_SCOPE, params);
    const sql = `SELECT caller, callee, ${MEASURES} ${from} GROUP BY caller, callee${OWN_SETTINGS}`;
    return (await this.#sources.reader.select<EdgeRow>(params.statement(sql), LIMITS)).rows;
  }
}

const LIMITS: QueryLimits = limitsFor(MAX_METRIC_EDGES);

const NOTHING: States = Object.fromEntries(EDGE_STATES.map((state) => [state, 0])) as Record<EdgeState, number>;

function joined(closed: Closed["edges"], recent: readonly EdgeRow[]): readonly MetricEdge[] {
  const newer = new Set(recent.map(nameOf));
  const older = [...closed].filter(([name]) => !newer.has(name)).map(([, edge]) => edge);
  return [...older, ...recent.map((row) => metricEdge(row, row, closed.get(nameOf(row))))];
}

function metricEdge(row: EdgeRow, recent: States, before?: MetricEdge): MetricEdge {
  const { caller, callee, last_us: lastUs } = row;
  const totals = totalsOf(row).map((total, at) => total + (before?.totals[at] ?? 0));
  return { caller, callee, totals, lastUs, recent };
}

interface CounterOf {
  readonly name: string;
  readonly help: string;
  readonly of: (row: MeasuredRow) => number;
}

/** The first of an edge's totals, in order. */
const COUNTERS: readonly CounterOf[] = [
  { name: "tallystick_edge_requests", help: "Calls that are settled.", of: (row) => row.calls },
  { name: "tallystick_edge_errors", help: "Calls that ended with error or timeout.", of: (row) => row.errors },
  { name: "tallystick_edge_denied", help: "Calls that were refused.", of: (row) => row.denied },
  { name: "tallystick_edge_matched", help: "Calls whose two halves agree.", of: (row) => row.matched },
  {
    name: "tallystick_edge_unmatched",
    help: "Calls whose halves disagree, or of which one is missing that should be there.",
    of: (row) => row.discrepant + row.unpaired_caller + row.unpaired_callee,
  },
];
const SUM_AT = COUNTERS.length;
const OCTAVES_AT = SUM_AT + 1;

/** The counters, the sum of the durations in microseconds, and how many of them lie in which octave. */
const totalsOf = (row: MeasuredRow): Totals => [
  ...COUNTERS.map(({ of }) => of(row)),
  row.duration_sum_us,
  ...byOctave(row.durations, FIRST_DURATION_OCTAVE, LAST_DURATION_OCTAVE),
];

function families(series: readonly EdgeSeries<MetricEdge>[], edges: number, { throughUs }: Settled): readonly Family[] {
  const named = series.map((one) => ({ ...one, labels: labelsOf(one.edge) }));
  const counters = COUNTERS.map(({ name, help }, at): Family => {
    const samples = named.map(({ labels, totals }) => ({ suffix: "_total", labels, value: totals[at]! }));
    return { name, type: "counter", help, samples };
  });
  const ratios = named.flatMap(({ edge, labels }) => {
    const value = edge === null ? null : matchRate(edge.recent);
    return value === null ? [] : [{ suffix: "", labels, value }];
  });
  return [
    ...counters,
    {
      name: "tallystick_edge_match_ratio",
      type: "gauge",
      help: "Share of matched calls among those that could be compared, over the last hours.",
      samples: ratios,
    },
    {
      name: "tallystick_edge_duration_seconds",
      type: "histogram",
      unit: "seconds",
      help: "How long calls took, by the caller where it told.",
      samples: named.flatMap(({ labels, totals }) => histogram(labels, totals)),
    },
    gauge("tallystick_edges", "Edges that are known; those without series of their own are added up.", edges),
    gauge(
      "tallystick_tally_settled_timestamp_seconds",
      "Seconds since the epoch; calls due before are settled.",
      throughUs / 1e6,
    ),
  ];
}

function gauge(name: string, help: string, value: number): Family {
  return { name, type: "gauge", help, samples: [{ suffix: "", labels: "", value }] };
}

function labelsOf(edge: Edge | null): string {
  return labelled({ caller: edge?.caller ?? OTHER_EDGES, callee: edge?.callee ?? OTHER_EDGES });
}

/** Upper bounds in seconds, as labels; a call that took exactly as long as a bound is in the bucket above. */
const BOUNDS = Array.from({ length: LAST_DURATION_OCTAVE - FIRST_DURATION_OCTAVE + 2 }, (_, at) => {
  const octave = FIRST_DURATION_OCTAVE + at;
  return labelled({ le: octave > LAST_DURATION_OCTAVE ? "+Inf" : String(2 ** octave / 1_000_000) });
});

function histogram(labels: string, totals: Totals): Family["samples"] {
  let seen = 0;
  const buckets = BOUNDS.map((bound, at) => {
    seen += totals[OCTAVES_AT + at]!;
    return { suffix: "_bucket", labels: `${labels},${bound}`, value: seen };
  });
  return [
    ...buckets,
    { suffix: "_sum", labels, value: totals[SUM_AT]! / 1_000_000 },
    { suffix: "_count", labels, value: seen },
  ];
}
