import type { StoredRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { isTallystickError } from "../errors.ts";
import type { IndexReader, QueryAnswer } from "../index/index-seam.ts";
import { Params } from "./compile/sql.ts";
import type { PageKey } from "./cursor.ts";
import { filterPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import { keyStatement } from "./key-statement.ts";
import type { KeyRow } from "./key-statement.ts";
import type { QueryNote } from "./language/syntax.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "./limits.ts";
import { readRecords } from "./records-by-key.ts";
import { FIRST_WINDOW_US, growingWindows } from "./windows.ts";
import type { PageOrder, Window } from "./windows.ts";

/**
 * One page of matching records in the order (time, tree, leaf index), after a key. First the keys of the page are
 * found, window by window, which reads few columns; then the records of these keys, which reads all columns of few
 * granules.
 */
export interface PageRequest {
  readonly filter: RecordFilter;
  readonly order: PageOrder;
  readonly limit: number;
  readonly after: PageKey | null;
  /** Width of the first window where the density of records is known; null: a guess. */
  readonly firstWidthUs: number | null;
}

export interface Page {
  readonly records: readonly StoredRecord[];
  /** Key of the last record of the page, or where an answer that was cut can go on; null when nothing follows. */
  readonly next: PageKey | null;
  readonly elapsedMs: number;
  readonly scannedRows: number;
  readonly partial: boolean;
  readonly notes: readonly QueryNote[];
}

export async function readPage(
  reader: IndexReader,
  clock: Clock,
  request: PageRequest,
  signal?: AbortSignal,
): Promise<Page> {
  const started = clock.monotonicMs();
  const remainingMs = () => SEARCH_TIMEOUT_MS - (clock.monotonicMs() - started);
  const { selective, notes } = filterPredicate(request.filter, new Params());
  const found = await findKeys(reader, request, selective, remainingMs, signal);
  const kept = found.keys.slice(0, request.limit);
  const answer = await readRecords(reader, kept, Math.max(remainingMs(), 1_000), signal);
  const last = kept.at(-1);
  const isMore = found.keys.length > request.limit && last !== undefined;
  return {
    records: answer.records,
    next: isMore ? { us: last.order_us, tree: last.tree, leafIndex: last.leaf_index } : found.cut,
    elapsedMs: clock.monotonicMs() - started,
    scannedRows: found.scannedRows + answer.scannedRows,
    partial: found.partial || answer.records.length < kept.length,
    notes,
  };
}

interface FoundKeys {
  /** At most one more than the page's limit. */
  readonly keys: readonly KeyRow[];
  readonly scannedRows: number;
  readonly partial: boolean;
  /** Where an answer that was cut goes on. */
  readonly cut: PageKey | null;
}

async function findKeys(
  reader: IndexReader,
  request: PageRequest,
  selective: boolean,
  remainingMs: () => number,
  signal: AbortSignal | undefined,
): Promise<FoundKeys> {
  const keys: KeyRow[] = [];
  let scannedRows = 0;
  for (const window of windowsOf(request, selective)) {
    const wanted = request.limit + 1 - keys.length;
    const budget = { wanted, timeoutMs: remainingMs(), emptyHanded: keys.length === 0 };
    const answer = await findInWindow(reader, request, window, budget, signal);
    if (answer === "cut") return { keys, scannedRows, partial: true, cut: edgeKey(window, request.order) };
    keys.push(...answer.rows);
    scannedRows += answer.scannedRows;
    if (answer.partial) return { keys, scannedRows, partial: true, cut: null };
    if (keys.length > request.limit) break;
  }
  return { keys, scannedRows, partial: false, cut: null };
}

function windowsOf({ filter, order, after, firstWidthUs }: PageRequest, selective: boolean): Iterable<Window> {
  return growingWindows({
    order,
    fromUs: order === "oldest" && after !== null ? after.us : filter.fromUs,
    toUs: order === "newest" && after !== null ? after.us + 1 : filter.toUs,
    nowUs: filter.nowUs,
    firstWidthUs: selective ? null : (firstWidthUs ?? FIRST_WINDOW_US),
  });
}

interface WindowBudget {
  readonly wanted: number;
  readonly timeoutMs: number;
  /** Nothing was found yet: trouble is thrown rather than answered with what there is. */
  readonly emptyHanded: boolean;
}

async function findInWindow(
  reader: IndexReader,
  { filter, order, after }: PageRequest,
  window: Window,
  { wanted, timeoutMs, emptyHanded }: WindowBudget,
  signal: AbortSignal | undefined,
): Promise<QueryAnswer<KeyRow> | "cut"> {
  if (timeoutMs <= 0) return "cut";
  const limits = { timeoutMs, maxRows: wanted, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  try {
    return await reader.select<KeyRow>(keyStatement({ filter, window, after, order, wanted }), limits, signal);
  } catch (error) {
    if (isTallystickError(error, "query_timeout") && !emptyHanded) return "cut";
    throw error;
  }
}

/** A key right before the window, for an answer that was cut there. */
function edgeKey(window: Window, order: PageOrder): PageKey | null {
  const us = order === "newest" ? window.toUs : window.fromUs;
  if (us === null) return null;
  return order === "newest" ? { us, tree: "", leafIndex: -1 } : { us: us - 1, tree: "\u{10FFFF}", leafIndex: 0 };
}
