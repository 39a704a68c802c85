/**
 * What is said of an edge or of a clock as a whole, rather than of a call: an edge that is seen from both sides far
 * less than it used to be, and two clocks that lie too far apart. Looked for once a minute over what is settled; an
 * edge is told once an hour, a pair of recorders once a day, whatever is killed.
 */
import { formatTimestamp } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Deriver } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { newest } from "./edges.ts";
import {
  COVERAGE_DROP_CALLS,
  COVERAGE_DROP_MINUTES,
  COVERAGE_DROP_SHARE,
  COVERAGE_HISTORY_HOURS,
  COVERAGE_LEARNED_CALLS,
  MAX_FINDINGS,
  FINDING_LOOKS_AT_ONCE,
  SKEW_HOURS,
  SKEW_MIN_CALLS,
  STEP_LIMITS,
} from "./limits.ts";
import { CALLS, EDGES_1M, SKEWS, WRITTEN } from "./schema.ts";
import type { AppendVerdicts } from "./summaries.ts";
import { groupByLog, notYetTold } from "./told.ts";
import type { Told } from "./told.ts";
import { ATTRIBUTE, ownVerdict } from "./verdict.ts";

export class Findings {
  readonly #deriver: Deriver;
  readonly #append: AppendVerdicts;
  readonly #clockLimitUs: number;
  /** The next minute to look from; null: from where the tally is. Seconds since the epoch. */
  #nextS: number | null = null;

  constructor(deriver: Deriver, append: AppendVerdicts, clockLimitUs: number) {
    this.#deriver = deriver;
    this.#append = append;
    this.#clockLimitUs = clockLimitUs;
  }

  recover(): void {
    this.#nextS = null;
  }

  /** `wholeS`: calls first received before that minute are settled. False: there are more minutes to look from. */
  async look(wholeS: number): Promise<boolean> {
    let atS = this.#nextS ?? wholeS;
    for (let looks = 0; atS <= wholeS && looks < FINDING_LOOKS_AT_ONCE; looks++) {
      await this.#lookFrom(atS);
      // Far behind, a look at each window is enough.
      atS += wholeS - atS > COVERAGE_DROP_MINUTES * 60 ? COVERAGE_DROP_MINUTES * 60 : 60;
      this.#nextS = atS;
    }
    return atS > wholeS;
  }

