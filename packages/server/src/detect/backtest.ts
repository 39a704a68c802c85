/** A rule over the past, by the same statement that runs over what comes: how often it would have told something. */
import { formatTimestamp } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { IndexReader } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { scopePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { BACKTEST_TIMEOUT_MS, MAX_BACKTEST_DAYS, MAX_BACKTEST_SAMPLE, PASS_MEMORY_BYTES } from "./limits.ts";
import { compileRule, lookBackS } from "./sigma/correlation-sql.ts";
import type { LinkedRule } from "./sigma/link.ts";
import { recordsSql } from "./sigma/records-sql.ts";

export interface Backtest {
  /** Records that the rule finds; of a correlation those with which its condition comes true. */
  readonly hits: number;
  readonly per_day: number;
  readonly days: readonly { readonly day: string; readonly hits: number }[];
  /** The latest ones. */
  readonly sample: readonly BacktestRecord[];
  readonly from: string;
  readonly to: string;
  readonly elapsed_ms: number;
}

export interface BacktestRecord {
  readonly tree: string;
  readonly leaf_index: number;
  readonly call_id: string;
  readonly received_at: string;
  readonly caller: string;
  readonly callee: string;
  readonly operation: string;
}

interface DayRow {
  readonly day: string;
  readonly hits: number;
  readonly latest: readonly (readonly [number, string, number, string, string, string, string])[];
}

const DAY_US = 86_400_000_000;
const LIMITS = { timeoutMs: BACKTEST_TIMEOUT_MS, maxRows: MAX_BACKTEST_DAYS + 2, maxMemoryBytes: PASS_MEMORY_BYTES };

/** Within what the reader may see. Errors: `query_timeout`, `query_limit`, `index_unavailable`, `bad_request`. */
export async function backtest(
  reader: IndexReader,
  scope: Scope,
  rule: LinkedRule,
  period: { readonly fromUs: number; readonly toUs: number },
  signal?: AbortSignal,
): Promise<Backtest> {
  const { fromUs, toUs } = period;
  if (!(fromUs < toUs)) throw new TallystickError("bad_request", "from must be before to.");
  if (toUs - fromUs > MAX_BACKTEST_DAYS * DAY_US)
    throw new TallystickError("bad_request", `A rule is tried on at most ${MAX_BACKTEST_DAYS} days at once.`);
  const params = new Params();
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, Math.floor(us)), "Int64")}, 'UTC')`;
  const until = at(toUs);
  const visible = scopePredicate(scope, params);
  const since = (us: number) =>
    `(${visible}) AND observed_received_at >= ${at(us)} AND observed_received_at < ${until}`;
  const within = since(fromUs);
  const earlier = since(fromUs - lookBackS(rule) * 1_000_000);
  const sql = recordsSql({ history: () => earlier });
  const received = "toUnixTimestamp64Micro(observed_received_at)";
  const latest = `(${received}, tree, leaf_index, call_id, caller, callee, operation)`;
  const answer = await reader.select<DayRow>(
    params.statement(
      `SELECT toString(toDate(observed_received_at)) AS day, count() AS hits, ` +
        `arraySlice(arrayReverseSort(groupArraySorted(${MAX_BACKTEST_SAMPLE})((-tupleElement(found, 1), found))), 1, ${MAX_BACKTEST_SAMPLE}) AS kept, ` +
        `arrayMap(one -> tupleElement(one, 2), kept) AS latest ` +
        `FROM (SELECT observed_received_at, ${latest} AS found FROM records WHERE ${within} AND (${compileRule(rule, sql)})) GROUP BY day ORDER BY day`,
    ),
    LIMITS,
    signal,
  );
  const hits = answer.rows.reduce((sum, row) => sum + row.hits, 0);
  return {
    hits,
    per_day: Math.round((100 * hits * DAY_US) / (toUs - fromUs)) / 100,
    days: answer.rows.map(({ day, hits: of }) => ({ day, hits: of })),
    sample: answer.rows
      .flatMap((row) => row.latest)
      .toSorted(([one], [other]) => other - one)
      .slice(0, MAX_BACKTEST_SAMPLE)
      .map(([us, tree, leaf, callId, caller, callee, operation]) => ({
        tree,
        leaf_index: leaf,
        call_id: callId,
        received_at: formatTimestamp(us),
        caller,
        callee,
        operation,
      })),
    from: formatTimestamp(fromUs),
    to: formatTimestamp(toUs),
    elapsed_ms: answer.elapsedMs,
  };
}
