/**
 * How much of an edge is seen from both sides. An edge that is sampled or half instrumented loses halves all the
 * time; one that was whole until now does not, and there each missing half is a break.
 */
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { edgeName } from "./deadlines.ts";
import { newest } from "./edges.ts";
import { IS_HALF, receivedBetween } from "./halves.ts";
import type { DueWindow } from "./halves.ts";
import {
  AHEAD_ROWS,
  COVERAGE_FIRST_CALLS,
  COVERAGE_FIRST_SHARE,
  COVERAGE_HISTORY_HOURS,
  COVERAGE_LEARNED_CALLS,
  COVERAGE_WHOLE,
  MAX_EDGES,
} from "./limits.ts";
import { EDGES_1M, SETTLING } from "./schema.ts";

export interface EdgeHalves {
  readonly caller: string;
  readonly callee: string;
  readonly paired: number;
  readonly caller_only: number;
  readonly callee_only: number;
}

export function sumOf(one: EdgeHalves, other: EdgeHalves): EdgeHalves {
  return {
    ...one,
    paired: one.paired + other.paired,
    caller_only: one.caller_only + other.caller_only,
    callee_only: one.callee_only + other.callee_only,
  };
}

const callsOf = (edge: EdgeHalves): number => edge.paired + edge.caller_only + edge.callee_only;

/** Edges as they were in the hours before `minute` (seconds since the epoch). */
export function learnedHalves(minute: number): Statement {
  const params = new Params();
  const from = params.add(minute - COVERAGE_HISTORY_HOURS * 3_600, "Int64");
  const to = params.add(minute, "Int64");
  const within = `minute >= toDateTime(${from}, 'UTC') AND minute < toDateTime(${to}, 'UTC')`;
  return params.statement(
    `SELECT caller, callee, sum(matched) + sum(discrepant) AS paired, sum(caller_only) AS caller_only,
      sum(callee_only) AS callee_only
FROM ${EDGES_1M.name} WHERE ${within} AND ${newest(EDGES_1M, within)} GROUP BY caller, callee
ORDER BY sum(calls) DESC LIMIT ${params.add(MAX_EDGES, "UInt64")}`,
  );
}

/** Edges in the step under way. */
export const SETTLING_HALVES: Statement = {
  sql: `SELECT if(callers > 0, c_service_id, d_service_id) AS caller, if(callees > 0, d_target_id,
    c_target_id) AS callee,
  countIf(callers > 0 AND callees > 0) AS paired, countIf(callees = 0) AS caller_only,
    countIf(callers = 0) AS callee_only
FROM ${SETTLING.name} WHERE late = 0 GROUP BY caller, callee ORDER BY count() DESC LIMIT ${MAX_EDGES}`,
  params: {},
};

/**
 * The same edges by the calls around the step: those that began within a deadline before its own, and those after it
 * of which both halves have had time to come. Asked for edges of which nothing is learned yet, by the names of those
 * that record them.
 */
export function aheadHalves(
  edges: readonly EdgeHalves[],
  window: DueWindow,
  deadlineUs: number,
  callsInWindow: number,
): Statement {
  const params = new Params();
  const names = params.add([...new Set(edges.flatMap(({ caller, callee }) => [caller, callee]))], "Array(String)");
  const begun = params.add(window.fromUs - 2 * deadlineUs, "Int64");
  const timely = params.add(window.toUs - Math.floor(deadlineUs / 2), "Int64");
  // Of many calls some, and those with all of their halves.
  const spanUs = window.toUs - window.fromUs;
  const halves = (2 * callsInWindow * (spanUs + 3 * deadlineUs)) / spanUs;
  const oneOf = params.add(Math.ceil(halves / AHEAD_ROWS), "UInt64");
  const half = (name: string, side: string) => `anyIf(${name}, side = '${side}')`;
  return params.statement(
    `SELECT if(callers > 0, c_service, d_service) AS caller, if(callees > 0, d_target, c_target) AS callee,
  countIf(callers > 0 AND callees > 0) AS paired, countIf(callees = 0) AS caller_only,
  countIf(callers = 0) AS callee_only
FROM (
  SELECT call_key, min(us) AS first_us, countIf(side = 'caller') AS callers, countIf(side = 'callee') AS callees,
    ${half("service_id", "caller")} AS c_service, ${half("service_id", "callee")} AS d_service,
    ${half("target_id", "caller")} AS c_target, ${half("target_id", "callee")} AS d_target
  FROM (
    SELECT call_key, side, service_id, target_id, toUnixTimestamp64Micro(observed_received_at) AS us FROM records
    WHERE ${receivedBetween(window.fromUs - 3 * deadlineUs, window.toUs, params)} AND ${IS_HALF}
      AND recorder_id IN (${names}) AND call_key % ${oneOf} = 0
  ) GROUP BY call_key HAVING first_us >= ${begun} AND first_us < ${timely}
) GROUP BY caller, callee ORDER BY count() DESC LIMIT ${MAX_EDGES}`,
  );
}

/** Of the edges of a step and its minute, those with lone halves of which too little is known. */
export function unlearned(learned: readonly EdgeHalves[], now: readonly EdgeHalves[]): readonly EdgeHalves[] {
  const known = new Set(
    learned
      .filter((edge) => callsOf(edge) >= COVERAGE_LEARNED_CALLS)
      .map(({ caller, callee }) => edgeName(caller, callee)),
  );
  return now.filter(
    (edge) =>
      edge.caller_only + edge.callee_only > 0 &&
      callsOf(edge) < COVERAGE_FIRST_CALLS &&
      !known.has(edgeName(edge.caller, edge.callee)),
  );
}

export interface Sampled {
  /** Edges (`edgeName`) whose caller's halves often stand alone. */
  readonly callers: readonly string[];
  readonly callees: readonly string[];
}

export function sampledEdges(learned: readonly EdgeHalves[], now: readonly EdgeHalves[]): Sampled {
  const before = new Map(learned.map((edge) => [edgeName(edge.caller, edge.callee), edge]));
  const callers: string[] = [];
  const callees: string[] = [];
  for (const edge of now) {
    const name = edgeName(edge.caller, edge.callee);
    const known = before.get(name);
    if (isSampled(known?.paired ?? 0, known?.caller_only ?? 0, edge.paired, edge.caller_only)) callers.push(name);
    if (isSampled(known?.paired ?? 0, known?.callee_only ?? 0, edge.paired, edge.callee_only)) callees.push(name);
  }
  return { callers, callees };
}

/** By what was learned, or, of an edge that is new, by what there is of it. */
function isSampled(learnedPaired: number, learnedAlone: number, paired: number, alone: number): boolean {
  if (alone === 0) return false;
  const learned = learnedPaired + learnedAlone;
  if (learned >= COVERAGE_LEARNED_CALLS) return learnedPaired / learned < COVERAGE_WHOLE;
  const all = learned + paired + alone;
  return all >= COVERAGE_FIRST_CALLS && paired > 0 && (learnedPaired + paired) / all < COVERAGE_FIRST_SHARE;
}
