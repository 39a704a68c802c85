/**
 * Finds the records that belong to an id. First those that name it; then, round by round, those that the found ones
 * name or are named by: a trace, a request id, a message, a cause. Bounded in records, rounds, ids and time, so an id
 * that everything shares ends the search and does not read the log.
 */
import type { QueryAnswer } from "../../index/index-seam.ts";
import { instant } from "../compile/times.ts";
import { allOf, Params } from "../compile/sql.ts";
import { wordsOf } from "../compile/words.ts";
import { filterPredicate } from "../filter.ts";
import type { RecordFilter } from "../filter.ts";
import {
  SEARCH_MEMORY_BYTES,
  SEARCH_TIMEOUT_MS,
  TRACE_FOLLOW_IDS,
  TRACE_FOLLOW_ROUNDS,
  TRACE_FOLLOW_US,
  TRACE_WORDS_AT_ONCE,
} from "../limits.ts";
import type { SearchSources } from "../sources.ts";
import {
  CAUSATION_ATTRIBUTES,
  CORRELATION_ATTRIBUTES,
  isMessage,
  isOwnRequestId,
  MESSAGE_ATTRIBUTES,
  TRACE_COLUMNS,
  traceRow,
} from "./row.ts";
import type { TracedRow, TraceRow } from "./row.ts";

/** By which id a record came into the answer. */
export const FOUND_BY = ["trace", "call", "request_id", "message", "causation", "correlation"] as const;
export type FoundBy = (typeof FOUND_BY)[number];

export interface FoundRow {
  readonly row: TraceRow;
  readonly by: FoundBy;
}

export interface Collected {
  readonly found: readonly FoundRow[];
  /** Kinds of id that the id asked for is. */
  readonly asked: readonly FoundBy[];
  readonly elapsedMs: number;
  readonly scannedRows: number;
  /** Records were left out at a limit. */
  readonly partial: boolean;
  /** Some ids were not followed. */
  readonly unfollowed: boolean;
}

export interface CollectRequest {
  readonly id: string;
  readonly filter: RecordFilter;
  readonly limit: number;
  readonly follow: boolean;
}

type Ids = Readonly<Record<FoundBy, readonly string[]>>;

const NO_IDS: Ids = { trace: [], call: [], request_id: [], message: [], causation: [], correlation: [] };

export async function collectTrace(
  sources: SearchSources,
  request: CollectRequest,
  signal?: AbortSignal,
): Promise<Collected> {
  const search = new Gathering(sources, request, signal);
  const { id } = request;
  if (traceIdOf(id) !== null) await search.read({ ...NO_IDS, trace: [id] });
  if (search.found.length === 0)
    await search.read({ trace: [], call: [id], request_id: [id], message: [id], causation: [id], correlation: [id] });
  const asked = FOUND_BY.filter((by) => search.found.some((found) => found.by === by));
  for (let round = 0; request.follow && round < TRACE_FOLLOW_ROUNDS; round++) {
    const ids = search.fresh();
    if (search.partial || FOUND_BY.every((by) => ids[by].length === 0)) break;
    await search.read(ids);
  }
  const { found, elapsedMs, scannedRows, partial, unfollowed } = search;
  return { found, asked, elapsedMs, scannedRows, partial, unfollowed };
}

class Gathering {
  readonly found: FoundRow[] = [];
  elapsedMs = 0;
  scannedRows = 0;
  partial = false;
  unfollowed = false;
  private readonly sources: SearchSources;
  private readonly request: CollectRequest;
  private readonly signal: AbortSignal | undefined;
  private readonly endMs: number;
  private readonly places = new Set<string>();
  private readonly asked = new Set<string>();
  private followed = 0;

  constructor(sources: SearchSources, request: CollectRequest, signal: AbortSignal | undefined) {
    this.sources = sources;
    this.request = request;
    this.signal = signal;
    this.endMs = sources.clock.monotonicMs() + SEARCH_TIMEOUT_MS;
  }

