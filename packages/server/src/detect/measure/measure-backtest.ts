/** When a measure would have told something, over what was received in a period. */
import { formatTimestamp } from "@tallystick/record";

import { TallystickError } from "../../errors.ts";
import type { IndexReader } from "../../index/index-seam.ts";
import { Params } from "../../search/compile/sql.ts";
import { scopePredicate } from "../../search/scope.ts";
import type { Scope } from "../../search/scope.ts";
import { BACKTEST_LIMITS, BACKTEST_RECORD, backtestPeriod, counted, recordOf } from "../backtest.ts";
import type { Backtest, BacktestRecord, Found, Period } from "../backtest.ts";
import { MAX_BACKTEST_SAMPLE } from "../limits.ts";
import { ABSENT_REACH_S, FAILED, measuredConditions } from "./measure-sql.ts";
import { seenWords } from "./measure-words.ts";
import { pastStatement } from "./past-sql.ts";
import type { PastRow } from "./past-sql.ts";
import type { Measure } from "./read-measure.ts";

type Latest = PastRow["latest"][number];

/**
 * Within what the reader may see. The sample's records are the last ones that it was of, before it would have fired.
 * Errors: `query_timeout`, `query_limit`, `index_unavailable`, `bad_request`.
 */
export async function backtestMeasure(
  reader: IndexReader,
  scope: Scope,
  measure: Measure,
  asked: Period,
  signal?: AbortSignal,
): Promise<Backtest> {
  const past = backtestPeriod(asked);
  const statement = pastStatement(measure, scope, past);
  if (statement === null)
    throw new TallystickError("bad_request", "The age of checkpoints is not in records, so it has no past to try.");
  const { rows, elapsedMs } = await reader.select<PastRow>(statement, BACKTEST_LIMITS, signal);
  const latest = rows
    .flatMap((row) => row.latest)
    .toSorted(([one], [other]) => other - one)
    .slice(0, MAX_BACKTEST_SAMPLE);
  const shown = await recordsOf(reader, scope, measure, latest, signal);
  return {
    ...counted(rows, past, elapsedMs),
    sample: shown,
    fired: latest.map((one) => firedOf(measure, one, past.toUs)),
  };
}

function firedOf(measure: Measure, [fired, labels, since, until, figure, before, calls]: Latest, toUs: number) {
  return {
    labels: Object.fromEntries(measure.groupBy.map((name, at) => [name, labels[at] ?? ""])),
    since: formatTimestamp(since),
    fired_at: formatTimestamp(fired),
    over_at: until >= toUs ? null : formatTimestamp(until),
    seen: seenWords(measure, figure, measure.relativeToS === null ? null : before),
    calls,
  };
}

/** One of each, where there is one. */
async function recordsOf(
  reader: IndexReader,
  scope: Scope,
  measure: Measure,
  latest: readonly Latest[],
  signal?: AbortSignal,
): Promise<readonly BacktestRecord[]> {
  if (latest.length === 0) return [];
  const params = new Params();
  const visible = scopePredicate(scope, params);
  const always = [`(${visible})`, ...measuredConditions(measure, params)];
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, Math.floor(us)), "Int64")}, 'UTC')`;
  const { of, windowS, relativeToS } = measure;
  const reachUs = (windowS + (relativeToS ?? 0) + (of === "absent" ? ABSENT_REACH_S : 0)) * 1_000_000;
  const selects = latest.map(([fired, labels, since]) => {
    const where = [
      ...always,
      `observed_received_at >= ${at(since - reachUs)}`,
      `observed_received_at < ${at(of === "absent" ? since : fired + 1)}`,
      ...measure.groupBy.map((name, place) => `${name} = ${params.text(labels[place] ?? "")}`),
      ...(of === "error_ratio" ? [FAILED] : []),
    ];
    return `(SELECT ${BACKTEST_RECORD} AS found FROM records WHERE ${where.join(" AND ")} ORDER BY observed_received_at DESC LIMIT 1)`;
  });
  const statement = params.statement(selects.join(" UNION ALL "));
  const { rows } = await reader.select<{ readonly found: Found }>(statement, BACKTEST_LIMITS, signal);
  return rows.map(({ found }) => recordOf(found));
}
