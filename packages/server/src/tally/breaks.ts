/** The breaks that hold, out of the verdicts in the log, and how many calls are in which state. */
import type { StoredRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { callNameOf } from "../index/schema/records.ts";
import { allOf, Params } from "../search/compile/sql.ts";
import { periodPredicate } from "../search/filter.ts";
import { checkedCount } from "../search/question.ts";
import { scopePredicate } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { EDGE_STATES } from "./edges.ts";
import { IS_HALF } from "./halves.ts";
import { readPending } from "./pending.ts";
import type { PendingRequest } from "./pending.ts";
import { isAmong, placeName } from "./places.ts";
import type { HalfPlace } from "./places.ts";
import { edgeRows, limitsFor, OWN_SETTINGS, parseEdge, periodOf } from "./reading.ts";
import type { Edge, Period, PeriodUs, TallySources } from "./reading.ts";
import { CALLS, WRITTEN } from "./schema.ts";
import { ATTRIBUTE, VERDICT_KINDS, VERDICT_TYPE } from "./verdict.ts";

export interface BreaksRequest extends Period {
  /** `caller:callee`. */
  readonly edge?: string | undefined;
  readonly kind?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  /** With what a later half made obsolete. */
  readonly history?: boolean | undefined;
}

export interface BreakFound {
  readonly kind: string;
  /** Null of a finding, which is about an edge or two clocks as a whole. */
  readonly call_id: string | null;
  readonly field: string | null;
  readonly caller: string;
  readonly callee: string;
  readonly caller_value: string | null;
  readonly callee_value: string | null;
  readonly tolerance: string | null;
  /** State of the call when it was judged; null of a finding. */
  readonly state: string | null;
  /** False when a later verdict on the call replaced it. */
  readonly holds: boolean;
  readonly timestamp: string;
  /** Where the verdict itself lies. */
  readonly verdict: { readonly tree: string; readonly leaf_index: number };
  /** The halves that were judged. */
  readonly records: readonly StoredRecord[];
}

export interface BreaksAnswer {
  readonly breaks: readonly BreakFound[];
  /** Calls by state; a call counts once. */
  readonly counts: Readonly<Record<string, number>>;
  readonly next: string | null;
  /** Every call due before then is settled; null before the first. */
  readonly settled_through: string | null;
  readonly partial: boolean;
  readonly elapsed_ms: number;
}

/** Calls that were first received before `sinceUs` are settled; `names` say who an address is. */
export type Unsettled = Pick<PendingRequest, "sinceUs" | "names">;

const DEFAULT_BREAKS = 100;
const MAX_BREAKS = 1_000;
const VERDICTS = `service_id = 'tallystick' AND observed_principal = 'tallystick' AND event_type = '${VERDICT_TYPE}'`;

interface VerdictRow extends StoredRow {
  readonly us: number;
  readonly holds: 0 | 1;
}

interface Cursor {
  readonly us: number;
  readonly tree: string;
  readonly index: number;
}

export async function listBreaks(
  sources: TallySources,
  scope: Scope,
  request: BreaksRequest,
  signal?: AbortSignal,
): Promise<Pick<BreaksAnswer, "breaks" | "next" | "partial" | "elapsed_ms">> {
  const limit = checkedCount(request.limit, DEFAULT_BREAKS, MAX_BREAKS, "limit");
  const started = sources.clock.monotonicMs();
  const statement = verdictsStatement(sources, scope, request, limit + 1);
  const answer = await sources.reader.select<VerdictRow>(statement, limitsFor(limit + 1), signal);
  const rows = answer.rows.slice(0, limit);
  const verdicts = rows.map((row) => ({ row, verdict: storedRecord(row) }));
  const halves = await recordsAt(
    sources,
    scope,
    verdicts.flatMap(({ verdict }) => placesOf(verdict)),
    signal,
  );
  const isWhole = scopePredicate(scope, new Params()) === "1";
  const breaks = verdicts
    .map(({ row, verdict }) => breakOf(verdict, row.holds === 1, halves))
    .flatMap((found, place) =>
      isWhole ? found : withoutHidden(scope, found, placesOf(verdicts[place]!.verdict).length),
    );
  const last = rows.at(-1);
  const isMore = answer.rows.length > limit && last !== undefined;
  return {
    breaks,
    next: isMore ? encode({ us: last.us, tree: storedRecord(last).tree, index: storedRecord(last).leaf_index }) : null,
    partial: answer.partial,
    elapsed_ms: sources.clock.monotonicMs() - started,
  };
}

function verdictsStatement(sources: TallySources, scope: Scope, request: BreaksRequest, limit: number) {
  const params = new Params();
  const { fromUs, toUs } = periodOf(request, sources.clock.nowUs());
  const after = request.cursor === undefined || request.cursor === "" ? null : decode(request.cursor);
  const attribute = (name: string) => `attributes['${name}']`;
  const edge = request.edge === undefined || request.edge === "" ? null : parseEdge(request.edge);
  const kind = kindOf(request.kind);
  const predicate = allOf([
    VERDICTS,
    scopePredicate(scope, params, "verdicts"),
    periodPredicate("timestamp", fromUs, toUs, params),
    kind === null
      ? `operation IN (${VERDICT_KINDS.map((name) => `'${name}'`).join(", ")})`
      : `operation = ${params.text(kind)}`,
    edge === null
      ? "1"
      : `${attribute(ATTRIBUTE.caller)} = ${params.text(edge.caller)} AND ${attribute(ATTRIBUTE.callee)} = ${params.text(edge.callee)}`,
    after === null ? "1" : afterPredicate(after, params),
  ]);
  // Verdicts on a call that was judged again: what its last judgement said holds, under whichever attempt's id.
  const again = `SELECT ${callNameOf("request_id")} AS call_name, max(attempt) AS last FROM records
WHERE ${VERDICTS} AND attempt > 0 GROUP BY call_name`;
  const holds = `attempt >= again.last`;
  return params.statement(
    `SELECT ${STORED_COLUMNS}, toUnixTimestamp64Micro(timestamp) AS us, ${holds} AS holds
FROM records LEFT JOIN (${again}) AS again ON ${callNameOf("records.request_id")} = again.call_name
WHERE ${predicate} AND ${request.history === true ? "1" : holds}
ORDER BY timestamp DESC, tree DESC, leaf_index DESC LIMIT ${params.add(limit, "UInt64")}${OWN_SETTINGS}`,
  );
}

function kindOf(kind: string | undefined): string | null {
  if (kind === undefined || kind === "") return null;
  if ((VERDICT_KINDS as readonly string[]).includes(kind)) return kind;
  throw new TallystickError("bad_request", "kind is no kind of break.", {
    hint: `Kinds are ${VERDICT_KINDS.join(", ")}.`,
    at: { parameter: "kind" },
  });
}

function afterPredicate({ us, tree, index }: Cursor, params: Params): string {
  const at = `fromUnixTimestamp64Micro(${params.add(us, "Int64")}, 'UTC')`;
  return `(timestamp, toString(tree), leaf_index) < (${at}, ${params.text(tree)}, ${params.add(index, "Int64")})`;
}

const encode = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString("base64url");

function decode(text: string): Cursor {
  try {
    const { us, tree, index } = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Cursor;
    if (Number.isSafeInteger(us) && typeof tree === "string" && Number.isSafeInteger(index)) return { us, tree, index };
  } catch {
    // Told below.
  }
  throw new TallystickError("cursor_invalid", "The cursor is not one that this server gave.");
}

function placesOf({ record }: StoredRecord): readonly HalfPlace[] {
  const text = record.attributes?.[ATTRIBUTE.halves] ?? "";
  return text
    .split(" ")
    .filter((place) => place !== "")
    .map((place) => {
      const colon = place.lastIndexOf(":");
      return { tree: place.slice(0, colon), leaf_index: Number(place.slice(colon + 1)) };
    });
}

/** Records by `tree:index`, as far as the scope sees them. */
export async function recordsAt(
  { reader }: TallySources,
  scope: Scope,
  places: readonly HalfPlace[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, StoredRecord>> {
  if (places.length === 0) return new Map();
  const params = new Params();
  const sql = `SELECT ${STORED_COLUMNS} FROM records
WHERE ${scopePredicate(scope, params)} AND ${isAmong(places, params)}`;
  const { rows } = await reader.select<StoredRow>(params.statement(sql), limitsFor(places.length), signal);
  return new Map(
    rows.map((row) => {
      const record = storedRecord(row);
      return [placeName(record), record];
    }),
  );
}

function breakOf(verdict: StoredRecord, holds: boolean, halves: ReadonlyMap<string, StoredRecord>): BreakFound {
  const { record, tree, leaf_index: leafIndex } = verdict;
  const told = (name: string) => record.attributes?.[name] ?? null;
  return {
    kind: record.operation,
    call_id: told(ATTRIBUTE.callId),
    field: told(ATTRIBUTE.field),
    caller: told(ATTRIBUTE.caller) ?? "",
    callee: told(ATTRIBUTE.callee) ?? "",
    caller_value: told(ATTRIBUTE.callerValue),
    callee_value: told(ATTRIBUTE.calleeValue),
    tolerance: told(ATTRIBUTE.tolerance),
    state: told(ATTRIBUTE.state),
    holds,
    timestamp: record.timestamp,
    verdict: { tree, leaf_index: leafIndex },
    records: placesOf(verdict).flatMap((place) => halves.get(placeName(place)) ?? []),
  };
}

/** What was compared is shown to who sees all halves of it, and that there is a break to who sees any. */
function withoutHidden(scope: Scope, found: BreakFound, halves: number): readonly BreakFound[] {
  // What is about an edge as a whole counts calls of every class.
  if (halves === 0 && scope.dataClasses !== "*") return [];
  if (found.records.length === halves) return [found];
  if (found.records.length === 0) return [];
  return [{ ...found, caller_value: null, callee_value: null }];
}

/** How many calls of the window are in which state; `pending` are those that are not settled yet, which `unsettled` tells. */
export async function countCalls(
  sources: TallySources,
  scope: Scope,
  request: BreaksRequest,
  unsettled: Unsettled,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, number>>> {
  const nowUs = sources.clock.nowUs();
  const period = periodOf(request, nowUs);
  const edge = request.edge === undefined || request.edge === "" ? null : parseEdge(request.edge);
  const params = new Params();
  const rows = edgeRows(period, nowUs, scope, params);
  const names = edge === null ? "1" : `caller = ${params.text(edge.caller)} AND callee = ${params.text(edge.callee)}`;
  const sums = EDGE_STATES.map((state) => `sum(${state}) AS ${state}`).join(", ");
  const settled = params.statement(`SELECT sum(calls) AS calls, ${sums} ${rows.from} AND ${names}${OWN_SETTINGS}`);
  const [counted] = (await sources.reader.select<Record<string, number>>(settled, limitsFor(1), signal)).rows;
  const pending =
    edge === null
      ? await countPending(sources, scope, period, unsettled, signal)
      : await countPendingOf(edge, sources, scope, period, unsettled, signal);
  const { calls = 0, ...states } = counted ?? {};
  return { calls: calls + pending, ...states, pending };
}

/** An edge is one of resolved names, so each call's are looked up. */
async function countPendingOf(
  { caller, callee }: Edge,
  sources: TallySources,
  scope: Scope,
  period: PeriodUs,
  unsettled: Unsettled,
  signal: AbortSignal | undefined,
): Promise<number> {
  const predicate = (params: Params) => `caller = ${params.text(caller)} AND callee = ${params.text(callee)}`;
  const edges = await readPending(sources, scope, { ...unsettled, period, predicate }, signal);
  return edges.reduce((sum, { calls }) => sum + calls, 0);
}

async function countPending(
  { reader }: TallySources,
  scope: Scope,
  { fromUs, toUs }: PeriodUs,
  { sinceUs }: Unsettled,
  signal: AbortSignal | undefined,
): Promise<number> {
  const params = new Params();
  const predicate = allOf([
    periodPredicate("received_at", Math.max(sinceUs, fromUs ?? 0), toUs, params),
    scopePredicate(scope, params),
    IS_HALF,
    // The second half of a call that was settled a moment ago.
    `call_key NOT IN (SELECT call_key FROM ${CALLS.name} WHERE ${WRITTEN} AND minute >= toDateTime(${params.add(Math.floor(sinceUs / 1_000_000) - 120, "Int64")}, 'UTC'))`,
  ]);
  const statement = params.statement(`SELECT uniq(call_key) AS calls FROM records WHERE ${predicate}`);
  const { rows } = await reader.select<{ calls: number }>(statement, limitsFor(1), signal);
  return rows[0]?.calls ?? 0;
}
