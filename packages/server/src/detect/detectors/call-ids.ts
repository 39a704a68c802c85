/**
 * The ids of the calls that findings show. Hardly any record of a range is shown, and to read of which call each one
 * is would be a quarter of what the range costs.
 */
import type { Deriver } from "../../index/derived-tables.ts";
import { Params } from "../../search/compile/sql.ts";
import type { Finding } from "../finding.ts";
import { STEP_LIMITS } from "./detector-limits.ts";
import { within } from "./range-table.ts";
import type { Range } from "./range-table.ts";

/** What the findings' records have no id of is looked up among the records of the range. */
export async function withCallIds(
  deriver: Pick<Deriver, "select">,
  range: Range,
  findings: readonly Finding[],
): Promise<readonly Finding[]> {
  const records = findings.flatMap((finding) => finding.records);
  const leaves = new Set(records.filter(({ callId }) => callId === "").map(({ leafIndex }) => leafIndex));
  if (leaves.size === 0) return findings;
  const params = new Params();
  const wanted = params.add([...leaves], "Array(Int64)");
  const rows = await deriver.select<{ readonly leaf_index: number; readonly call_id: string }>(
    params.statement(
      `SELECT leaf_index, call_id FROM records
WHERE ${within(range, params)} AND leaf_index IN (SELECT arrayJoin(${wanted}))`,
    ),
    STEP_LIMITS,
  );
  const ids = new Map(rows.map(({ leaf_index: leafIndex, call_id: callId }) => [leafIndex, callId]));
  return findings.map((finding) => ({
    ...finding,
    records: finding.records.map((record) => ({
      ...record,
      callId: record.callId || (ids.get(record.leafIndex) ?? ""),
    })),
  }));
}
