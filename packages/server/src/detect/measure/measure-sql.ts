/** A measure as SQL: the figure of each group at a moment. */
import type { Statement } from "../../index/index-seam.ts";
import { OWN_LOGS } from "../../control/own-logs.ts";
import { Params } from "../../search/compile/sql.ts";
import { WHOLE_SCOPE } from "../../search/scope.ts";
import { edgeRows, timePredicate } from "../../tally/reading.ts";
import { CALLS, STANDING } from "../../tally/schema.ts";
import type { Measure } from "./read-measure.ts";

export interface MeasuredRow {
  /** Of `groupBy`. */
  readonly labels: readonly string[];
  readonly figure: number;
  /** What it was in the time before; null where it stands by itself. */
  readonly before: number | null;
  readonly calls: number;
  /** Records that show it: tree, leaf, call. */
  readonly records: readonly (readonly [string, number, string])[];
}

const EXAMPLES = 5;
/** Groups that a measure looks at. */
export const MAX_MEASURED_GROUPS = 1_000;

/** Null: the measure is not of records. */
export function measureStatement(measure: Measure, nowUs: number): Statement | null {
  if (measure.of === "checkpoint_age") return null;
  const params = new Params();
  const sql = measure.of === "match_rate" ? matchRate(measure, nowUs, params) : ofRecords(measure, nowUs, params);
  return params.statement(`${sql} ORDER BY calls DESC LIMIT ${MAX_MEASURED_GROUPS}`);
}

export const FAILED = "status IN ('error', 'timeout')";

/** Of a call both ends may have a record: it is counted by the end that tells of most. */
const callsOf = (within: string): string =>
  `greatest(countIf(${within} AND side = 'caller'), countIf(${within} AND side = 'callee'), countIf(${within} AND side = 'observer'))`;

/** Conditions on records that a measure takes, beside the time. */
export function measuredConditions({ where }: Measure, params: Params): readonly string[] {
  return [
    `NOT has(${params.add(OWN_LOGS, "Array(String)")}, log)`,
    "observed_principal != 'tallystick'",
    "phase = 'outcome'",
    ...[...where].map(([name, value]) => `${name} = ${params.text(value)}`),
  ];
}

function ofRecords(measure: Measure, nowUs: number, params: Params): string {
  const { groupBy, windowS, relativeToS, of } = measure;
  const at = (us: number) => `fromUnixTimestamp64Micro(${params.add(Math.max(0, Math.floor(us)), "Int64")}, 'UTC')`;
  const startUs = nowUs - windowS * 1_000_000;
  const reachS = of === "absent" ? ABSENT_REACH_S : (relativeToS ?? 0);
  const inside = `observed_received_at >= ${at(startUs)}`;
  const labels = groupBy.map((name) => `toString(${name})`);
  const conditions = [
    `observed_received_at >= ${at(startUs - reachS * 1_000_000)}`,
    `observed_received_at < ${at(nowUs)}`,
    ...measuredConditions(measure, params),
  ];
  const counted = of === "absent" ? "1" : relativeToS === null || of === "error_ratio" ? inside : `NOT (${inside})`;
  return (
    `SELECT [${labels.join(", ")}] AS labels, ${figure(of, inside, windowS, nowUs)} AS figure, ` +
    `${relativeToS === null ? "NULL" : figure(of, `NOT (${inside})`, relativeToS, nowUs)} AS before, ` +
    `${callsOf(counted)} AS calls, ${examples(of, inside)} AS records ` +
    `FROM records WHERE ${conditions.join(" AND ")} GROUP BY labels`
  );
}

/** Records of the window that show it, in the order in which they came; of who is silent the last one that there was. */
function examples(of: Measure["of"], inside: string): string {
  const record = "(tree, leaf_index, call_id)";
  if (of === "absent") return `[argMax(${record}, observed_received_at)]`;
  const sorted = (groups: string) => `arrayMap(one -> one.2, ${groups})`;
  const placed = "(observed_received_at, (toString(tree), leaf_index, call_id))";
  // Of the few that failed the first ones, of all any: to find the first of many takes eight times as long.
  if (of === "error_ratio") return sorted(`groupArraySortedIf(${EXAMPLES})(${placed}, ${inside} AND ${FAILED})`);
  return sorted(`arraySort(groupArrayIf(${EXAMPLES})(${placed}, ${inside}))`);
}

/** Who was silent for longer is forgotten: the alert that there was of it stays. */
export const ABSENT_REACH_S = 86_400;

function figure(of: Measure["of"], within: string, spanS: number, nowUs: number): string {
  switch (of) {
    case "rate":
      return `${callsOf(within)} / ${spanS}`;
    case "error_ratio":
      return `if(countIf(${within}) = 0, 0, countIf(${within} AND ${FAILED}) / countIf(${within}))`;
    case "p95":
      return `ifNotFinite(quantileIf(0.95)(duration_us, ${within} AND duration_us >= 0), 0) / 1000`;
    default:
      return `(${Math.floor(nowUs)} - toUnixTimestamp64Micro(max(observed_received_at))) / 1000000`;
  }
}

const UNMATCHED = ["discrepant", "unpaired_caller", "unpaired_callee"];
const MINUTE_US = 60_000_000;

/**
 * Of a match rate, the first calls of the window that did not match, of the groups given. The tally counts by the
 * minute and names no call in it, so that this is asked only of what is to be told.
 */
export function unmatchedStatement(
  { groupBy, windowS }: Measure,
  groups: readonly (readonly string[])[],
  nowUs: number,
): Statement {
  const params = new Params();
  const labels = `[${groupBy.map((name) => `toString(${name})`).join(", ")}]`;
  const startUs = Math.floor((nowUs - windowS * 1_000_000) / MINUTE_US) * MINUTE_US;
  const minutes = timePredicate({ time: "minute" }, { fromUs: startUs, toUs: nowUs }, params);
  const keys = params.add(
    groups.map((group) => group.join("\n")),
    "Array(String)",
  );
  const half = "if(callers > 0, (toString(c_tree), c_leaf_index), (toString(d_tree), d_leaf_index))";
  const record = `((${half}) AS half).1, half.2, call_id`;
  return params.statement(
    `SELECT CAST(${labels}, 'Array(String)') AS labels,
  arrayMap(one -> one.2, groupArraySorted(${EXAMPLES})((first_us, (${record})))) AS records
FROM ${CALLS.name} WHERE ${minutes} AND state IN (${UNMATCHED.map((state) => `'${state}'`).join(", ")})
  AND has(${keys}, arrayStringConcat(CAST(${labels}, 'Array(String)'), '\n')) AND ${STANDING}
GROUP BY labels LIMIT ${MAX_MEASURED_GROUPS}`,
  );
}

function matchRate({ groupBy, windowS, where }: Measure, nowUs: number, params: Params): string {
  const period = { fromUs: nowUs - windowS * 1_000_000, toUs: nowUs };
  const { from } = edgeRows(period, nowUs, WHOLE_SCOPE, params);
  const labels = groupBy.map((name) => `toString(${name})`);
  const only = [...where].map(([name, value]) => ` AND ${name} = ${params.text(value)}`).join("");
  const sum = (state: string) => `sum(${state})`;
  const compared = `(${["matched", ...UNMATCHED].map(sum).join(" + ")})`;
  return (
    `SELECT [${labels.join(", ")}] AS labels, if(${compared} = 0, 1, ${sum("matched")} / ${compared}) AS figure, NULL AS before, ` +
    `toUInt64(${compared}) AS calls, CAST([], 'Array(Tuple(String, Int64, String))') AS records ${from}${only} GROUP BY labels`
  );
}
