/**
 * Calls that show a deviation, one record each: of what failed the first, of what was slow the slowest, of what was
 * large the largest, else the newest of the hour. Asked for once, when a deviation is first told, and first for those
 * that notify somebody; without them it is told too.
 */
import type { Deriver } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import { Params } from "../../search/compile/sql.ts";
import { recordOf } from "../detectors/detector.ts";
import type { Place } from "../detectors/detector.ts";
import { OWN, PLACE } from "../detectors/range-table.ts";
import type { Finding, FindingRecord } from "../finding.ts";
import { EXAMPLE_LIMITS, MAX_EXAMPLES, MAX_SHOWN_FINDINGS } from "./baseline-limits.ts";
import { baselineRule, EDGE_NAMES } from "./judge.ts";
import { HOUR_US } from "./traffic.ts";

interface Wanted {
  readonly only: string;
  readonly first: string;
}

const SIZE = "greatest(request_size, 0) + greatest(response_size, 0)";
const NEWEST: Wanted = { only: "1", first: "observed_received_at DESC" };
const WANTED: Readonly<Record<string, Wanted>> = {
  [baselineRule("errors")]: { only: "status IN ('error', 'timeout')", first: "observed_received_at" },
  [baselineRule("latency")]: { only: "duration_us >= 0", first: "duration_us DESC" },
  [baselineRule("size")]: { only: "1", first: `${SIZE} DESC` },
};

/** The findings with records: those of what is told of already (null: it is not), else of the hour up to `toUs`. */
export async function withExamples(
  deriver: Pick<Deriver, "select">,
  findings: readonly Finding[],
  toldOf: (finding: Finding) => readonly FindingRecord[] | null,
  toUs: number,
): Promise<readonly Finding[]> {
  const shown: Finding[] = [];
  let asked = 0;
  for (const finding of findings.toSorted((a, b) => Number(a.quiet) - Number(b.quiet))) {
    const known = toldOf(finding);
    const isAsked = known === null && finding.labels["caller"] !== undefined && asked < MAX_SHOWN_FINDINGS;
    if (isAsked) asked += 1;
    const places = isAsked ? await examplesOf(deriver, finding, toUs) : [];
    // An engine that is busy is asked no more: the findings are worth more than their examples.
    if (places === null) asked = MAX_SHOWN_FINDINGS;
    shown.push({ ...finding, records: known ?? (places ?? []).map(recordOf) });
  }
  return shown;
}

const examplesOf = (deriver: Pick<Deriver, "select">, finding: Finding, toUs: number) =>
  deriver.select<Place>(examples(finding, toUs), EXAMPLE_LIMITS).catch(() => null);

function examples({ ruleId, labels }: Finding, toUs: number): Statement {
  const params = new Params();
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(us, "Int64")}, 'UTC')`;
  const { only, first } = WANTED[ruleId] ?? NEWEST;
  const names = EDGE_NAMES.map((name) => `${name} = ${params.text(labels[name] ?? "")}`);
  return params.statement(
    `SELECT place.1 AS tree, place.2 AS leaf_index, place.3 AS call_id FROM (
  SELECT ${PLACE} AS place FROM (SELECT *, call_id FROM records WHERE ${names.join(" AND ")}
    AND observed_received_at >= ${at(toUs - HOUR_US)} AND observed_received_at < ${at(toUs)}
    AND side != 'observer' AND phase != 'intent' AND NOT (${OWN}) AND ${only})
  ORDER BY ${first}, tree, leaf_index LIMIT 1 BY call_id LIMIT ${params.add(MAX_EXAMPLES, "UInt64")})`,
  );
}