  /** Adds the records that have one of the ids and are not there yet. */
  async read(ids: Ids): Promise<void> {
    const timeoutMs = this.endMs - this.sources.clock.monotonicMs();
    if (timeoutMs <= 0) return void (this.partial = true);
    const wanted = this.request.limit - this.found.length;
    for (const by of FOUND_BY) for (const id of ids[by]) this.asked.add(`${by}:${id}`);
    const params = new Params();
    const conditions = FOUND_BY.flatMap((by) => conditionsOf(by, ids[by], params).map((sql) => ({ by, sql })));
    if (conditions.length === 0) return;
    const limit = params.add(wanted + this.places.size + 1, "UInt64");
    const within = this.within(params);
    const parts = conditions.map(
      ({ by, sql }) =>
        `SELECT ${TRACE_COLUMNS}, '${by}' AS by, timestamp AS at FROM records WHERE ${allOf([sql, within])} ` +
        `ORDER BY timestamp, tree, leaf_index LIMIT ${limit}`,
    );
    const sql = `SELECT traced, by FROM (${parts.join(" UNION ALL ")}) ORDER BY at`;
    const maxRows = (this.request.limit + 1) * conditions.length;
    const limits = { timeoutMs, maxRows, maxMemoryBytes: SEARCH_MEMORY_BYTES };
    const { reader } = this.sources;
    this.add(await reader.select<TracedRow & { by: FoundBy }>(params.statement(sql), limits, this.signal));
  }

  /** Once something was found, all else is looked for near it. */
  private within(params: Params): string {
    const { filter } = this.request;
    if (this.found.length === 0) return filterPredicate(filter, params).predicate;
    const starts = this.found.map(({ row }) => row.start_us);
    const from = instant(starts.reduce((a, b) => Math.min(a, b)) - TRACE_FOLLOW_US, params);
    const to = instant(starts.reduce((a, b) => Math.max(a, b)) + TRACE_FOLLOW_US, params);
    return allOf([filterPredicate(filter, params).predicate, `timestamp >= ${from}`, `timestamp <= ${to}`]);
  }

  private add(answer: QueryAnswer<TracedRow & { readonly by: FoundBy }>): void {
    this.elapsedMs += answer.elapsedMs;
    this.scannedRows += answer.scannedRows;
    this.partial ||= answer.partial;
    // The same record may be found by several ids; the kinds are in the order of what they prove.
    const strongestFirst = answer.rows.toSorted((a, b) => FOUND_BY.indexOf(a.by) - FOUND_BY.indexOf(b.by));
    const fresh = new Map<string, FoundRow>();
    for (const { by, ...traced } of strongestFirst) {
      const row = traceRow(traced);
      const place = `${row.tree}:${row.leaf_index}`;
      if (!this.places.has(place) && !fresh.has(place)) fresh.set(place, { row, by });
    }
    const byTime = [...fresh].toSorted(([, a], [, b]) => a.row.start_us - b.row.start_us);
    for (const [place, found] of byTime) {
      if (this.found.length >= this.request.limit) return void (this.partial = true);
      this.places.add(place);
      this.found.push(found);
    }
  }

  /** Ids of the records that came in the last round and were not asked for yet. */
  fresh(): Ids {
    const ids: Record<FoundBy, Set<string>> = {
      trace: new Set(),
      call: new Set(),
      request_id: new Set(),
      message: new Set(),
      causation: new Set(),
      correlation: new Set(),
    };
    for (const { row } of this.found.slice(this.followed)) {
      for (const [by, id] of idsOf(row)) if (id !== "" && !this.asked.has(`${by}:${id}`)) ids[by].add(id);
    }
    this.followed = this.found.length;
    const bounded = (by: FoundBy) => {
      if (ids[by].size > TRACE_FOLLOW_IDS) this.unfollowed = true;
      return [...ids[by]].slice(0, TRACE_FOLLOW_IDS);
    };
    return Object.fromEntries(FOUND_BY.map((by) => [by, bounded(by)])) as unknown as Ids;
  }
}

