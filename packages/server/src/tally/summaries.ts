/**
 * One summary a minute: how many calls of which edge are in which state, so that the calls that agreed are provable
 * too, and a verdict that was taken out is missed.
 *
 * A minute of a log is summed up once it is wholly settled: every call that was first received in it is due. It is
 * said once, as it stood then; what a late half changes later is told by that call's own verdicts. Where to go on is
 * read from the log, and each record is looked up before it is written, so a restart repeats nothing.
 */
import { formatTimestamp } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Deriver } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { inState, MAP_CALLER, EDGE_STATES } from "./edges.ts";
import { MAX_EDGES, SUMMARY_BATCH, SUMMARY_BYTES, SUMMARY_EDGES, SUMMARY_MINUTES_AT_ONCE } from "./limits.ts";
import { CALLS, STANDING } from "./schema.ts";
import { STEP_LIMITS } from "./limits.ts";
import { groupByLog, notYetTold } from "./told.ts";
import type { Told } from "./told.ts";
import { ATTRIBUTE, ownVerdict, SUMMARY, VERDICT_TYPE } from "./verdict.ts";

export type AppendVerdicts = (log: string, records: readonly AuditRecord[]) => Promise<void>;

export class Summaries {
  readonly #deriver: Deriver;
  readonly #append: AppendVerdicts;
  /** Minutes before it are summed up. Seconds since the epoch. */
  #fromS = 0;

  constructor(deriver: Deriver, append: AppendVerdicts) {
    this.#deriver = deriver;
    this.#append = append;
  }

  /** The last minute that the log has a summary of may lack that of another log: it is looked at again. */
  async recover(): Promise<void> {
    const sql = `SELECT toUnixTimestamp(max(timestamp)) AS at FROM records WHERE service_id = 'tallystick'
  AND observed_principal = 'tallystick' AND event_type = '${VERDICT_TYPE}' AND operation = '${SUMMARY}'`;
    const [last] = await this.#deriver.select<{ at: number }>({ sql, params: {} }, STEP_LIMITS);
    this.#fromS = Math.max(0, last?.at ?? 0);
  }

  /** `wholeS`: calls first received before that minute are settled. False: there are more minutes to sum up. */
  async write(wholeS: number): Promise<boolean> {
    if (this.#fromS >= wholeS) return true;
    const found = await this.#deriver.select<{ at: number }>(minutesWithCalls(this.#fromS, wholeS), STEP_LIMITS);
    for (const { at } of found) {
      await this.#sumUp(at);
      this.#fromS = at + 60;
    }
    if (found.length === SUMMARY_MINUTES_AT_ONCE) return false;
    this.#fromS = wholeS;
    return true;
  }

  async #sumUp(minuteS: number): Promise<void> {
    const rows = await this.#deriver.select<SummaryRow>(countMinute(minuteS), STEP_LIMITS);
    const told = [...new Set(rows.map(({ log }) => log))].flatMap((log) => {
      const edges = rows.filter((row) => row.log === log);
      return summaryRecords(log, minuteS, edges).map((record) => ({ log, record }));
    });
    // The first part is written last: where it is, the minute is whole.
    const missing = await this.#lacking(told);
    for (const [log, records] of groupByLog(missing)) {
      const last = records.toReversed();
      for (let from = 0; from < last.length; from += SUMMARY_BATCH)
        await this.#append(log, last.slice(from, from + SUMMARY_BATCH));
    }
  }

  async #lacking(told: readonly Told[]): Promise<readonly Told[]> {
    const missing = await notYetTold(this.#deriver, told, STEP_LIMITS);
    const isFirst = ({ record }: Told) => record.attributes?.[ATTRIBUTE.part] === "1";
    const open = new Set(missing.filter(isFirst).map(({ log }) => log));
    return missing.filter(({ log }) => open.has(log));
  }
}

function minutesWithCalls(fromS: number, toS: number): Statement {
  const params = new Params();
  const at = (seconds: number) => `toDateTime(${params.add(seconds, "Int64")}, 'UTC')`;
  return params.statement(
    `SELECT DISTINCT toUnixTimestamp(minute) AS at FROM ${CALLS.name}
WHERE minute >= ${at(fromS)} AND minute < ${at(toS)} ORDER BY at LIMIT ${SUMMARY_MINUTES_AT_ONCE}`,
  );
}

type State = (typeof EDGE_STATES)[number];

interface SummaryRow extends Readonly<Record<State, number>> {
  readonly log: string;
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
}

/** The busiest edges of each log; those beyond MAX_EDGES are one, `*` to `*`. */
function countMinute(minuteS: number): Statement {
  const params = new Params();
  const minute = `toDateTime(${params.add(minuteS, "Int64")}, 'UTC')`;
  const sums = ["calls", ...EDGE_STATES].map((name) => `sum(${name}) AS ${name}`).join(", ");
  const shown = (name: string) => `if(place <= ${MAX_EDGES}, ${name}, '*') AS shown_${name}`;
  return params.statement(
    `SELECT log, shown_caller AS caller, shown_callee AS callee, ${sums} FROM (
  SELECT *, ${shown("caller")}, ${shown("callee")} FROM (
    SELECT *, row_number() OVER (PARTITION BY log ORDER BY calls DESC, caller, callee) AS place FROM (
      SELECT log, caller, callee, count() AS calls, ${EDGE_STATES.map(inState).join(", ")} FROM (
        SELECT toString(log) AS log, ${MAP_CALLER} AS caller, toString(callee) AS callee, state
        FROM ${CALLS.name} WHERE minute = ${minute} AND ${STANDING}
      ) GROUP BY log, caller, callee
    )
  )
) GROUP BY log, shown_caller, shown_callee ORDER BY log, shown_caller, shown_callee`,
  );
}

/** The records of one minute of a log. */
export function summaryRecords(log: string, minuteS: number, rows: readonly SummaryRow[]): readonly AuditRecord[] {
  const minute = formatTimestamp(minuteS * 1_000_000);
  const calls = rows.reduce((sum, row) => sum + row.calls, 0);
  const parts = partsOf(rows.map(edgeText));
  return parts.map((edges, place) =>
    ownVerdict({
      about: [SUMMARY, log, minute, String(place + 1)],
      operation: SUMMARY,
      timestampUs: minuteS * 1_000_000,
      requestId: `${SUMMARY}/${log}/${minute}`,
      status: "success",
      attributes: {
        [ATTRIBUTE.part]: String(place + 1),
        [ATTRIBUTE.parts]: String(parts.length),
        [ATTRIBUTE.calls]: String(calls),
        [ATTRIBUTE.edges]: `[${edges.join(",")}]`,
      },
    }),
  );
}

/** States without a call are left out. */
function edgeText({ caller, callee, ...counts }: SummaryRow): string {
  const states = EDGE_STATES.filter((state) => counts[state] > 0).map((state) => [state, counts[state]] as const);
  return JSON.stringify({ caller, callee, ...Object.fromEntries(states) });
}

/** As many texts to a part as a record has room for, written as text within text. */
function partsOf(texts: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let roomBytes = 0;
  for (const text of texts) {
    const sizeBytes = Buffer.byteLength(JSON.stringify(text));
    const part = parts.at(-1);
    if (part === undefined || part.length === SUMMARY_EDGES || roomBytes < sizeBytes) {
      parts.push([text]);
      roomBytes = SUMMARY_BYTES - sizeBytes;
    } else {
      part.push(text);
      roomBytes -= sizeBytes;
    }
  }
  return parts;
}
