/**
 * Which producers there are, what is there of their sequences and what is missing, and who has gone silent. All is
 * computed when somebody asks, from what is in the `producers` table; each answer has limits of time, rows and memory
 * and says as of when it holds.
 */
import { createHash } from "node:crypto";
import { formatTimestamp } from "@tallystick/record";
import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import { unavailable } from "../index/home.ts";
import type { IndexReader, QueryAnswer } from "../index/index-seam.ts";
import { allOf, Params } from "../search/compile/sql.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../search/limits.ts";
import { checkedCount } from "../search/question.ts";
import type { Scope } from "../search/scope.ts";
import type { ProducerFollower } from "./producer-follower.ts";
import { readGaps } from "./producer-gaps.ts";
import type { Gap, GapsOf, RunBounds } from "./producer-gaps.ts";
import { isOneOf, PRODUCER_KEYS, RUN_KEYS } from "./producer-keys.ts";
import type { ProducerKey, RunKey } from "./producer-keys.ts";
import {
  DEFAULT_GAPS,
  DEFAULT_PAGE_PRODUCERS,
  FRESH_US,
  MAX_ANSWER_GAPS,
  MAX_PAGE_PRODUCERS,
  MAX_PRODUCER_CURSOR_LENGTH,
  PAGE_SEARCH_MS,
  PAGE_WINDOW_PRODUCERS,
} from "./producer-limits.ts";
import { heldNow, IS_FIRST_LOG, RUN_FACTS, runFacts, statePredicate } from "./producer-runs.ts";
import type { Now, ProducerState, SilenceRules } from "./producer-runs.ts";
import { producersIn, producerWindows } from "./producer-windows.ts";
import type { WantedProducers } from "./producer-windows.ts";

