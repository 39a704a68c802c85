/** A rule over the past, by the same statement that runs over what comes: how often it would have told something. */
import { formatTimestamp } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { IndexReader, Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { bucketWidth } from "../search/histogram.ts";
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
  /** Adjoining intervals, as a histogram of the same period has them: only those with hits. */
  readonly width_ms: number;
  readonly buckets: readonly { readonly from: string; readonly hits: number }[];
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
  readonly timestamp: string;
  readonly received_at: string;
  readonly caller: string;
  readonly callee: string;
  readonly operation: string;
}

interface Row {
  readonly bucket: number;
  readonly day: string;
  readonly hits: number;
  readonly latest: readonly (readonly [number, number, string, number, string, string, string, string])[];
}

const DAY_US = 86_400_000_000;
const BUCKETS = 90;
/** A row an interval, and where a day ends within one, two. */
const MAX_ROWS = 2 * (MAX_BACKTEST_DAYS + 2);
const LIMITS = { timeoutMs: BACKTEST_TIMEOUT_MS, maxRows: MAX_ROWS, maxMemoryBytes: PASS_MEMORY_BYTES };

/**
 * Over what happened in the period, within what the reader may see.
 * Errors: `query_timeout`, `query_limit`, `index_unavailable`, `bad_request`.
 */
export async function backtest(
  reader: IndexReader,
  scope: Scope,
  rule: LinkedRule,
  period: Period,
  signal?: AbortSignal,
): Promise<Backtest> {
  const { fromUs, toUs } = period;
  if (!(fromUs < toUs)) throw new TallystickError("bad_request", "from must be before to.");
  if (toUs - fromUs > MAX_BACKTEST_DAYS * DAY_US)
    throw new TallystickError("bad_request", `A rule is tried on at most ${MAX_BACKTEST_DAYS} days at once.`);
  const widthUs = bucketWidth(fromUs, toUs, BUCKETS, null);
  const answer = await reader.select<Row>(statementOf(scope, rule, period, widthUs), LIMITS, signal);
  const hits = answer.rows.reduce((sum, row) => sum + row.hits, 0);
  return {
    hits,
    per_day: Math.round((100 * hits * DAY_US) / (toUs - fromUs)) / 100,
    days: summed(answer.rows, ({ day }) => day).map(([day, of]) => ({ day, hits: of })),
    width_ms: widthUs / 1_000,
    buckets: summed(answer.rows, ({ bucket }) => bucket).map(([bucket, of]) => ({
      from: formatTimestamp(bucket * widthUs),
      hits: of,
    })),
    sample: sampleOf(answer.rows),
    from: formatTimestamp(fromUs),
    to: formatTimestamp(toUs),
    elapsed_ms: answer.elapsedMs,
  };
}

interface Period {
  readonly fromUs: number;
  readonly toUs: number;
}

function statementOf(scope: Scope, rule: LinkedRule, { fromUs, toUs }: Period, widthUs: number): Statement {
  const params = new Params();
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, Math.floor(us)), "Int64")}, 'UTC')`;
  const until = at(toUs);
  const visible = scopePredicate(scope, params);
  const since = (us: number) => `(${visible}) AND timestamp >= ${at(us)} AND timestamp < ${until}`;
  const within = since(fromUs);
  const earlier = since(fromUs - lookBackS(rule) * 1_000_000);
  const sql = recordsSql({ history: () => earlier });
  const us = "toUnixTimestamp64Micro(timestamp)";
  const received = "toUnixTimestamp64Micro(observed_received_at)";
  const latest = `(${us}, ${received}, tree, leaf_index, call_id, caller, callee, operation)`;
  return params.statement(
    `SELECT floor(us / ${params.add(widthUs, "Int64")}) AS bucket, toString(toDate(fromUnixTimestamp64Micro(us, 'UTC'))) AS day, count() AS hits, ` +
      `arraySlice(arrayReverseSort(groupArraySorted(${MAX_BACKTEST_SAMPLE})((-tupleElement(found, 1), found))), 1, ${MAX_BACKTEST_SAMPLE}) AS kept, ` +
      `arrayMap(one -> tupleElement(one, 2), kept) AS latest ` +
      `FROM (SELECT ${us} AS us, ${latest} AS found FROM records WHERE ${within} AND (${compileRule(rule, sql)})) ` +
      `GROUP BY bucket, day ORDER BY bucket, day`,
  );
}

function summed<Key>(rows: readonly Row[], keyOf: (row: Row) => Key): readonly (readonly [Key, number])[] {
  const sums = new Map<Key, number>();
  for (const row of rows) sums.set(keyOf(row), (sums.get(keyOf(row)) ?? 0) + row.hits);
  return [...sums];
}

function sampleOf(rows: readonly Row[]): readonly BacktestRecord[] {
  return rows
    .flatMap((row) => row.latest)
    .toSorted(([one], [other]) => other - one)
    .slice(0, MAX_BACKTEST_SAMPLE)
    .map(([us, received, tree, leaf, callId, caller, callee, operation]) => ({
      tree,
      leaf_index: leaf,
      call_id: callId,
      timestamp: formatTimestamp(us),
      received_at: formatTimestamp(received),
      caller,
      callee,
      operation,
    }));
}