/** What a record is tied to others by. Who shares a correlation id belongs together only for who asks for it. */
function idsOf(row: TraceRow): readonly (readonly [FoundBy, string])[] {
  const request = isOwnRequestId(row) ? "" : row.request_id;
  return [
    ["trace", row.trace_id],
    ["trace", row.link_trace_id],
    ["request_id", request],
    ["message", row.message_id],
    ["call", isMessage(row) ? row.call_id : ""],
    // What caused it, by any of its names …
    ["call", row.causation_id],
    ["request_id", row.causation_id],
    ["message", row.causation_id],
    // … and what it caused.
    ["causation", row.id],
    ["causation", request],
    ["causation", row.message_id],
  ];
}

/** One condition a way of finding, since an index answers no disjunction of several columns. */
function conditionsOf(by: FoundBy, ids: readonly string[], params: Params): readonly string[] {
  if (ids.length === 0) return [];
  switch (by) {
    case "trace": {
      const hex = ids.map((id) => traceIdOf(id)).filter((id) => id !== null);
      if (hex.length === 0) return [];
      return [`trace_id IN (${hex.map((id) => `unhex(${params.text(id)})`).join(", ")})`];
    }
    case "call":
      return callConditions(ids, params);
    case "request_id":
      return [`request_id IN ${params.add(ids, "Array(String)")}`];
    case "message":
      return attributeConditions(MESSAGE_ATTRIBUTES, ids, params);
    case "causation":
      return attributeConditions(CAUSATION_ATTRIBUTES, ids, params);
    case "correlation":
      return attributeConditions(CORRELATION_ATTRIBUTES, ids, params);
  }
}

const TRACED_CALL = /^([0-9a-f]{32})\/[0-9a-f]{16}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Call ids, and ids of records. */
function callConditions(ids: readonly string[], params: Params): readonly string[] {
  const kept = `call_id_kept IN ${params.add(ids, "Array(String)")}`;
  const records = ids.map((id) => id.toLowerCase()).filter((id) => UUID.test(id));
  const traces = ids.flatMap((id) => TRACED_CALL.exec(id)?.[1] ?? []);
  const byRecord = records.map((id) => `toUUID(${params.text(id)})`).join(", ");
  const byTrace = traces.map((id) => `unhex(${params.text(id)})`).join(", ");
  return [
    kept,
    ...(records.length === 0 ? [] : [`id IN (${byRecord})`]),
    ...(traces.length === 0 ? [] : [`trace_id IN (${byTrace}) AND call_id IN ${params.add(ids, "Array(String)")}`]),
  ];
}

/** The words of the ids are in the text index, which spares reading the maps of other records. */
function attributeConditions(names: readonly string[], ids: readonly string[], params: Params): readonly string[] {
  const conditions: string[] = [];
  for (let start = 0; start < ids.length; start += TRACE_WORDS_AT_ONCE) {
    const some = ids.slice(start, start + TRACE_WORDS_AT_ONCE);
    const words = new Set(some.map((id) => longestWord(id)).filter((word) => word !== ""));
    if (words.size === 0) continue;
    const values = params.add(some, "Array(String)");
    const inIndex = `hasAnyTokens(words, ${params.add([...words], "Array(String)")})`;
    conditions.push(`${inIndex} AND (${names.map((name) => `attributes['${name}'] IN ${values}`).join(" OR ")})`);
  }
  return conditions;
}

function longestWord(id: string): string {
  return wordsOf(id).reduce((longest, word) => (word.length > longest.length ? word : longest), "");
}

/** 32 hexadecimal digits in any case, or the 16 of older tracers, which stand for the same with zeros before them. */
export function traceIdOf(text: string): string | null {
  const lower = text.toLowerCase();
  if (/^[0-9a-f]{32}$/.test(lower)) return lower;
  return /^[0-9a-f]{16}$/.test(lower) ? lower.padStart(32, "0") : null;
}
