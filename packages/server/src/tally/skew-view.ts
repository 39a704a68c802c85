/**
 * How far the clock of each recorder is from the clocks of those that it shares calls with, by the middles of calls
 * that both recorded. Of two that differ nobody can say which one is wrong; of many, most agree with most.
 */
import { allOf, Params } from "../search/compile/sql.ts";
import { MAX_EDGES } from "./limits.ts";
import { limitsFor, OWN_SETTINGS, timePredicate } from "./reading.ts";
import type { PeriodUs, TallySources } from "./reading.ts";
import { SKEWS, WRITTEN } from "./schema.ts";

export interface RecorderSkew {
  readonly recorder: string;
  /** By the median of its calls: positive when its clock is ahead of the others'. */
  readonly ahead_us: number;
  /** Between the first and the third quarter of its calls, within a minute. */
  readonly spread_us: number;
  readonly calls: number;
  /** How many others it shares calls with, and the one whose clock is furthest from its own. */
  readonly others: number;
  readonly furthest: { readonly recorder: string; readonly ahead_us: number };
}

interface Pair {
  readonly caller: string;
  readonly callee: string;
  /** How far the callee's clock is ahead. */
  readonly skew_us: number;
  readonly spread_us: number;
  readonly calls: number;
}

interface Seen {
  readonly other: string;
  readonly aheadUs: number;
  readonly spreadUs: number;
  readonly calls: number;
}

/** The furthest first. `isVisible`: whether the reader may know that the two deal with each other. */
export async function readSkews(
  { reader }: TallySources,
  period: PeriodUs,
  isVisible: (caller: string, callee: string) => boolean,
  signal?: AbortSignal,
): Promise<readonly RecorderSkew[]> {
  const params = new Params();
  const predicate = allOf([WRITTEN, timePredicate({ time: "minute" }, period, params)]);
  const median = (column: string) => `toInt64(quantileExactWeighted(0.5)(${column}, calls))`;
  const statement = params.statement(
    `SELECT toString(c_recorder_id) AS caller, toString(d_recorder_id) AS callee, ${median("skew_us")} AS skew_us,
  ${median("spread_us")} AS spread_us, sum(calls) AS calls
FROM ${SKEWS.name} WHERE ${predicate} GROUP BY caller, callee
ORDER BY sum(calls) DESC LIMIT ${MAX_EDGES}${OWN_SETTINGS}`,
  );
  const { rows } = await reader.select<Pair>(statement, limitsFor(MAX_EDGES), signal);
  const found = new Map<string, Seen[]>();
  const see = (recorder: string, one: Seen): void => {
    const seen = found.get(recorder);
    if (seen === undefined) found.set(recorder, [one]);
    else seen.push(one);
  };
  for (const { caller, callee, skew_us: us, spread_us: spreadUs, calls } of rows) {
    if (!isVisible(caller, callee)) continue;
    see(caller, { other: callee, aheadUs: -us, spreadUs, calls });
    see(callee, { other: caller, aheadUs: us, spreadUs, calls });
  }
  return [...found]
    .map(([recorder, seen]) => skewOf(recorder, seen))
    .toSorted((one, other) => Math.abs(other.ahead_us) - Math.abs(one.ahead_us));
}

function skewOf(recorder: string, seen: readonly Seen[]): RecorderSkew {
  const furthest = seen.reduce((most, one) => (Math.abs(one.aheadUs) > Math.abs(most.aheadUs) ? one : most));
  return {
    recorder,
    ahead_us: median(seen, ({ aheadUs }) => aheadUs),
    spread_us: median(seen, ({ spreadUs }) => spreadUs),
    calls: seen.reduce((sum, { calls }) => sum + calls, 0),
    others: seen.length,
    furthest: { recorder: furthest.other, ahead_us: furthest.aheadUs },
  };
}

/** By the weight of their calls. */
function median(seen: readonly Seen[], of: (one: Seen) => number): number {
  const sorted = seen.toSorted((one, other) => of(one) - of(other));
  const half = sorted.reduce((sum, { calls }) => sum + calls, 0) / 2;
  let below = 0;
  for (const one of sorted) {
    below += one.calls;
    if (below >= half) return of(one);
  }
  return 0;
}
