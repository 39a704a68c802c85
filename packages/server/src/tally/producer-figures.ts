import type { IndexReader } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES } from "../search/limits.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { FIGURES_TIMEOUT_MS, MAX_WINDOW_PRODUCERS } from "./producer-limits.ts";
import { heldNow, IS_FIRST_LOG, runFacts } from "./producer-runs.ts";
import { producersIn, producerWindows } from "./producer-windows.ts";
import type { ProducerWindow } from "./producer-windows.ts";
import type { Now, ProducerState, SilenceRules } from "./producer-runs.ts";

/** How the producers are, counted over the runs that a list without filters shows. */
export interface ProducerFigures {
  readonly byState: ReadonlyMap<ProducerState, number>;
  /** Silent ones, those with gaps too. */
  readonly silent: number;
  /** Sequence numbers that are missing. */
  readonly missing: number;
}

interface StateRow {
  readonly state: ProducerState;
  readonly runs: number;
  readonly silent_runs: number;
  readonly missing_numbers: number;
}

const LIMITS = { timeoutMs: FIGURES_TIMEOUT_MS, maxMemoryBytes: SEARCH_MEMORY_BYTES };
const EVERYTHING = {
  scope: WHOLE_SCOPE,
  wanted: {},
  from: null,
  firstProducers: MAX_WINDOW_PRODUCERS,
  limits: LIMITS,
};

export async function countProducers(reader: IndexReader, rules: SilenceRules, now: Now): Promise<ProducerFigures> {
  const byState = new Map<ProducerState, number>();
  let silent = 0;
  let missing = 0;
  for await (const window of producerWindows(reader, EVERYTHING)) {
    const { rows } = await reader.select<StateRow>(statesIn(window, rules, now), { ...LIMITS, maxRows: 100 });
    for (const row of rows) {
      byState.set(row.state, (byState.get(row.state) ?? 0) + row.runs);
      silent += row.silent_runs;
      missing += row.missing_numbers;
    }
  }
  return { byState, silent, missing };
}

function statesIn(window: ProducerWindow, rules: SilenceRules, now: Now) {
  const params = new Params();
  const condition = producersIn(WHOLE_SCOPE, {}, window, params);
  return params.statement(
    "SELECT state, count() AS runs, countIf(silent) AS silent_runs, sum(toFloat64(missing)) AS missing_numbers " +
      `FROM (${runFacts(condition, "quiet", rules, now, params)}) WHERE ${IS_FIRST_LOG} AND ${heldNow(rules, now, params)} GROUP BY state`,
  );
}
