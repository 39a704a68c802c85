import type { IndexReader } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES } from "../search/limits.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { FIGURES_TIMEOUT_MS } from "./producer-limits.ts";
import { heldNow, runFacts } from "./producer-runs.ts";
import type { FactsRequest, Now, ProducerState, SilenceRules } from "./producer-runs.ts";

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

const EVERYTHING: FactsRequest = { scope: WHOLE_SCOPE, keys: {}, condition: "1", learnedOf: "quiet" };

export async function countProducers(reader: IndexReader, rules: SilenceRules, now: Now): Promise<ProducerFigures> {
  const params = new Params();
  const facts = runFacts(EVERYTHING, rules, now, params);
  const sql =
    "SELECT state, count() AS runs, countIf(silent) AS silent_runs, sum(toFloat64(missing)) AS missing_numbers " +
    `FROM (${facts}) WHERE ${heldNow(rules, now, params)} GROUP BY state`;
  const limits = { timeoutMs: FIGURES_TIMEOUT_MS, maxRows: 100, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const { rows } = await reader.select<StateRow>(params.statement(sql), limits);
  const sum = (value: (row: StateRow) => number) => rows.reduce((total, row) => total + value(row), 0);
  return {
    byState: new Map(rows.map(({ state, runs }) => [state, runs])),
    silent: sum((row) => row.silent_runs),
    missing: sum((row) => row.missing_numbers),
  };
}
