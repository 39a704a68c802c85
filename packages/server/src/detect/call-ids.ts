/**
 * The ids of the calls that findings show. Hardly any record is shown, and to read of which call each one is would be a
 * quarter of what the detectors do with a range, and up to half of what a pass does.
 */
import type { Statement } from "../index/index-seam.ts";
import type { ReadRange } from "../index/newest.ts";
import { Params } from "../search/compile/sql.ts";
import type { Finding } from "./finding.ts";
import { MAX_ASKED_CALLS } from "./limits.ts";
import { withinRange } from "./pass-sql.ts";

export interface CallRow {
  readonly leaf_index: number;
  readonly call_id: string;
}

/** What the findings' records have no id of is asked for among the records of the range. */
export async function withCallIds(
  findings: readonly Finding[],
  range: ReadRange,
  ask: (statement: Statement) => Promise<readonly CallRow[]>,
): Promise<readonly Finding[]> {
  const records = findings.flatMap((finding) => finding.records);
  const wanted = [...new Set(records.filter(({ callId }) => callId === "").map(({ leafIndex }) => leafIndex))];
  const ids = new Map<number, string>();
  for (let at = 0; at < wanted.length; at += MAX_ASKED_CALLS)
    for (const row of await ask(callIds(range, wanted.slice(at, at + MAX_ASKED_CALLS))))
      ids.set(row.leaf_index, row.call_id);
  if (ids.size === 0) return findings;
  return findings.map((finding) => ({
    ...finding,
    records: finding.records.map((one) => ({ ...one, callId: one.callId || (ids.get(one.leafIndex) ?? "") })),
  }));
}

function callIds(range: ReadRange, leaves: readonly number[]): Statement {
  const params = new Params();
  return params.statement(
    `SELECT leaf_index, call_id FROM ${range.table}
WHERE ${withinRange(range, params)} AND leaf_index IN (SELECT arrayJoin(${params.add(leaves, "Array(Int64)")}))`,
  );
}
