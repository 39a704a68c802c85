/**
 * The rules by which the Numenta Anomaly Benchmark scores detectors: each labelled window is worth most at its left
 * edge, a detection outside costs by how far it lies past the window before it, a missed window costs whole, the first
 * 15% of a series (of 750 rows at most) count for nothing, one threshold a profile serves the whole corpus, and the
 * scale runs from a detector that says nothing (0) to one that hits each window at once (100).
 * Source of the rules: A. Lavin, S. Ahmad, "Evaluating Real-time Anomaly Detection Algorithms" (2015), and numenta/NAB.
 */

/** What a hit, a miss and a false alarm are worth. */
export interface Costs {
  readonly tpWeight: number;
  readonly fnWeight: number;
  readonly fpWeight: number;
}

/** One series with its scores and its labelled windows, as rows from and to (both inside). */
export interface ScoredSeries {
  readonly name: string;
  readonly scores: Float64Array;
  readonly windows: readonly (readonly [number, number])[];
}

export interface CorpusScore {
  /** 0 for the null detector, 100 for the perfect one. */
  readonly score: number;
  readonly threshold: number;
  /** What each series adds to the sum, by the same threshold, before it is scaled. */
  readonly series: Readonly<Record<string, number>>;
}

const PROBATION_SHARE = 0.15;
const PROBATION_ROWS = 5000;

/** A row that a threshold can let through: of a window, or of none. */
interface Row {
  readonly series: number;
  readonly window: number;
  readonly score: number;
  readonly worth: number;
}

/** Best score over all thresholds, since NAB lets each detector have its best one for the whole corpus. */
export function scoreCorpus(corpus: readonly ScoredSeries[], costs: Costs): CorpusScore {
  const rows = corpus.flatMap((series, index) => rowsOf(series, index, costs)).toSorted((a, b) => b.score - a.score);
  const scored = corpus.map(({ windows, scores }) => windows.filter(([, to]) => to >= probationRows(scores.length)));
  const nothing = -costs.fnWeight * scored.flat().length;
  const all = corpus.flatMap(({ windows }) => windows).length;
  const sweep = new Sweep(scored, costs.fnWeight);
  let best = nothing;
  let threshold = Number.POSITIVE_INFINITY;
  for (const [at, row] of rows.entries()) {
    sweep.add(row);
    const next = rows[at + 1];
    if ((next === undefined || next.score < row.score) && sweep.total > best) {
      best = sweep.total;
      threshold = row.score;
    }
  }
  const low = -costs.fnWeight * all;
  const high = costs.tpWeight * all;
  return { score: (100 * (best - low)) / (high - low), threshold, series: seriesAt(corpus, costs, threshold) };
}

/** What each series adds at a threshold. */
export function seriesAt(corpus: readonly ScoredSeries[], costs: Costs, threshold: number): Record<string, number> {
  return Object.fromEntries(
    corpus.map((series) => {
      const first = probationRows(series.scores.length);
      const sweep = new Sweep([series.windows.filter(([, to]) => to >= first)], costs.fnWeight);
      for (const row of rowsOf(series, 0, costs)) if (row.score >= threshold) sweep.add(row);
      return [series.name, sweep.total];
    }),
  );
}

/** The sum that a threshold reaches, as it is lowered row by row. */
class Sweep {
  total = 0;
  private readonly best: number[][];

  constructor(windows: readonly (readonly unknown[])[], fnWeight: number) {
    this.best = windows.map((of) => of.map(() => -fnWeight));
    this.total = -fnWeight * windows.flat().length;
  }

  /** A false alarm costs each time; of a window only its best hit counts. */
  add({ series, window, worth }: Row): void {
    if (window < 0) {
      this.total += worth;
      return;
    }
    const of = this.best[series]!;
    const before = of[window]!;
    if (worth <= before) return;
    of[window] = worth;
    this.total += worth - before;
  }
}

export function probationRows(rows: number): number {
  return Math.min(Math.floor(PROBATION_SHARE * rows), PROBATION_SHARE * PROBATION_ROWS);
}

function rowsOf({ scores, windows }: ScoredSeries, series: number, costs: Costs): Row[] {
  const first = probationRows(scores.length);
  const isScored = windows.map(([, to]) => to >= first);
  const rows: Row[] = [];
  let next = 0;
  for (const [at, score] of scores.entries()) {
    while (next < windows.length && windows[next]![1] < at) next += 1;
    if (at < first || score <= 0) continue;
    const window = windows[next];
    const isInside = window !== undefined && at >= window[0];
    const inside = isInside ? hitWorth(at, window) * costs.tpWeight : 0;
    const worth = isInside ? inside : missWorth(at, windows[next - 1]) * costs.fpWeight;
    const place = isInside ? isScored.slice(0, next).filter(Boolean).length : -1;
    rows.push({ series, window: place, score, worth });
  }
  return rows;
}

function hitWorth(at: number, [from, to]: readonly [number, number]): number {
  const position = -(to - at + 1) / (to - from + 1);
  return scaledSigmoid(position) / scaledSigmoid(-1);
}

function missWorth(at: number, before: readonly [number, number] | undefined): number {
  return before === undefined ? -1 : scaledSigmoid((at - before[1]) / (before[1] - before[0]));
}

/** 1 well before the right edge, 0 on it, −1 well past it. */
function scaledSigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}
