/**
 * One step of the tally: the calls that come due in a window are grouped, judged and written, what they teach is
 * kept, and their breaks become records. Nothing in here outlives the step; a step that was broken off is done again
 * from its beginning and gives the same verdicts.
 */
import assert from "node:assert/strict";
import type { AuditRecord } from "@tallystick/record";

import type { Deriver } from "../index/derived-tables.ts";
import type { Statement } from "../index/index-seam.ts";
import { Params } from "../search/compile/sql.ts";
import { aheadHalves, sampledEdges, SETTLING_HALVES, unlearned } from "./coverage.ts";
import type { EdgeHalves, Sampled } from "./coverage.ts";
import type { Deadlines } from "./deadlines.ts";
import { edgeName } from "./deadlines.ts";
import {
  findDue,
  findOlder,
  gatherDue,
  gatherOlder,
  GROUP_SEVERAL,
  GROUP_SIMPLE,
  isAmongNewest,
  IS_MESSAGE,
  IS_OLD_PAIR,
  NEWEST_SINCE,
} from "./halves.ts";
import type { DueWindow } from "./halves.ts";
import { judged } from "./judge.ts";
import type { Declared, Knowledge } from "./judge.ts";
import type { Experience } from "./experience.ts";
import { credentialsUsed, noncesUsed } from "./knowledge.ts";
import type { Ask } from "./knowledge.ts";
import { LEARN_CREDENTIALS, learnSkews, learnSkewsAhead } from "./learn.ts";
import { MAX_STEP_NAMES, SKEW_AHEAD_PAIRS, SKEW_MIN_CALLS, STEP_LIMITS, VERDICT_BATCH } from "./limits.ts";
import { LEARN_ALIASES } from "./names.ts";
import { isAmong, placeName } from "./places.ts";
import type { HalfPlace } from "./places.ts";
import { breaksOf } from "./rules.ts";
import { CALL_COLUMNS, CALLS, DUE, HALVES, namesOf, SETTLING, SUPERSEDED, UNDER_WAY, WRITTEN } from "./schema.ts";
import { groupByLog, notYetTold } from "./told.ts";
import type { Told } from "./told.ts";
import { verdictRecord } from "./verdict.ts";
import type { Break, JudgedCall } from "./verdict.ts";
import { bridgeProxies, hopsSinceUs } from "./bridges.ts";
import { callFacts, FACT_COLUMNS } from "./call-facts.ts";
import type { FactRow } from "./call-facts.ts";

export interface StepRequest {
  readonly number: number;
  readonly window: DueWindow;
  readonly deadlines: Deadlines;
  readonly knowledge: Declared;
  readonly experience: Experience;
  /** Once a minute what the calls teach is written down. */
  readonly learns: boolean;
  /** No step of the time before has looked at windows from here on, so that none of their verdicts is in the log. */
  readonly untoldUs: number;
  /** Appends verdicts to a log and returns when they are durable. */
  readonly append: (log: string, records: readonly AuditRecord[]) => Promise<void>;
}

export interface StepOutcome {
  /** Where the step ended: the end of its window, or before. */
  readonly settledUs: number;
  readonly calls: number;
  readonly verdicts: number;
  /** Minutes of `edges_1m` that changed, in seconds since the epoch. */
  readonly minutes: readonly number[];
}

export class Step {
  readonly #deriver: Deriver;
  readonly #request: StepRequest;
  #window: DueWindow;
  /** Credentials that callers have used, as far as the step needs them. */
  #usedBy: Knowledge["usedBy"] = new Map();

  constructor(deriver: Deriver, request: StepRequest) {
    this.#deriver = deriver;
    this.#request = request;
    this.#window = request.window;
  }

  async run(): Promise<StepOutcome> {
    const contents = await this.#group();
    const late = contents.kinds.includes("late");
    await this.#learn(contents);
    await this.#judge(contents, late);
    const verdicts = await this.#tell(late);
    const minutes = late ? await this.#minutes() : contents.minutes;
    await this.#clear();
    return { settledUs: this.#window.toUs, calls: contents.calls, verdicts, minutes };
  }

  #derive(statement: Statement): Promise<void> {
    return this.#deriver.derive(statement, STEP_LIMITS);
  }

