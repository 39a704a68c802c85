/**
 * One step of the tally: the calls that come due in a window are grouped, judged and written, what they teach is
 * kept, and their breaks become records. Nothing in here outlives the step; a step that was broken off is done again
 * from its beginning and gives the same verdicts.
 */
import type { AuditRecord } from "@tallystick/record";

import type { Deriver } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { aheadHalves, sampledEdges, SETTLING_HALVES, unlearned } from "./coverage.ts";
import type { EdgeHalves, Sampled } from "./coverage.ts";
import type { Deadlines } from "./deadlines.ts";
import { findDue, findOlder, groupSeveral, groupSimple } from "./halves.ts";
import type { DueWindow } from "./halves.ts";
import { judged } from "./judge.ts";
import type { Knowledge } from "./judge.ts";
import { LEARN_CREDENTIALS, learnRecorders, learnSkews, learnSkewsAhead, unknownSkews } from "./learn.ts";
import type { RecorderPair } from "./learn.ts";
import { MAX_STEP_VERDICTS, SKEW_HOURS, STEP_LIMITS, VERDICT_BATCH } from "./limits.ts";
import { LEARN_ALIASES } from "./names.ts";
import { CALL_COLUMNS, CALLS, DUE, namesOf, SETTLING, SUPERSEDED } from "./schema.ts";
import { VERDICT_TYPE, verdictRecord } from "./verdict.ts";
import type { HalfPlace, JudgedCall } from "./verdict.ts";
import { bridgeProxies } from "./bridges.ts";
import { BREAK_COLUMNS, breaksOf } from "./break-columns.ts";
import type { BreakColumns } from "./break-columns.ts";

export interface StepRequest {
  readonly number: number;
  readonly window: DueWindow;
  /** Records received before then have taught who records. */
  readonly learnedUs: number;
  readonly deadlines: Deadlines;
  readonly knowledge: Knowledge;
  readonly learned: readonly EdgeHalves[];
  /** Appends verdicts to a log and returns when they are durable. */
  readonly append: (log: string, records: readonly AuditRecord[]) => Promise<void>;
}

export interface StepOutcome {
  readonly calls: number;
  readonly verdicts: number;
  /** Minutes of `edges_1m` that changed, in seconds since the epoch. */
  readonly minutes: readonly number[];
}

export class Step {
  readonly #deriver: Deriver;
  readonly #request: StepRequest;

  constructor(deriver: Deriver, request: StepRequest) {
    this.#deriver = deriver;
    this.#request = request;
  }

  async run(): Promise<StepOutcome> {
    const late = await this.#group();
    await this.#learn();
    await this.#judge(late);
    const verdicts = await this.#tell(late);
    const minutes = await this.#minutes(late);
    const [counted] = await this.#select<{ calls: number }>(`SELECT count() AS calls FROM ${SETTLING.name}`);
    await this.#deriver.empty(SETTLING);
    await this.#deriver.empty(DUE);
    return { calls: counted?.calls ?? 0, verdicts, minutes };
  }

