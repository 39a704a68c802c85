/**
 * Calls that are not settled yet, by edge, as their records say at the moment: which half is missing, whether the two
 * agree and who an address is may still turn out. They are in no table, so the records are read.
 */
import { formatTimestamp } from "@tallystick/record";

import { Params } from "../search/compile/sql.ts";
import { scopePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { IS_HALF, receivedBetween } from "./halves.ts";
import type { Knowledge } from "./judge.ts";
import { MAX_GRAPH_EDGES } from "./limits.ts";
import { limitsFor, OWN_SETTINGS } from "./reading.ts";
import type { Edge, PeriodUs, TallySources } from "./reading.ts";
import { CALLS, WRITTEN } from "./schema.ts";

export interface PendingEdge extends Edge {
  readonly calls: number;
  /** Of them with error or timeout, as far as is known. */
  readonly errors: number;
  readonly first_seen: string;
  readonly last_seen: string;
}

export interface PendingRequest {
  /** When a call's first half was received. */
  readonly period: PeriodUs;
  /** Calls first received before then are settled. */
  readonly sinceUs: number;
  /** Over the columns caller, callee and protocol. */
  readonly predicate: (params: Params) => string;
  readonly names: Pick<Knowledge, "aliasNames" | "aliasServices">;
}

interface PendingRow extends Edge {
  readonly calls: number;
  readonly errors: number;
  readonly first_us: number;
  readonly last_us: number;
}

/** Most calls first. */
export async function readPending(
  { reader, clock }: TallySources,
  scope: Scope,
  { period, sinceUs, predicate, names }: PendingRequest,
  signal?: AbortSignal,
): Promise<readonly PendingEdge[]> {
  const params = new Params();
  const fromUs = Math.max(sinceUs, period.fromUs ?? 0);
  const received = receivedBetween(fromUs, Math.min(period.toUs ?? Infinity, clock.nowUs() + 1), params);
  const known = [params.add(names.aliasNames, "Array(String)"), params.add(names.aliasServices, "Array(String)")];
  const name = (column: string) => `transform(toString(${column}), ${known.join(", ")}, toString(${column}))`;
  const party = (side: string, column: string) =>
    `if(countIf(side = '${side}') > 0, anyIf(toString(${column}), side = '${side}'), any(${name(column)}))`;
  // The minute of a settled call is that of its first half, which may be older than its other one.
  const settledSince = params.add(Math.floor(sinceUs / 1_000_000) - 120, "Int64");
  const settled = `SELECT call_key FROM ${CALLS.name} WHERE ${WRITTEN} AND minute >= toDateTime(${settledSince}, 'UTC')`;
  const statement = params.statement(
    `SELECT caller, callee, count() AS calls, countIf(status IN ('error', 'timeout')) AS errors,
  min(us) AS first_us, max(us) AS last_us
FROM (
  SELECT call_key, ${party("caller", "service_id")} AS caller, ${party("callee", "target_id")} AS callee,
    any(protocol) AS protocol, if(countIf(side = 'caller') > 0, anyIf(status, side = 'caller'), any(status)) AS status,
    toUnixTimestamp64Micro(min(observed_received_at)) AS us
  FROM records
  WHERE ${received} AND ${IS_HALF} AND ${scopePredicate(scope, params)} AND call_key NOT IN (${settled})
  GROUP BY call_key
) WHERE ${predicate(params)} GROUP BY caller, callee ORDER BY count() DESC, caller, callee${OWN_SETTINGS}`,
  );
  const { rows } = await reader.select<PendingRow>(statement, limitsFor(MAX_GRAPH_EDGES), signal);
  return rows.map(({ first_us: firstUs, last_us: lastUs, ...row }) => ({
    ...row,
    first_seen: formatTimestamp(firstUs),
    last_seen: formatTimestamp(lastUs),
  }));
}