  #ask<Row>(statement: Statement): Promise<readonly Row[]> {
    return this.#deriver.select<Row>(statement, STEP_LIMITS);
  }

  /** Fills SETTLING and says what is in it, so that what is not there costs no statement. */
  async #group(): Promise<Contents> {
    const { deadlines, experience } = this.#request;
    const alone = await this.#groupSimple();
    const window = this.#window;
    const isWhole = alone.lone + alone.old + alone.retried === 0 && alone.kinds.every((kind) => kind === "simple");
    if (isWhole) return this.#contents();
    if (alone.lone_traced > 0 && experience.mayBeBridged(hopsSinceUs(window, deadlines)))
      await bridgeProxies(this.#deriver, window, deadlines);
    await this.#derive(findOlder(window));
    const { kinds } = await this.#one<{ readonly kinds: readonly string[] }>(KINDS);
    if (kinds.every((kind) => kind === "simple")) return this.#contents();
    if (kinds.includes("late") || kinds.includes("bridged")) await this.#derive(gatherOlder(window));
    await this.#derive(GROUP_SEVERAL);
    return this.#contents();
  }

  /** A call is settled once a step: where one comes due again, for a late half, there the step ends. */
  async #groupSimple(): Promise<Alone> {
    for (;;) {
      await this.#gather();
      await this.#derive(GROUP_SIMPLE);
      const alone = await this.#one<Alone>(ALONE);
      if (this.#window.toUs < this.#request.window.toUs || alone.again_us === 0) return alone;
      this.#window = { ...this.#window, toUs: alone.again_us };
      await this.#clear();
    }
  }

  /** Whether all was among the newest records turns out afterwards; else all is read again from the table. */
  async #gather(): Promise<void> {
    const [newest] = await this.#ask<{ readonly us: number }>(NEWEST_SINCE);
    if (newest !== undefined && newest.us < this.#window.toUs) {
      await this.#gatherFrom(newest.us);
      const isAmong = isAmongNewest(this.#window, this.#request.deadlines, newest.us);
      const [row] = await this.#ask<{ readonly whole: 0 | 1 }>(isAmong);
      if (row?.whole === 1) return;
      await this.#clear();
    }
    await this.#gatherFrom(Infinity);
  }

  async #gatherFrom(newestUs: number): Promise<void> {
    const { deadlines } = this.#request;
    await this.#derive(findDue(this.#window, deadlines, newestUs));
    await this.#derive(gatherDue(this.#window, deadlines, newestUs));
  }

  async #clear(): Promise<void> {
    for (const table of UNDER_WAY) await this.#deriver.empty(table);
  }

  #contents(): Promise<Contents> {
    return this.#one<Contents>(CONTENTS);
  }

  async #one<Row>(sql: string): Promise<Row> {
    const [row] = await this.#ask<Row>({ sql, params: {} });
    assert(row !== undefined);
    return row;
  }

  async #learn(contents: Contents): Promise<void> {
    const { number, learns, experience } = this.#request;
    const window = this.#window;
    if (learns && contents.paired > 0) await this.#derive(learnSkews(number));
    // A name that stands for a second service says nothing from now on, so what is new is never put off.
    const isNews = experience.isNews(contents.aliases);
    if (contents.aliases.length > 0 && (learns || isNews)) await this.#derive(LEARN_ALIASES);
    if (isNews) await experience.readAliases(window.fromUs);
    // A credential that is new is never put off either: a half that is alone is held against those that are known.
    if (experience.isNews(contents.credentials.map((used) => `credential\n${used}`)) || (learns && contents.paired > 0))
      await this.#derive(LEARN_CREDENTIALS);
    await this.#learnAhead(contents);
    if (learns && contents.paired > 0) await experience.readSkews(window.fromUs);
  }

  /** What the step itself does not tell of clocks that are new. */
  async #learnAhead({ pairs }: Contents): Promise<void> {
    const { number, deadlines, experience } = this.#request;
    const { fromUs, toUs } = this.#window;
    const waiting = experience.takeWaiting();
    const fresh = untried(experience.tried, pairs, new Set(experience.skews.keys()));
    experience.waitForSkews(pairs, fromUs);
    const since = (us: number): DueWindow => ({ fromUs: us - deadlines.longestUs, toUs });
    if (fresh.length > 0) await this.#derive(learnSkewsAhead(number, fresh, since(fromUs)));
    // Among these are calls that were counted when they were tried: only many of them together say something.
    if (waiting.pairs.length > 0)
      await this.#derive(learnSkewsAhead(number, waiting.pairs, since(waiting.sinceUs), SKEW_MIN_CALLS));
    if (fresh.length + waiting.pairs.length === 0) return;
    await experience.readSkews(fromUs);
  }

  async #judge(contents: Contents, late: boolean): Promise<void> {
    const params = new Params();
    const calls = judged(JUDGED_SOURCE, this.#request.number, await this.#knowledge(contents), params);
    await this.#derive(params.statement(`INSERT INTO ${CALLS.name} (${namesOf(CALL_COLUMNS)}) ${calls}`));
    if (late) await this.#supersede();
  }

  async #knowledge(contents: Contents): Promise<Knowledge> {
    const { deadlines, knowledge, experience } = this.#request;
    const window = this.#window;
    const ask: Ask = (statement) => this.#ask(statement);
    const source = () => SETTLING.name;
    const sampled = contents.lone > 0 ? await this.#sampled(contents.calls) : { callers: [], callees: [] };
    if (contents.lone_credentials > 0) this.#usedBy = await credentialsUsed(ask, source, deadlines);
    const isSkewed = contents.pairs.filter((pair) => experience.skews.has(pair));
    const names = withServices(contents.names, knowledge);
    const recording = (side: "caller" | "callee" | "either") => experience.recording(names, side, window.fromUs);
    return {
      ...knowledge,
      callers: recording("caller"),
      callees: recording("callee"),
      recorders: recording("either"),
      skewPairs: isSkewed,
      skewsUs: isSkewed.map((pair) => experience.skews.get(pair)!),
      usedBy: this.#usedBy,
      usedNonces: contents.lone_nonces > 0 ? await noncesUsed(ask, source) : [],
      sampledCallers: sampled.callers,
      sampledCallees: sampled.callees,
    };
  }

  async #sampled(calls: number): Promise<Sampled> {
    const { deadlines, experience } = this.#request;
    const window = this.#window;
    const now = experience.withRecent(await this.#ask<EdgeHalves>(SETTLING_HALVES));
    const records = (name: string, side: "caller" | "callee") =>
      experience.recording([name], side, window.fromUs).length > 0;
    // Of who never records a side, that it is missing says nothing, however often it is.
    const fresh = unlearned(experience.edges, now).filter(
      ({ caller, callee, caller_only: callerOnly, callee_only: calleeOnly }) =>
        (callerOnly > 0 && records(callee, "callee")) || (calleeOnly > 0 && records(caller, "caller")),
    );
    const names = fresh.map((edge) => `halves\n${edgeName(edge.caller, edge.callee)}`);
    if (untried(experience.tried, names).length === 0) return sampledEdges(experience.edges, now);
    const ahead = aheadHalves(fresh, window, deadlines.longestUs, calls);
    return sampledEdges(experience.edges, [...now, ...(await this.#ask<EdgeHalves>(ahead))]);
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
      if (last === undefined) return told;
      const records = await this.#records(calls);
      for (const [log, verdicts] of groupByLog(records)) await this.#request.append(log, verdicts);
      told += records.length;
      if (calls.length < VERDICT_BATCH) return told;
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
    return this.#ask<CallRow>(
      params.statement(
        `SELECT toString(call_key) AS call_key, toString(branch) AS branch, log, call_id, callee, state,
          due_us, late, ${PLACES} AS halves, ${FACT_COLUMNS}
FROM ${CALLS.name} WHERE step = ${step} AND (broken != 0${late ? " OR late" : ""}) AND ${from}
ORDER BY calls.call_key, calls.branch LIMIT ${VERDICT_BATCH}`,
      ),
    );
  }

  async #records(calls: readonly CallRow[]): Promise<readonly Told[]> {
    const halvesOf = await this.#halves(calls);
    const before = await this.#brokenBefore(calls.filter(({ late }) => late === 1));
    const told = calls.flatMap((row) => {
      const halves = halvesOf(row);
      const call: JudgedCall = {
        ...row,
        hashes: halves.map((half) => half?.hash ?? ""),
        lastCredential: lastExecuted(halves)?.credential_id ?? "",
      };
      const breaks = breaksOf(callFacts(row), { tolerances: this.#request.knowledge.tolerances, usedBy: this.#usedBy });
      const isPairedNow = row.state === "matched" || row.state === "discrepant";
      const wasAlone = before.alone.has(row.call_key);
      const isMended = breaks.length === 0 && before.discrepant.has(branchName(row));
      const said = isPairedNow && (wasAlone || isMended) ? [null, ...breaks] : breaks;
      return said.map((found) => ({ log: row.log, record: verdictRecord(call, found), before: asPair(call, found) }));
    });
    const asPairs = told.flatMap(({ log, before: record }) => (record === null ? [] : [{ log, record }]));
    const fresh = new Set(await notYetTold(this.#deriver, asPairs, STEP_LIMITS));
    const known = new Set(asPairs.filter((one) => !fresh.has(one)).map(({ record }) => record.id));
    const now = told.filter((one) => one.before === null || !known.has(one.before.id));
    const { window, untoldUs } = this.#request;
    return window.fromUs < untoldUs ? notYetTold(this.#deriver, now, STEP_LIMITS) : now;
  }

  async #halves(calls: readonly CallRow[]): Promise<(call: CallRow) => readonly (ToldHalf | undefined)[]> {
    const places = calls.flatMap(({ halves }) => halves);
    if (places.length === 0) return () => [];
    const params = new Params();
    const where = isAmong(places, params);
    const rows = await this.#ask<HalfPlace & ToldHalf>(
      params.statement(
        `SELECT tree, leaf_index, lower(hex(leaf_hash)) AS hash, side, credential_id,
  toUnixTimestamp64Micro(observed_received_at) AS received_us FROM ${HALVES.name} WHERE ${where}`,
      ),
    );
    const byPlace = new Map(rows.map((row) => [placeName(row), row]));
    return ({ halves }) => halves.map((half) => byPlace.get(placeName(half)));
  }

  /** What was broken as the step before left it; its verdicts may not be searchable yet. */
  async #brokenBefore(calls: readonly CallRow[]): Promise<BrokenBefore> {
    if (calls.length === 0) return { alone: new Set(), discrepant: new Set() };
    const params = new Params();
    const keys = params.add(
      calls.map(({ call_key: key }) => key),
      "Array(String)",
    );
    const earlier = `call_key IN (SELECT toUInt128(arrayJoin(${keys}))) AND ${WRITTEN}
  AND step < ${params.add(this.#request.number, "UInt64")}`;
    const rows = await this.#ask<{ call_key: string; branch: string; alone: 0 | 1 }>(
      params.statement(
        `SELECT toString(call_key) AS call_key, toString(branch) AS branch,
  state IN ('unpaired_caller', 'unpaired_callee') AS alone FROM ${CALLS.name}
WHERE ${earlier} AND broken != 0
  AND (calls.call_key, step) IN (SELECT call_key, max(step) FROM ${CALLS.name} WHERE ${earlier} GROUP BY call_key)`,
      ),
    );
    return {
      alone: new Set(rows.filter(({ alone }) => alone === 1).map((row) => row.call_key)),
      discrepant: new Set(rows.filter(({ alone }) => alone === 0).map(branchName)),
    };
  }

  /** Minutes of the step's calls, and of what they superseded. */
  async #minutes(): Promise<readonly number[]> {
    const params = new Params();
    const step = params.add(this.#request.number, "UInt64");
    const rows = await this.#ask<{ at: number }>(
      params.statement(
        `SELECT DISTINCT toUnixTimestamp(minute) AS at FROM ${CALLS.name}
WHERE step = ${step} OR call_key IN (${LATE_KEYS})`,
      ),
    );
    return rows.map(({ at }) => at);
  }
}

