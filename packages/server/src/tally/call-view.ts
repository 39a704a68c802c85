/** One call: both halves side by side, and what the tally says of it now, settled or not. */
import type { StoredRecord } from "@tallystick/record";
import { formatTimestamp, timestampUs } from "@tallystick/record";

import type { Statement } from "../index/index-seam.ts";
import { CALL_KEY_EXPRESSION, callIdOf, callNameOf } from "../index/schema/records.ts";
import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { Params } from "../search/compile/sql.ts";
import { scopePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { recordsAt } from "./breaks.ts";
import { callFacts, FACT_COLUMNS } from "./call-facts.ts";
import type { FactRow } from "./call-facts.ts";
import { groupOne } from "./halves.ts";
import type { Experience } from "./experience.ts";
import { credentialsUsed, noncesUsed } from "./knowledge.ts";
import type { Ask } from "./knowledge.ts";
import { judged } from "./judge.ts";
import type { Declared, Knowledge } from "./judge.ts";
import { MAX_CALL_RECORDS, MAX_KNOWN_ROWS } from "./limits.ts";
import { placeLists, placeName } from "./places.ts";
import type { HalfPlace } from "./places.ts";
import { limitsFor, OWN_SETTINGS } from "./reading.ts";
import type { TallySources } from "./reading.ts";
import { breaksOf } from "./rules.ts";
import { CALLS, STANDING } from "./schema.ts";
import type { TallySettings } from "./settings.ts";
import { VERDICT_TYPE } from "./verdict.ts";
import type { Break } from "./verdict.ts";

export interface CallView {
  readonly call_id: string;
  readonly caller: string;
  readonly callee: string;
  /** pending: a half is missing and the deadline has not passed. */
  readonly state: string;
  /** Why a missing half is no break; null when that is not the question. */
  readonly reason: string | null;
  /** When it comes due; until then the state may change without a verdict. */
  readonly due: string;
  readonly settled: boolean;
  readonly breaks: readonly Break[];
  readonly halves: {
    readonly caller: readonly StoredRecord[];
    readonly callee: readonly StoredRecord[];
    readonly observer: readonly StoredRecord[];
  };
  /** TALLY_VERDICT records on this call, oldest first. */
  readonly verdicts: readonly StoredRecord[];
  readonly partial: boolean;
}

interface Judged extends Pick<CallView, "call_id" | "caller" | "callee" | "state" | "breaks"> {
  readonly reason: string;
  readonly first_us: number;
}

type JudgedRow = FactRow & Omit<Judged, "breaks">;

/** A row of the tally's own. `halves` are all of them where there are several on a side or a proxy between. */
type SettledRow = JudgedRow & { readonly due_us: number; readonly halves: readonly HalfPlace[] };

export interface CallViewParts extends TallySources {
  readonly settings: TallySettings;
  readonly declared: Declared;
  readonly experience: Experience;
  /** Every call due before then is settled. */
  readonly settledUs: number;
}

/**
 * Null when no record that the scope sees is a half of it. As the tally settled it where it has, so that both say the
 * same; else as it stands at the moment. Behind a proxy the callee's half names another call: either id gives both.
 */
export async function viewCall(
  parts: CallViewParts,
  scope: Scope,
  callId: string,
  signal?: AbortSignal,
): Promise<CallView | null> {
  const own = await recordsOf(parts, scope, callId, signal);
  if (!own.some(isHalf)) return null;
  const settled = await settledCall(parts, own, callId, signal);
  const { records, hidden } = await wholeCall(parts, scope, { callId, own, settled: settled.rows }, signal);
  const rows = await judgedRows(parts, { halves: records, settled: settled.rows }, callId, signal);
  const row = rows.find(({ state }) => state !== "matched") ?? rows[0];
  if (row === undefined) return null;
  const of = (side: string) => records.filter(({ record }) => record.side === side);
  const dueUs = row.first_us + deadlineOf(parts, row);
  const isOpen = dueUs > parts.settledUs && (of("caller").length === 0 || of("callee").length === 0);
  return {
    call_id: settled.callId,
    caller: row.caller,
    callee: row.callee,
    state: isOpen ? "pending" : row.state,
    reason: row.reason === "" || isOpen ? null : row.reason,
    due: formatTimestamp(dueUs),
    settled: dueUs <= parts.settledUs,
    // What the two halves were compared by would tell of the one that the scope does not see.
    breaks: isOpen || hidden ? [] : rows.flatMap(({ breaks }) => breaks),
    halves: { caller: of("caller"), callee: of("callee"), observer: of("observer") },
    verdicts: hidden ? [] : await verdictsOn(parts, scope, [settled.callId, row.call_id], signal),
    partial: hidden || records.length >= MAX_CALL_RECORDS,
  };
}

const isHalf = ({ record }: StoredRecord): boolean => record.side === "caller" || record.side === "callee";

/** What the tally settled of it, nothing while a half is newer than that; and its id, the caller's behind a proxy. */
async function settledCall(
  { reader }: CallViewParts,
  own: readonly StoredRecord[],
  callId: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly callId: string; readonly rows: readonly SettledRow[] }> {
  const ask = async (params: Params, where: string): Promise<readonly SettledRow[]> => {
    const sql = `SELECT call_id, callee, state, reason, first_us, due_us, halves, ${FACT_COLUMNS}
FROM ${CALLS.name} WHERE ${where} AND ${STANDING} ORDER BY branch LIMIT ${MAX_CALL_RECORDS}${OWN_SETTINGS}`;
    return (await reader.select<SettledRow>(params.statement(sql), limitsFor(MAX_CALL_RECORDS), signal)).rows;
  };
  const byKey = new Params();
  const rows = await ask(byKey, `call_key = ${keyOf(byKey.text(callId))}`);
  const joined = rows.length > 0 ? [] : await throughProxy(own, ask);
  const id = joined[0]?.call_id ?? callId;
  const newestUs = Math.max(...own.filter(isHalf).map(({ observed }) => timestampUs(observed.received_at)));
  const isOld = [...rows, ...joined].some(({ due_us: dueUs }) => newestUs > dueUs);
  return { callId: id, rows: isOld ? [] : [...rows, ...joined] };
}

/** The call that these are halves of although it has another id. */
async function throughProxy(
  own: readonly StoredRecord[],
  ask: (params: Params, where: string) => Promise<readonly SettledRow[]>,
): Promise<readonly SettledRow[]> {
  const trace = own.find(({ record }) => record.trace_id !== undefined)?.record.trace_id;
  if (trace === undefined) return [];
  const params = new Params();
  const { pairs } = placeLists(own, params);
  return ask(params, `trace_id = unhex(${params.text(trace)}) AND hasAny(halves, ${pairs})`);
}

/** Its own records and, behind a proxy, those of the other id. */
async function wholeCall(
  parts: CallViewParts,
  scope: Scope,
  { callId, own, settled }: { callId: string; own: readonly StoredRecord[]; settled: readonly SettledRow[] },
  signal: AbortSignal | undefined,
): Promise<{ readonly records: readonly StoredRecord[]; readonly hidden: boolean }> {
  const places = settled.flatMap(({ halves }) => halves);
  const others = new Map(places.map((place) => [placeName(place), place]));
  for (const record of own) others.delete(placeName(record));
  const found = await recordsAt(parts, scope, [...others.values()], signal);
  const hidden = found.size < others.size || (await isSomeHidden(parts, scope, callId, own.length, signal));
  return { records: [...own, ...found.values()], hidden };
}

function deadlineOf({ settings }: CallViewParts, { caller, callee }: Judged): number {
  return settings.deadlines.of(caller, callee);
}

/** The key of a call whose id is `{id:String}`, as records have it. */
const keyOf = (id: string): string => CALL_KEY_EXPRESSION.replaceAll("call_id", id);

async function recordsOf(
  { reader }: CallViewParts,
  scope: Scope,
  callId: string,
  signal: AbortSignal | undefined,
): Promise<readonly StoredRecord[]> {
  const params = new Params();
  const key = keyOf(params.text(callId));
  const sql = `SELECT ${STORED_COLUMNS} FROM records WHERE call_key = ${key} AND ${scopePredicate(scope, params)}
ORDER BY attempt, timestamp, tree, leaf_index LIMIT ${MAX_CALL_RECORDS}`;
  const { rows } = await reader.select<StoredRow>(params.statement(sql), limitsFor(MAX_CALL_RECORDS), signal);
  return rows.map(storedRecord).filter(({ observed }) => observed.principal !== "tallystick");
}

async function isSomeHidden(
  { reader }: CallViewParts,
  scope: Scope,
  callId: string,
  seen: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const params = new Params();
  if (scopePredicate(scope, params) === "1" || seen >= MAX_CALL_RECORDS) return false;
  const sql = `SELECT count() AS records FROM records
WHERE call_key = ${keyOf(params.text(callId))} AND observed_principal != 'tallystick'`;
  const { rows } = await reader.select<{ records: number }>(params.statement(sql), limitsFor(1), signal);
  return (rows[0]?.records ?? 0) > seen;
}

async function judgedRows(
  { reader, clock, settings, declared, experience }: CallViewParts,
  { halves, settled }: { halves: readonly StoredRecord[]; settled: readonly SettledRow[] },
  callId: string,
  signal: AbortSignal | undefined,
): Promise<readonly Judged[]> {
  const atUs = clock.nowUs();
  const names = halves.flatMap(({ record }) => [record.service_id, record.target_id, record.auth_subject ?? ""]);
  const ask: Ask = async <Row>({ sql, params }: Statement) =>
    (await reader.select<Row>({ sql: sql + OWN_SETTINGS, params }, limitsFor(MAX_KNOWN_ROWS), signal)).rows;
  const params = new Params();
  const source = (inner: Params) => `(${groupOne(keyOf(inner.text(callId)), settings.deadlines, inner)})`;
  const usedBy = await credentialsUsed(ask, source, settings.deadlines);
  const context = { tolerances: declared.tolerances, usedBy };
  const told = (row: JudgedRow): Judged => ({ ...row, breaks: breaksOf(callFacts(row), context) });
  if (settled.length > 0) return settled.map(told);
  const pairs = [...experience.skews];
  const knowledge: Knowledge = {
    ...declared,
    callers: experience.recording(names, "caller", atUs),
    callees: experience.recording(names, "callee", atUs),
    recorders: experience.recording(names, "either", atUs),
    skewPairs: pairs.map(([pair]) => pair),
    skewsUs: pairs.map(([, us]) => us),
    usedBy,
    usedNonces: await noncesUsed(ask, source),
    sampledCallers: [],
    sampledCallees: [],
  };
  const sql = `SELECT ${callIdOf("call_span")} AS call_id, callee, state, reason, first_us, ${FACT_COLUMNS} FROM (${judged(source(params), 0, knowledge, params)})${OWN_SETTINGS}`;
  const { rows } = await reader.select<JudgedRow>(params.statement(sql), limitsFor(MAX_CALL_RECORDS), signal);
  return rows.map(told);
}

async function verdictsOn(
  { reader }: CallViewParts,
  scope: Scope,
  callIds: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly StoredRecord[]> {
  const params = new Params();
  const ids = params.add([...callIds], "Array(String)");
  const sql = `SELECT ${STORED_COLUMNS} FROM records
WHERE service_id = 'tallystick' AND observed_principal = 'tallystick' AND event_type = '${VERDICT_TYPE}'
  AND ${callNameOf("attributes['tally.call_id']")} IN (SELECT ${callNameOf("id")} FROM (SELECT arrayJoin(${ids}) AS id))
  AND ${scopePredicate(scope, params, "verdicts")}
ORDER BY observed_received_at, tree, leaf_index LIMIT ${MAX_CALL_RECORDS}`;
  const { rows } = await reader.select<StoredRow>(params.statement(sql), limitsFor(MAX_CALL_RECORDS), signal);
  return rows.map(storedRecord);
}
