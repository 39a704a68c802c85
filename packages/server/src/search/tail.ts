import type { StoredRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { QueryAnswer } from "../index/index-seam.ts";
import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { Params } from "./compile/sql.ts";
import { filterPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import {
  SEARCH_MEMORY_BYTES,
  SEARCH_TIMEOUT_MS,
  TAIL_MAX_BEHIND_LEAVES,
  TAIL_PAGE_RECORDS,
  TAIL_RANGE_LEAVES,
} from "./limits.ts";
import { readQuestion } from "./question.ts";
import type { Question } from "./question.ts";
import { logOf, sees } from "./scope.ts";
import type { Scope } from "./scope.ts";
import { isFilling } from "./sources.ts";
import type { SearchSources } from "./sources.ts";
import { TailPosition } from "./tail-position.ts";
import type { JournaledTree, LeafSpan } from "./tail-position.ts";

/**
 * Matching records as they become searchable: every one exactly once, in journal order of each tree. The reader
 * pulls, and nothing is read from the index before it does, so a slow one holds at most one page; one that falls
 * too far behind is told so and ended.
 */
export interface TailRequest extends Question {
  /** Id of the last event that the reader has; without it the tail begins with what comes next. */
  readonly lastEventId?: string | null;
  /** What the journal holds; an id beyond it is refused. */
  readonly journaled?: readonly JournaledTree[];
}

export type TailEvent =
  | { readonly kind: "record"; readonly id: string; readonly record: StoredRecord }
  /** Nothing matched up to here; resuming from this id spares looking at it again. Also the first event. */
  | { readonly kind: "position"; readonly id: string }
  /** The last event. The reader may come back with the id. */
  | { readonly kind: "end"; readonly id: string; readonly reason: "too_slow" };

/** A faulty request is refused at once: `query_syntax`, `bad_request`, `cursor_invalid`, `position_gone`. */
export function tailRecords(
  sources: SearchSources,
  scope: Scope,
  request: TailRequest,
  signal: AbortSignal,
): AsyncIterable<TailEvent> {
  const nowUs = sources.clock.nowUs();
  // Calls of what just came are not settled: names and aliases are what there is.
  const names = { ...sources.names(), calls: null };
  const filter: RecordFilter = { ...readQuestion(request, nowUs), scope, nowUs, sizes: null, names };
  filterPredicate(filter, new Params());
  return follow(sources, filter, beginning(sources, scope, request), signal);
}

/** Null: at the end of the index once it is filled. */
function beginning(sources: SearchSources, scope: Scope, request: TailRequest): TailPosition | null {
  const { lastEventId, journaled = null } = request;
  const positions = sources.follower.positions();
  if (lastEventId === undefined || lastEventId === null || lastEventId === "")
    return isFilling(sources) ? null : TailPosition.atEnd(positions, scope);
  if (positions.length > 0 || !isFilling(sources)) return TailPosition.parse(lastEventId, positions, scope, journaled);
  throw new TallystickError("index_unavailable", "The index is not ready to go on with a tail.", {
    hint: "Try again in a few seconds, with the same Last-Event-ID.",
    retryAfterS: 2,
  });
}

async function* follow(
  sources: SearchSources,
  filter: RecordFilter,
  begin: TailPosition | null,
  signal: AbortSignal,
): AsyncGenerator<TailEvent, void> {
  const { follower } = sources;
  const { scope } = filter;
  const arrivals = new Arrivals((listener) => follower.onIndexed((tree) => sees(scope, tree) && listener()), signal);
  let caughtUp = false;
  try {
    const position = begin ?? (await endOfFilled(sources, scope, arrivals, signal));
    yield { kind: "position", id: position.id() };
    while (!signal.aborted) {
      const range = position.nextRange(follower.positions(), scope, TAIL_RANGE_LEAVES);
      if (range === null) {
        caughtUp = true;
        await arrivals.next();
      } else if (caughtUp && position.behind(follower.positions(), scope) > TAIL_MAX_BEHIND_LEAVES) {
        yield { kind: "end", id: position.id(), reason: "too_slow" };
        return;
      } else yield* rangeEvents(sources, filter, position, range, signal);
    }
  } finally {
    arrivals.close();
  }
}

async function endOfFilled(
  sources: SearchSources,
  scope: Scope,
  arrivals: Arrivals,
  signal: AbortSignal,
): Promise<TailPosition> {
  while (isFilling(sources) && !signal.aborted) await arrivals.next();
  return TailPosition.atEnd(sources.follower.positions(), scope);
}

async function* rangeEvents(
  { reader, follower }: SearchSources,
  filter: RecordFilter,
  position: TailPosition,
  range: LeafSpan,
  signal: AbortSignal,
): AsyncGenerator<TailEvent, void> {
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: TAIL_PAGE_RECORDS, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  let from = range.from;
  while (from < range.to) {
    const rows = await selected(
      reader.select<StoredRow>(rangeStatement(filter, { ...range, from }), limits, signal),
      signal,
    );
    if (rows === null) return;
    for (const row of rows) {
      const record = storedRecord(row);
      yield { kind: "record", id: position.id({ tree: range.tree, leafIndex: record.leaf_index }), record };
    }
    const last = rows.at(-1);
    from = last !== undefined && rows.length === TAIL_PAGE_RECORDS ? storedRecord(last).leaf_index + 1 : range.to;
    position.advance(range.tree, from, follower.positions());
  }
  yield { kind: "position", id: position.id() };
}

/** Null when the reader went away meanwhile. */
async function selected<Row>(answer: Promise<QueryAnswer<Row>>, signal: AbortSignal): Promise<readonly Row[] | null> {
  try {
    const { rows } = await answer;
    return signal.aborted ? null : rows;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

function rangeStatement(filter: RecordFilter, { tree, from, to }: LeafSpan) {
  const params = new Params();
  const { predicate } = filterPredicate(filter, params);
  const place =
    `log = ${params.text(logOf(tree))} AND tree = ${params.text(tree)} AND ` +
    `leaf_index >= ${params.add(from, "Int64")} AND leaf_index < ${params.add(to, "Int64")}`;
  const order = `ORDER BY leaf_index LIMIT ${params.add(TAIL_PAGE_RECORDS, "UInt64")}`;
  return params.statement(`SELECT ${STORED_COLUMNS} FROM records WHERE ${place} AND (${predicate}) ${order}`);
}

/** Wakes its waiter when something was indexed since it last asked, or at the end; then it also stops listening. */
class Arrivals {
  private arrived = false;
  private wake: () => void = () => undefined;
  private readonly unsubscribe: () => void;
  private readonly signal: AbortSignal;

  constructor(subscribe: (listener: () => void) => () => void, signal: AbortSignal) {
    this.signal = signal;
    this.unsubscribe = subscribe(this.notify);
    signal.addEventListener("abort", this.close);
  }

  async next(): Promise<void> {
    if (!this.arrived && !this.signal.aborted) await new Promise<void>((resolve) => (this.wake = resolve));
    this.arrived = false;
  }

  readonly close = (): void => {
    this.unsubscribe();
    this.signal.removeEventListener("abort", this.close);
    this.notify();
  };

  private readonly notify = (): void => {
    this.arrived = true;
    this.wake();
  };
}