/** Keys of calls that were unpaired, which a message has no branch of, and branches of calls that disagreed. */
interface BrokenBefore {
  readonly alone: ReadonlySet<string>;
  readonly discrepant: ReadonlySet<string>;
}

const branchName = ({ call_key: key, branch }: Pick<CallRow, "call_key" | "branch">): string =>
  JSON.stringify([key, branch]);

/** What a verdict tells of a half beside what was compared. */
interface ToldHalf {
  readonly hash: string;
  readonly side: string;
  readonly credential_id: string;
  readonly received_us: number;
}

function lastExecuted(halves: readonly (ToldHalf | undefined)[]): ToldHalf | undefined {
  const executed = halves.filter((half) => half !== undefined).filter(({ side }) => side === "callee");
  return executed.toSorted((one, other) => other.received_us - one.received_us)[0];
}

/** What SETTLING and DUE hold. */
interface Contents {
  readonly kinds: readonly string[];
  readonly calls: number;
  readonly paired: number;
  /** Callers and the credentials that they used in calls which they confirm. */
  readonly credentials: readonly string[];
  /** Names under which one side saw the other, and who that was (`edgeName`). */
  readonly aliases: readonly string[];
  readonly lone: number;
  readonly lone_credentials: number;
  readonly lone_nonces: number;
  /** Pairs of recorders (`edgeName`) whose clocks are compared. */
  readonly pairs: readonly string[];
  /** Whoever is named in them. */
  readonly names: readonly string[];
  /** Minutes of the calls, in seconds since the epoch. */
  readonly minutes: readonly number[];
}