  async #lookFrom(atS: number): Promise<void> {
    const edges = await this.#deriver.select<DroppedEdge>(droppedEdges(atS), STEP_LIMITS);
    const clocks = await this.#deriver.select<SkewedPair>(skewedPairs(atS, this.#clockLimitUs), STEP_LIMITS);
    const told = [
      ...edges.map((edge) => ({ log: edge.log, record: coverageRecord(edge, atS) })),
      ...clocks.map((pair) => ({ log: pair.log, record: skewRecord(pair, atS, this.#clockLimitUs) })),
    ];
    const missing: readonly Told[] = await notYetTold(this.#deriver, told, STEP_LIMITS);
    for (const [log, records] of groupByLog(missing)) await this.#append(log, records);
  }
}

interface DroppedEdge {
  readonly log: string;
  readonly caller: string;
  readonly callee: string;
  readonly paired: number;
  readonly caller_only: number;
  readonly callee_only: number;
  readonly learned_paired: number;
  readonly learned_calls: number;
}

/** Edges that paired below a share of their learned coverage in the minutes before `atS`. */
function droppedEdges(atS: number): Statement {
  const params = new Params();
  const at = (seconds: number) => `toDateTime(${params.add(seconds, "Int64")}, 'UTC')`;
  const startS = atS - COVERAGE_DROP_MINUTES * 60;
  const within = `minute >= ${at(startS - COVERAGE_HISTORY_HOURS * 3_600)} AND minute < ${at(atS)}`;
  const isNow = `minute >= ${at(startS)}`;
  const now = (sum: string) => `sumIf(${sum}, ${isNow})`;
  const before = (sum: string) => `sumIf(${sum}, NOT (${isNow}))`;
  return params.statement(
    `SELECT log, caller, callee, ${now("matched + discrepant")} AS paired, ${now("caller_only")} AS caller_only,
  ${now("callee_only")} AS callee_only, ${before("matched + discrepant")} AS learned_paired,
  ${before("calls")} AS learned_calls
FROM ${EDGES_1M.name} WHERE ${within} AND ${newest(EDGES_1M, within)} GROUP BY log, caller, callee
HAVING ${now("calls")} >= ${COVERAGE_DROP_CALLS} AND learned_calls >= ${COVERAGE_LEARNED_CALLS}
  AND paired / ${now("calls")} < learned_paired / learned_calls * ${COVERAGE_DROP_SHARE}
ORDER BY ${now("calls")} DESC LIMIT ${MAX_FINDINGS}`,
  );
}

const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)}%`;

function coverageRecord(edge: DroppedEdge, atS: number): AuditRecord {
  const calls = edge.paired + edge.caller_only + edge.callee_only;
  const learned = percent(edge.learned_paired, edge.learned_calls);
  const seen = (alone: number) =>
    `recorded ${percent(edge.paired + alone, calls)} of ${calls} calls in ${COVERAGE_DROP_MINUTES} minutes`;
  return ownVerdict({
    about: ["coverage", edge.log, edge.caller, edge.callee, String(Math.floor(atS / 3_600))],
    operation: "coverage",
    timestampUs: atS * 1_000_000,
    requestId: null,
    status: "error",
    attributes: {
      [ATTRIBUTE.caller]: edge.caller,
      [ATTRIBUTE.callee]: edge.callee,
      [ATTRIBUTE.field]: "coverage",
      [ATTRIBUTE.callerValue]: seen(edge.caller_only),
      [ATTRIBUTE.calleeValue]: seen(edge.callee_only),
      [ATTRIBUTE.tolerance]: `half of the ${learned} of ${edge.learned_calls} calls that both sides recorded before`,
    },
  });
}

interface SkewedPair {
  readonly log: string;
  readonly caller: string;
  readonly callee: string;
  readonly skew: number;
}

/** Pairs of recorders whose clocks are further apart than the limit, and the log in which most of their calls lie. */
function skewedPairs(atS: number, limitUs: number): Statement {
  const params = new Params();
  const at = (seconds: number) => `toDateTime(${params.add(seconds, "Int64")}, 'UTC')`;
  const minutes = (hours: number) => `minute >= ${at(atS - hours * 3_600)} AND minute < ${at(atS)}`;
  const apart = `SELECT c_recorder_id, d_recorder_id, quantileExactWeighted(0.5)(skew_us, calls) AS skew,
    sum(calls) AS seen
  FROM ${SKEWS.name} WHERE ${WRITTEN} AND ${minutes(SKEW_HOURS)} GROUP BY c_recorder_id, d_recorder_id
  HAVING seen >= ${SKEW_MIN_CALLS} AND abs(skew) > ${params.add(limitUs, "Int64")}
  ORDER BY abs(skew) DESC LIMIT ${MAX_FINDINGS}`;
  return params.statement(
    `SELECT topK(1)(toString(log))[1] AS log, c_recorder_id AS caller, d_recorder_id AS callee, any(skew) AS skew
FROM ${CALLS.name} INNER JOIN (${apart}) AS apart USING (c_recorder_id, d_recorder_id)
WHERE ${minutes(1)} GROUP BY c_recorder_id, d_recorder_id`,
  );
}

function skewRecord({ caller, callee, skew }: SkewedPair, atS: number, limitUs: number): AuditRecord {
  const day = formatTimestamp(atS * 1_000_000).slice(0, 10);
  return ownVerdict({
    about: ["clock_skew", caller, callee, day],
    operation: "clock_skew",
    timestampUs: atS * 1_000_000,
    requestId: null,
    status: "error",
    attributes: {
      [ATTRIBUTE.caller]: caller,
      [ATTRIBUTE.callee]: callee,
      [ATTRIBUTE.field]: "timestamp",
      [ATTRIBUTE.callerValue]: "0 us",
      [ATTRIBUTE.calleeValue]: `${skew} us by the median of the calls that both recorded`,
      [ATTRIBUTE.tolerance]: `${limitUs} us`,
    },
  });
}
