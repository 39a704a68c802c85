/** One call: both halves side by side, and what the tally says of it now, settled or not. */
import type { StoredRecord } from "@tallystick/record";
import { formatTimestamp } from "@tallystick/record";

import { CALL_KEY_EXPRESSION } from "../index/schema/records.ts";
import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { Params } from "../search/compile/sql.ts";
import type { Scope } from "../search/scope.ts";
import { BREAK_COLUMNS, breaksOf } from "./break-columns.ts";
import type { BreakColumns } from "./break-columns.ts";
import { groupOne } from "./halves.ts";
import { judged } from "./judge.ts";
import type { Knowledge } from "./judge.ts";
import { MAX_CALL_RECORDS } from "./limits.ts";
import { limitsFor, OWN_SETTINGS, scopePredicate } from "./reading.ts";
import type { TallySources } from "./reading.ts";
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

interface JudgedRow extends BreakColumns {
  readonly caller: string;
  readonly callee: string;
  readonly state: string;
  readonly reason: string;
  readonly first_us: number;
}

export interface CallViewParts extends TallySources {
  readonly settings: TallySettings;
  readonly knowledge: Knowledge;
  /** Every call due before then is settled. */
  readonly settledUs: number;
}

/** Null when no record that the scope sees is a half of it. */
export async function viewCall(
  parts: CallViewParts,
  scope: Scope,
  callId: string,
  signal?: AbortSignal,
): Promise<CallView | null> {
  const records = await recordsOf(parts, scope, callId, signal);
  const halves = records.filter(({ observed }) => observed.principal !== "tallystick");
  const of = (side: string) => halves.filter(({ record }) => record.side === side);
  if (of("caller").length + of("callee").length === 0) return null;
  const rows = await judgedRows(parts, callId, signal);
  const row = rows.find(({ state }) => state !== "matched") ?? rows[0];
  if (row === undefined) return null;
  const dueUs = row.first_us + deadlineOf(parts, row);
  const isOpen = dueUs > parts.settledUs && (of("caller").length === 0 || of("callee").length === 0);
  return {
    call_id: callId,
    caller: row.caller,
    callee: row.callee,
    state: isOpen ? "pending" : row.state,
    reason: row.reason === "" || isOpen ? null : row.reason,
    due: formatTimestamp(dueUs),
    settled: dueUs <= parts.settledUs,
    breaks: isOpen ? [] : rows.flatMap(breaksOf),
    halves: { caller: of("caller"), callee: of("callee"), observer: of("observer") },
    verdicts: await verdictsOn(parts, scope, callId, signal),
    partial: records.length >= MAX_CALL_RECORDS,
  };
}

function deadlineOf({ settings }: CallViewParts, { caller, callee }: JudgedRow): number {
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
  return rows.map(storedRecord);
}

async function judgedRows(
  { reader, settings, knowledge }: CallViewParts,
  callId: string,
  signal: AbortSignal | undefined,
): Promise<readonly JudgedRow[]> {
  const params = new Params();
  const grouped = groupOne(keyOf(params.text(callId)), settings.deadlines, params);
  const sql = `SELECT caller, callee, state, reason, first_us, ${BREAK_COLUMNS} FROM (${judged(`(${grouped})`, knowledge, params)})${OWN_SETTINGS}`;
  const { rows } = await reader.select<JudgedRow>(params.statement(sql), limitsFor(MAX_CALL_RECORDS), signal);
  return rows;
}

async function verdictsOn(
  { reader }: CallViewParts,
  scope: Scope,
  callId: string,
  signal: AbortSignal | undefined,
): Promise<readonly StoredRecord[]> {
  const params = new Params();
  const sql = `SELECT ${STORED_COLUMNS} FROM records
WHERE service_id = 'tallystick' AND observed_principal = 'tallystick' AND event_type = '${VERDICT_TYPE}'
  AND attributes['tally.call_id'] = ${params.text(callId)} AND ${scopePredicate(scope, params)}
ORDER BY observed_received_at, tree, leaf_index LIMIT ${MAX_CALL_RECORDS}`;
  const { rows } = await reader.select<StoredRow>(params.statement(sql), limitsFor(MAX_CALL_RECORDS), signal);
  return rows.map(storedRecord);
}