const IS_LONE = "(callers = 0 OR callees = 0)";
const KINDS = `SELECT groupUniqArray(toString(kind)) AS kinds FROM ${DUE.name}`;

/** What decides whether calls of earlier steps, or behind a proxy, have to be looked for. */
interface Alone {
  readonly kinds: readonly string[];
  readonly lone: number;
  readonly lone_traced: number;
  /** Pairs that may have been settled before. */
  readonly old: number;
  /** Records of another attempt than the first. */
  readonly retried: number;
  /** When the first call comes due again within the window; 0: none does. */
  readonly again_us: number;
}

const ALONE = `SELECT (${KINDS}) AS kinds, countIf(${IS_LONE}) AS lone,
  countIf(${IS_LONE} AND notEmpty(trace_id)) AS lone_traced, countIf(${IS_OLD_PAIR}) AS old,
  (SELECT countIf(attempt > 0) FROM ${HALVES.name}) AS retried,
  (SELECT minIf(again_us, again_us != 0) FROM ${DUE.name}) AS again_us FROM ${SETTLING.name}`;
const CONTENTS = `SELECT (${KINDS}) AS kinds, count() AS calls,
  countIf(NOT ${IS_LONE}) AS paired,
  groupUniqArrayIf(${MAX_STEP_NAMES})(concat(c_service_id, '\\n', d_credential_id), NOT ${IS_LONE}
    AND notEmpty(d_credential_id)) AS credentials,
  arrayConcat(
    groupUniqArrayIf(${MAX_STEP_NAMES})(concat(d_service_id, '\\n', c_service_id), NOT ${IS_LONE}
      AND startsWith(d_service_id, 'address:')),
    groupUniqArrayIf(${MAX_STEP_NAMES})(concat(c_target_id, '\\n', d_target_id), NOT ${IS_LONE}
      AND c_target_id != d_target_id)) AS aliases,
  countIf(${IS_LONE}) AS lone,
  countIf(callers = 0 AND notEmpty(d_credential_id)) AS lone_credentials,
  countIf(callers = 0 AND notEmpty(d_call_nonce_digest)) AS lone_nonces,
  groupUniqArrayIf(${SKEW_AHEAD_PAIRS})(concat(c_recorder_id, '\\n', d_recorder_id), NOT ${IS_LONE}
    AND NOT (${IS_MESSAGE})) AS pairs,
  arrayDistinct(arrayConcat(${["c_service_id", "c_target_id", "d_service_id", "d_target_id", "d_auth_subject"]
    .map((name) => `groupUniqArray(${MAX_STEP_NAMES})(toString(${name}))`)
    .join(", ")})) AS names,
  arrayMap(us -> intDiv(us, 60000000) * 60, groupUniqArray(intDiv(first_us, 60000000) * 60000000)) AS minutes
FROM ${SETTLING.name}`;