export interface ProducersRequest extends WantedProducers {
  readonly recorder_id?: string | undefined;
  readonly state?: ProducerState | undefined;
  /** With superseded runs that are whole, and with producers not heard of for long. */
  readonly history?: boolean | undefined;
  /** Runs on a page, at most 1,000; 100 by default. */
  readonly limit?: number | undefined;
  /** Gaps shown of a run; 10 by default, at most 10,000 on a page. */
  readonly gaps?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

export interface ProducerRun {
  readonly log: string;
  readonly producer_id: string;
  readonly producer_epoch: string;
  /** Who authenticated: another one with the same producer_id is another producer. */
  readonly principal: string;
  /** Of its newest record. */
  readonly recorder_id: string;
  /** The worst that holds: gap, then silent; a run can be both. */
  readonly state: ProducerState;
  readonly silent: boolean;
  /** Another run of the producer began after this one was heard last. */
  readonly superseded: boolean;
  /** Lowest and highest number seen; null while there is none. */
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  /** Highest number that a heartbeat or close names; null without one. */
  readonly claimed_last_seq: number | null;
  /** Different numbers seen. */
  readonly count: number;
  /** Records whose number another record had. */
  readonly duplicates: number;
  /** Records without a number. */
  readonly unnumbered: number;
  readonly missing: number;
  readonly gaps: readonly Gap[];
  readonly more_gaps: boolean;
  /** Runs of the producer beside this one. */
  readonly restarts: number;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly last_heartbeat: string | null;
  readonly closed_at: string | null;
  readonly silent_after_s: number;
  readonly silent_after_source: "declared" | "learned" | "default";
  /** The usual pause that was learned; null when there is none. */
  readonly usual_pause_s: number | null;
}

export interface ProducersAnswer {
  readonly producers: readonly ProducerRun[];
  readonly next: string | null;
  /** All that was journaled before is in the answer. */
  readonly as_of: string;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  /** Time was up before the page was full, or the tables are behind. */
  readonly partial: boolean;
}

interface RunRow extends RunBounds {
  readonly recorder_id: string;
  readonly first_seen_us: number;
  readonly last_seen_us: number;
  readonly unnumbered: number;
  readonly last_heartbeat_us: number;
  readonly claimed_last: number;
  readonly closed_us: number;
  readonly restarts: number;
  readonly duplicates: number;
  readonly superseded: number;
  readonly closed: number;
  readonly usual_s: number;
  readonly silent_after_us: number;
  readonly silent_after_source: ProducerRun["silent_after_source"];
  readonly silent: number;
  readonly state: ProducerState;
}

export interface ProducersSources {
  readonly reader: IndexReader;
  readonly follower: Pick<ProducerFollower, "isReady" | "asOfUs" | "listeningSinceUs">;
  readonly clock: Clock;
  readonly rules: SilenceRules;
}

const LIMITS = { timeoutMs: SEARCH_TIMEOUT_MS, maxMemoryBytes: SEARCH_MEMORY_BYTES };

/** TallystickError `bad_request`, `cursor_invalid`, and what the reader of the index throws. */
export async function listProducers(
  sources: ProducersSources,
  scope: Scope,
  request: ProducersRequest,
  signal?: AbortSignal,
): Promise<ProducersAnswer> {
  const { reader, follower, clock } = sources;
  if (!follower.isReady()) throw unavailable();
  const limit = checkedCount(request.limit, DEFAULT_PAGE_PRODUCERS, MAX_PAGE_PRODUCERS, "limit");
  const maxGaps = checkedCount(request.gaps, DEFAULT_GAPS, Math.floor(MAX_ANSWER_GAPS / limit), "gaps");
  const question = questionHash(request);
  const after = request.cursor === undefined ? null : decodeCursor(request.cursor, question);
  const now = { asOfUs: follower.asOfUs(), listeningSinceUs: follower.listeningSinceUs };
  const beganMs = clock.monotonicMs();
  const page = await findPage(sources, scope, request, { now, after, limit }, signal);
  const answer = await readRuns(sources, page.places, now, signal);
  const gapsOf = await readGaps(reader, answer.rows, { maxGaps, sharedLogs: sources.rules.sharedLogs }, LIMITS, signal);
  return {
    producers: answer.rows.map((row) => shown(row, gapsOf)),
    next: page.goesOnAfter === null ? null : encodeCursor(page.goesOnAfter, question),
    as_of: formatTimestamp(now.asOfUs),
    elapsed_ms: clock.monotonicMs() - beganMs,
    scanned_rows: page.scannedRows + answer.scannedRows,
    partial: page.isCut || clock.nowUs() - now.asOfUs > FRESH_US,
  };
}

/** A run's place in the order of the list. */
interface RunPlace extends RunKey {
  readonly first_seen_us: number;
}

const PLACE = `${PRODUCER_KEYS.join(", ")}, first_seen_us, producer_epoch`;

interface PageBounds {
  readonly now: Now;
  readonly after: RunPlace | null;
  readonly limit: number;
}

interface Page {
  readonly places: readonly RunPlace[];
  /** Null on the last page. */
  readonly goesOnAfter: RunPlace | null;
  /** Time was up before enough were found. */
  readonly isCut: boolean;
  readonly scannedRows: number;
}

async function findPage(
  sources: ProducersSources,
  scope: Scope,
  request: ProducersRequest,
  bounds: PageBounds,
  signal: AbortSignal | undefined,
): Promise<Page> {
  const { reader, clock } = sources;
  const { log, producer_id, principal } = request;
  const wanted = { log, producer_id, principal };
  const deadlineMs = clock.monotonicMs() + PAGE_SEARCH_MS;
  const found: RunPlace[] = [];
  let scannedRows = 0;
  const windows = { scope, wanted, from: bounds.after, firstProducers: PAGE_WINDOW_PRODUCERS, limits: LIMITS };
  for await (const window of producerWindows(reader, windows, signal)) {
    const params = new Params();
    const condition = producersIn(scope, wanted, window, params);
    const isOncePerProducer = scope.logs === "*" && log === undefined;
    const filters = [condition, isOncePerProducer ? IS_FIRST_LOG : "1"] as const;
    const statement = pageStatement(filters, request, sources.rules, bounds, params);
    const maxRows = bounds.limit + 1 - found.length;
    const answer = await reader.select<RunPlace>(statement, { ...LIMITS, maxRows }, signal);
    found.push(...answer.rows);
    scannedRows += answer.scannedRows;
    const places = found.slice(0, bounds.limit);
    if (found.length > bounds.limit) return { places, goesOnAfter: places.at(-1)!, isCut: false, scannedRows };
    if (window.to !== null && clock.monotonicMs() > deadlineMs)
      return { places, goesOnAfter: lastPlaceOf(window.to), isCut: true, scannedRows };
  }
  return { places: found, goesOnAfter: null, isCut: false, scannedRows };
}

/** After all runs that a producer can have. */
function lastPlaceOf({ log, producer_id, principal }: ProducerKey): RunPlace {
  return { log, producer_id, principal, producer_epoch: "", first_seen_us: Number.MAX_SAFE_INTEGER };
}

/** States that do not say whether a run is silent. */
const WITHOUT_SILENCE: ReadonlySet<ProducerState | undefined> = new Set([undefined, "gap", "closed"]);

/** RunPlace of the runs to show and of one more; what is usual is worked out where it decides. */
function pageStatement(
  [condition, isShown]: readonly [string, string],
  { recorder_id: recorder, state, history = false }: ProducersRequest,
  rules: SilenceRules,
  { now, after, limit }: PageBounds,
  params: Params,
) {
  const facts = runFacts(condition, WITHOUT_SILENCE.has(state) ? "none" : "quiet", rules, now, params);
  const filter = allOf([
    isShown,
    history ? "1" : heldNow(rules, now, params),
    statePredicate(state),
    recorder === undefined ? "1" : `recorder_id = ${params.text(recorder)}`,
    after === null ? "1" : `(${PLACE}) > (${placeText(after, params)})`,
  ]);
  const more = params.add(limit + 1, "UInt64");
  return params.statement(`SELECT ${PLACE} FROM (${facts}) WHERE ${filter} ORDER BY ${PLACE} LIMIT ${more}`);
}

function placeText(place: RunPlace, params: Params): string {
  const producer = PRODUCER_KEYS.map((name) => params.text(place[name]));
  return [...producer, params.add(place.first_seen_us, "Int64"), params.text(place.producer_epoch)].join(", ");
}

/** All that is said of runs that were found under a scope just before. */
async function readRuns(
  { reader, rules }: ProducersSources,
  places: readonly RunPlace[],
  now: Now,
  signal: AbortSignal | undefined,
): Promise<QueryAnswer<RunRow>> {
  if (places.length === 0) return { rows: [], elapsedMs: 0, scannedRows: 0, partial: false };
  const params = new Params();
  const facts = runFacts(isOneOf(PRODUCER_KEYS, places, params), "all", rules, now, params);
  const statement = params.statement(
    `SELECT ${RUN_FACTS.join(", ")} FROM (${facts}) WHERE ${isOneOf(RUN_KEYS, places, params)} ORDER BY ${PLACE}`,
  );
  return reader.select<RunRow>(statement, { ...LIMITS, maxRows: places.length }, signal);
}

function shown(row: RunRow, gapsOf: GapsOf): ProducerRun {
  const { log, producer_id, producer_epoch, principal, recorder_id, state, count, missing } = row;
  const time = (us: number) => (us > 0 ? formatTimestamp(us) : null);
  return {
    log,
    producer_id,
    producer_epoch,
    principal,
    recorder_id,
    state,
    silent: row.silent === 1,
    superseded: row.superseded === 1,
    first_seq: count === 0 ? null : row.first_number,
    last_seq: count === 0 ? null : row.last_number,
    claimed_last_seq: row.claimed_last < 0 ? null : row.claimed_last,
    count,
    duplicates: row.duplicates,
    unnumbered: row.unnumbered,
    missing,
    ...gapsOf(row),
    restarts: row.restarts,
    first_seen: formatTimestamp(row.first_seen_us),
    last_seen: formatTimestamp(row.last_seen_us),
    last_heartbeat: time(row.last_heartbeat_us),
    closed_at: row.closed === 1 ? time(row.closed_us) : null,
    silent_after_s: row.silent_after_us / 1_000_000,
    silent_after_source: row.silent_after_source,
    usual_pause_s: row.usual_s > 0 ? row.usual_s : null,
  };
}

/** What a cursor is bound to, so that it is not used with another question by mistake. */
function questionHash(request: ProducersRequest): string {
  const { log, producer_id: id, principal, recorder_id: recorder, state, history = false } = request;
  const question = JSON.stringify([log, id, principal, recorder, state, history]);
  return createHash("sha256").update(question).digest("base64url").slice(0, 22);
}

function encodeCursor(place: RunPlace, question: string): string {
  const keys = RUN_KEYS.map((name) => place[name]);
  return Buffer.from(JSON.stringify([question, place.first_seen_us, ...keys])).toString("base64url");
}

function decodeCursor(text: string, question: string): RunPlace {
  const [, firstSeenUs, ...keys] = parsed(text);
  const [log, producer_id, principal, producer_epoch] = keys;
  const place = { log, producer_id, principal, producer_epoch, first_seen_us: firstSeenUs } as RunPlace;
  const isPlace = Number.isSafeInteger(firstSeenUs) && keys.length === RUN_KEYS.length && keys.every(isText);
  if (isPlace && encodeCursor(place, question) === text) return place;
  throw new TallystickError("cursor_invalid", "The cursor cannot be used.", {
    hint: "Begin again without a cursor, with the same filters on every page.",
  });
}

const isText = (value: unknown): boolean => typeof value === "string";

function parsed(text: string): readonly unknown[] {
  if (text.length > MAX_PRODUCER_CURSOR_LENGTH) return [];
  try {
    const content: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}
