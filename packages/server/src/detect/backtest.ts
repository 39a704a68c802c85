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
  /** Of a measure: the latest times at which it would have fired. */
  readonly fired?: readonly BacktestFired[];
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

export interface BacktestFired {
  readonly labels: Readonly<Record<string, string>>;
  /** Since when the condition held, when it had held for long enough, and when it was over; null: not within the period. */
  readonly since: string;
  readonly fired_at: string;
  readonly over_at: string | null;
  readonly seen: string;
  readonly calls: number;
}

/** As BACKTEST_RECORD selects it. */
export type Found = readonly [number, number, string, number, string, string, string, string];

interface Counted {
  readonly bucket: number;
  readonly day: string;
  readonly hits: number;
}

interface Row extends Counted {
  readonly latest: readonly Found[];
}

const DAY_US = 86_400_000_000;
const BUCKETS = 90;
/** A row an interval, and where a day ends within one, two. */
const MAX_ROWS = 2 * (MAX_BACKTEST_DAYS + 2);
export const BACKTEST_LIMITS = { timeoutMs: BACKTEST_TIMEOUT_MS, maxRows: MAX_ROWS, maxMemoryBytes: PASS_MEMORY_BYTES };

/**
 * Over what happened in the period, within what the reader may see.
 * Errors: `query_timeout`, `query_limit`, `index_unavailable`, `bad_request`.
 */
export async function backtest(
  reader: IndexReader,
  scope: Scope,
  rule: LinkedRule,
  asked: Period,
  signal?: AbortSignal,
): Promise<Backtest> {
  const period = backtestPeriod(asked);
  const { rows, elapsedMs } = await reader.select<Row>(statementOf(scope, rule, period), BACKTEST_LIMITS, signal);
  return { ...counted(rows, period, elapsedMs), sample: sampleOf(rows) };
}

export interface Period {
  readonly fromUs: number;
  readonly toUs: number;
}

/** With the width of the intervals by which hits are counted. Errors: `bad_request`. */
export function backtestPeriod({ fromUs, toUs }: Period): Period & { readonly widthUs: number } {
  if (!(fromUs < toUs)) throw new TallystickError("bad_request", "from must be before to.");
  if (toUs - fromUs > MAX_BACKTEST_DAYS * DAY_US)
    throw new TallystickError("bad_request", `A rule is tried on at most ${MAX_BACKTEST_DAYS} days at once.`);
  return { fromUs, toUs, widthUs: bucketWidth(fromUs, toUs, BUCKETS, null) };
}

/** How often there was a hit: in all, by the day, by the interval. */
export function counted(
  rows: readonly Counted[],
  { fromUs, toUs, widthUs }: Period & { readonly widthUs: number },
  elapsedMs: number,
): Omit<Backtest, "sample" | "fired"> {
  const hits = rows.reduce((sum, row) => sum + row.hits, 0);
  return {
    hits,
    per_day: Math.round((100 * hits * DAY_US) / (toUs - fromUs)) / 100,
    days: summed(rows, ({ day }) => day).map(([day, of]) => ({ day, hits: of })),
    width_ms: widthUs / 1_000,
    buckets: summed(rows, ({ bucket }) => bucket).map(([bucket, of]) => ({
      from: formatTimestamp(bucket * widthUs),
      hits: of,
    })),
    from: formatTimestamp(fromUs),
    to: formatTimestamp(toUs),
    elapsed_ms: elapsedMs,
  };
}

const TIMESTAMP_US = "toUnixTimestamp64Micro(timestamp)";
/** A record of the sample, out of `records`. */
export const BACKTEST_RECORD = `(${TIMESTAMP_US}, toUnixTimestamp64Micro(observed_received_at), tree, leaf_index, call_id, caller, callee, operation)`;

function statementOf(scope: Scope, rule: LinkedRule, period: Period & { readonly widthUs: number }): Statement {
  const { fromUs, toUs, widthUs } = period;
  const params = new Params();
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, Math.floor(us)), "Int64")}, 'UTC')`;
  const until = at(toUs);
  const visible = scopePredicate(scope, params);
  const since = (us: number) => `(${visible}) AND timestamp >= ${at(us)} AND timestamp < ${until}`;
  const within = since(fromUs);
  const earlier = since(fromUs - lookBackS(rule) * 1_000_000);
  const sql = recordsSql({ history: () => earlier, within });
  return params.statement(
    `SELECT floor(us / ${params.add(widthUs, "Int64")}) AS bucket, toString(toDate(fromUnixTimestamp64Micro(us, 'UTC'))) AS day, count() AS hits, ` +
      `arraySlice(arrayReverseSort(groupArraySorted(${MAX_BACKTEST_SAMPLE})((-tupleElement(found, 1), found))), 1, ${MAX_BACKTEST_SAMPLE}) AS kept, ` +
      `arrayMap(one -> tupleElement(one, 2), kept) AS latest ` +
      `FROM (SELECT ${TIMESTAMP_US} AS us, ${BACKTEST_RECORD} AS found FROM records WHERE ${within} AND (${compileRule(rule, sql)})) ` +
      `GROUP BY bucket, day ORDER BY bucket, day`,
  );
}

function summed<Key>(rows: readonly Counted[], keyOf: (row: Counted) => Key): readonly (readonly [Key, number])[] {
  const sums = new Map<Key, number>();
  for (const row of rows) sums.set(keyOf(row), (sums.get(keyOf(row)) ?? 0) + row.hits);
  return [...sums];
}

function sampleOf(rows: readonly Row[]): readonly BacktestRecord[] {
  return rows
    .flatMap((row) => row.latest)
    .toSorted(([one], [other]) => other - one)
    .slice(0, MAX_BACKTEST_SAMPLE)
    .map(recordOf);
}

export function recordOf([us, received, tree, leaf, callId, caller, callee, operation]: Found): BacktestRecord {
  return {
    tree,
    leaf_index: leaf,
    call_id: callId,
    timestamp: formatTimestamp(us),
    received_at: formatTimestamp(received),
    caller,
    callee,
    operation,
  };
}