/** What is judged as part of another call, or again as a whole, is not judged by its half alone. */
const JUDGED_SOURCE = `(SELECT * FROM ${SETTLING.name}
  WHERE regrouped OR call_key NOT IN (SELECT call_key FROM ${DUE.name} WHERE kind IN ('late', 'bridged')))`;

/** Names as they were seen, and the services that aliases say stand behind them. */
function withServices(names: readonly string[], { aliasNames, aliasServices }: Declared): readonly string[] {
  const seen = new Set(names);
  const services = aliasServices.filter((_, at) => seen.has(aliasNames[at]!));
  return [...new Set([...names, ...services])];
}

/** Of some names those that were not looked for lately and are not known. */
function untried(tried: Set<string>, names: readonly string[], isKnown: ReadonlySet<string> = new Set()) {
  const fresh = names.filter((name) => !tried.has(name) && !isKnown.has(name));
  for (const name of fresh) tried.add(name);
  return fresh;
}

const LATE_KEYS = `SELECT arrayJoin([call_key, as_key]) FROM ${DUE.name} WHERE kind = 'late'`;

/** The verdict by which the same two halves were judged at first, where the call was no late one: the caller's leads. */
function asPair(call: JudgedCall, found: Break | null): AuditRecord | null {
  if (call.late === 0 || call.halves.length !== 2) return null;
  return verdictRecord({ ...call, hashes: call.hashes.toReversed() }, found);
}

/** Places of a call's halves; the simple call's are those of its two sides. */
export const PLACES = `if(notEmpty(halves), halves, arrayConcat(if(callers > 0, [CAST((toString(c_tree), c_leaf_index),
    'Tuple(tree String, leaf_index Int64)')], []), if(callees > 0, [CAST((toString(d_tree), d_leaf_index),
      'Tuple(tree String, leaf_index Int64)')], [])))`;

type CallRow = FactRow & Omit<JudgedCall, "hashes" | "lastCredential"> & { readonly branch: string };