  #derive(statement: Statement): Promise<void> {
    return this.#deriver.derive(statement, STEP_LIMITS);
  }

  #select<Row>(sql: string, params: Statement["params"] = {}): Promise<readonly Row[]> {
    return this.#deriver.select<Row>({ sql, params }, STEP_LIMITS);
  }

  /** Fills SETTLING; true when a call of an earlier step is among it. */
  async #group(): Promise<boolean> {
    const { window, deadlines } = this.#request;
    await this.#deriver.empty(DUE);
    await this.#deriver.empty(SETTLING);
    await this.#derive(findDue(window, deadlines));
    await this.#derive(groupSimple(window, deadlines));
    await bridgeProxies(this.#deriver, window, deadlines);
    await this.#derive(findOlder(window));
    const kinds = await this.#select<{ kind: string }>(`SELECT DISTINCT kind FROM ${DUE.name}`);
    const found = new Set(kinds.map(({ kind }) => kind));
    if (["several", "late", "bridged"].some((kind) => found.has(kind))) await this.#derive(groupSeveral(window));
    return found.has("late");
  }

  async #learn(): Promise<void> {
    const { window, number, learnedUs } = this.#request;
    await this.#derive(learnRecorders(learnedUs, window.toUs));
    await this.#derive(learnSkews(number));
    await this.#learnAhead();
    await this.#derive(LEARN_CREDENTIALS);
    await this.#derive(LEARN_ALIASES);
  }

  /** What the step itself does not tell of clocks that are new. */
  async #learnAhead(): Promise<void> {
    const { window, number, deadlines } = this.#request;
    const sinceMinute = Math.floor(window.fromUs / 60_000_000) * 60 - SKEW_HOURS * 3_600;
    const pairs = await this.#deriver.select<RecorderPair>(unknownSkews(sinceMinute), STEP_LIMITS);
    if (pairs.length === 0) return;
    const around = { fromUs: window.fromUs - deadlines.longestUs, toUs: window.toUs };
    await this.#derive(learnSkewsAhead(number, pairs, around));
  }

  async #judge(late: boolean): Promise<void> {
    const { number, knowledge } = this.#request;
    const sampled = await this.#sampled();
    const [nonces] = await this.#select<{ count: number }>(
      `SELECT count() AS count FROM ${SETTLING.name} WHERE callers = 0 AND notEmpty(d_call_nonce_digest)`,
    );
    const params = new Params();
    // What is judged as part of another call, or again as a whole, is not judged by its half alone.
    const source = `(SELECT * FROM ${SETTLING.name}
  WHERE regrouped OR call_key NOT IN (SELECT call_key FROM ${DUE.name} WHERE kind IN ('late', 'bridged')))`;
    const step = params.add(number, "UInt64");
    const calls = judged(
      source,
      {
        ...knowledge,
        sampledCallers: sampled.callers,
        sampledCallees: sampled.callees,
        hasLoneNonces: (nonces?.count ?? 0) > 0,
      },
      params,
    );
    await this.#derive(
      params.statement(
        `INSERT INTO ${CALLS.name} (${namesOf(CALL_COLUMNS)}) SELECT ${step} AS step, * FROM (${calls})`,
      ),
    );
    if (late) await this.#supersede();
  }

  async #sampled(): Promise<Sampled> {
    const { window, deadlines, learned } = this.#request;
    const now = await this.#deriver.select<EdgeHalves>(SETTLING_HALVES, STEP_LIMITS);
    const fresh = unlearned(learned, now);
    if (fresh.length === 0) return sampledEdges(learned, now);
    const ahead = aheadHalves(fresh, window.fromUs - deadlines.longestUs, window.toUs);
    const more = await this.#deriver.select<EdgeHalves>(ahead, STEP_LIMITS);
    return sampledEdges(learned, [...now, ...more]);
  }

  #supersede(): Promise<void> {
    const params = new Params();
    const step = params.add(this.#request.number, "UInt64");
    return this.#derive(
      params.statement(
        `INSERT INTO ${SUPERSEDED.name} (call_key, step, by_step)
SELECT call_key, step, ${step} AS by_step FROM ${CALLS.name}
WHERE step < ${step} AND call_key IN (${LATE_KEYS})`,
      ),
    );
  }

  /** Makes records of the step's breaks, and of calls that are paired after all; returns how many. */
  async #tell(late: boolean): Promise<number> {
    let told = 0;
    let after = { call_key: "", branch: "" };
    for (;;) {
      const calls = await this.#breaking(after, late);
      const last = calls.at(-1);
      if (last === undefined || told >= MAX_STEP_VERDICTS) return told;
      const records = await this.#records(calls);
      for (const [log, verdicts] of groupByLog(records)) await this.#request.append(log, verdicts);
      told += records.length;
      after = { call_key: last.call_key, branch: last.branch };
    }
  }

  /** Calls of this step with breaks, and late ones that may have had some. */
  #breaking(after: { readonly call_key: string; readonly branch: string }, late: boolean): Promise<readonly CallRow[]> {
    const params = new Params();
    const step = params.add(this.#request.number, "UInt64");
    const from =
      after.call_key === ""
        ? "1"
        : `(call_key, toString(branch)) > (toUInt128(${params.text(after.call_key)}), ${params.text(after.branch)})`;
    return this.#deriver.select<CallRow>(
      params.statement(
        `SELECT toString(call_key) AS call_key, toString(branch) AS branch, log, call_id, caller, callee, state,
          due_us, late, ${HALVES} AS halves, ${BREAK_COLUMNS}
FROM ${CALLS.name} WHERE step = ${step} AND (notEmpty(breaks)${late ? " OR late" : ""}) AND ${from}
ORDER BY calls.call_key, calls.branch LIMIT ${VERDICT_BATCH}`,
      ),
      STEP_LIMITS,
    );
  }

  async #records(calls: readonly CallRow[]): Promise<readonly Told[]> {
    const hashes = await this.#hashes(calls);
    const alone = await this.#unpairedBefore(calls.filter(({ late }) => late === 1));
    const told = calls.flatMap((row) => {
      const call: JudgedCall = { ...row, hashes: row.halves.map((half) => hashes.get(placeName(half)) ?? "") };
      const breaks = breaksOf(row);
      const isPairedNow = row.state === "matched" || row.state === "discrepant";
      const records = breaks.map((found) => verdictRecord(call, found));
      const paired = isPairedNow && alone.has(row.call_id) ? [verdictRecord(call, null)] : [];
      return [...paired, ...records].map((record) => ({ log: row.log, record }));
    });
    return this.#notYetTold(told);
  }

  async #hashes(calls: readonly CallRow[]): Promise<ReadonlyMap<string, string>> {
    const places = calls.flatMap(({ halves }) => halves);
    if (places.length === 0) return new Map();
    const params = new Params();
    const trees = params.add(
      places.map(({ tree }) => tree),
      "Array(String)",
    );
    const indexes = params.add(
      places.map(({ leaf_index: index }) => index),
      "Array(Int64)",
    );
    const rows = await this.#deriver.select<HalfPlace & { readonly hash: string }>(
      params.statement(
        `SELECT tree, leaf_index, lower(hex(leaf_hash)) AS hash FROM records
WHERE leaf_index IN (${indexes}) AND (tree, leaf_index) IN (SELECT arrayJoin(arrayZip(${trees}, ${indexes})))`,
      ),
      STEP_LIMITS,
    );
    return new Map(rows.map((row) => [placeName(row), row.hash]));
  }

  /** Call ids of which a verdict says that they are unpaired. */
  async #unpairedBefore(calls: readonly CallRow[]): Promise<ReadonlySet<string>> {
    if (calls.length === 0) return new Set();
    const params = new Params();
    const ids = params.add(
      calls.map(({ call_id: id }) => id),
      "Array(String)",
    );
    const rows = await this.#deriver.select<{ call_id: string }>(
      params.statement(
        `SELECT DISTINCT attributes['tally.call_id'] AS call_id FROM records
WHERE service_id = 'tallystick' AND event_type = '${VERDICT_TYPE}'
  AND operation IN ('unpaired_caller', 'unpaired_callee')
  AND observed_principal = 'tallystick' AND attributes['tally.call_id'] IN (${ids})`,
      ),
      STEP_LIMITS,
    );
    return new Set(rows.map(({ call_id: id }) => id));
  }

  /** Without those that are in the log already, from before a restart. */
  async #notYetTold(told: readonly Told[]): Promise<readonly Told[]> {
    if (told.length === 0) return told;
    const params = new Params();
    const ids = params.add(
      told.map(({ record }) => record.id),
      "Array(String)",
    );
    const rows = await this.#deriver.select<{ id: string }>(
      params.statement(
        `SELECT toString(id) AS id FROM records WHERE service_id = 'tallystick'
          AND observed_principal = 'tallystick' AND id IN (SELECT toUUID(arrayJoin(${ids})))`,
      ),
      STEP_LIMITS,
    );
    const known = new Set(rows.map(({ id }) => id));
    return told.filter(({ record }) => !known.has(record.id));
  }

  async #minutes(late: boolean): Promise<readonly number[]> {
    const params = new Params();
    const step = params.add(this.#request.number, "UInt64");
    const again = late
      ? ` UNION DISTINCT SELECT minute FROM ${CALLS.name} WHERE call_key IN (SELECT call_key FROM ${DUE.name}
        WHERE kind = 'late')`
      : "";
    const rows = await this.#deriver.select<{ at: number }>(
      params.statement(
        `SELECT toUnixTimestamp(minute) AS at FROM (SELECT DISTINCT minute FROM ${CALLS.name}
          WHERE step = ${step}${again})`,
      ),
      STEP_LIMITS,
    );
    return rows.map(({ at }) => at);
  }
}

const LATE_KEYS = `SELECT arrayJoin([call_key, as_key]) FROM ${DUE.name} WHERE kind = 'late'`;

/** Places of a call's halves; the simple call's are those of its two sides. */
export const HALVES = `if(notEmpty(halves), halves, arrayConcat(if(callers > 0, [CAST((toString(c_tree), c_leaf_index),
    'Tuple(tree String, leaf_index Int64)')], []), if(callees > 0, [CAST((toString(d_tree), d_leaf_index),
      'Tuple(tree String, leaf_index Int64)')], [])))`;

interface CallRow extends Omit<JudgedCall, "hashes">, BreakColumns {
  readonly branch: string;
}

interface Told {
  readonly log: string;
  readonly record: AuditRecord;
}

const placeName = ({ tree, leaf_index: index }: HalfPlace): string => `${tree}:${index}`;

function groupByLog(told: readonly Told[]): ReadonlyMap<string, readonly AuditRecord[]> {
  const byLog = new Map<string, AuditRecord[]>();
  for (const { log, record } of told) {
    const records = byLog.get(log);
    if (records === undefined) byLog.set(log, [record]);
    else records.push(record);
  }
  return byLog;
}
