import type { StoredRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { isTallystickError } from "../errors.ts";
import type { IndexReader, QueryAnswer, Statement } from "../index/index-seam.ts";
import { storedRecord } from "../index/rows.ts";
import { Params } from "./compile/sql.ts";
import type { PageKey } from "./cursor.ts";
import { filterPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import { keyStatement, recordStatement } from "./page-statement.ts";
import type { KeyRow, PageQuestion, PlacedRow, RecordRow } from "./page-statement.ts";
import type { QueryNote } from "./language/syntax.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS, WHOLE_PAGE_RECORDS } from "./limits.ts";
import { readRecords } from "./records-by-key.ts";
import { FIRST_WINDOW_US, growingWindows } from "./windows.ts";
import type { PageOrder, Window } from "./windows.ts";

/**
 * One page of matching records in the order (time, tree, leaf index), after a key. First the keys of the page are
 * found, window by window, which reads few columns; then the records of these keys, which reads all columns of few
 * granules. A question for one id is answered by one statement: few records match it, and a second statement costs as
 * much as finding them.
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
  const search = { reader, request, selective, remainingMs, signal };
  const page = selective && request.limit <= WHOLE_PAGE_RECORDS ? await readWhole(search) : await readByKeys(search);
  return { ...page, elapsedMs: clock.monotonicMs() - started, notes };
}

/** What one page is read with. */
interface PageSearch {
  readonly reader: IndexReader;
  readonly request: PageRequest;
  /** Few records match, so the whole period is one window. */
  readonly selective: boolean;
  readonly remainingMs: () => number;
  readonly signal: AbortSignal | undefined;
}

type PageContent = Pick<Page, "records" | "next" | "scannedRows" | "partial">;

async function readWhole(search: PageSearch): Promise<PageContent> {
  const found = await findRows<RecordRow>(search, recordStatement);
  const records = found.rows.slice(0, search.request.limit).map(storedRecord);
  return { records, next: nextKey(found, search.request), scannedRows: found.scannedRows, partial: found.partial };
}

async function readByKeys(search: PageSearch): Promise<PageContent> {
  const { reader, request, remainingMs, signal } = search;
  const found = await findRows<KeyRow>(search, keyStatement);
  const kept = found.rows.slice(0, request.limit);
  const answer = await readRecords(reader, kept, Math.max(remainingMs(), 1_000), signal);
  return {
    records: answer.records,
    next: nextKey(found, request),
    scannedRows: found.scannedRows + answer.scannedRows,
    partial: found.partial || answer.records.length < kept.length,
  };
}

/** Key of the page's last record when more follow it. */
function nextKey({ rows, cut }: FoundRows<PlacedRow>, { limit }: PageRequest): PageKey | null {
  const last = rows[limit - 1];
  const isMore = rows.length > limit && last !== undefined;
  return isMore ? { us: last.order_us, tree: last.tree, leafIndex: last.leaf_index } : cut;
}

interface FoundRows<Row> {
  /** At most one more than the page's limit. */
  readonly rows: readonly Row[];
  readonly scannedRows: number;
  readonly partial: boolean;
  /** Where an answer that was cut goes on. */
  readonly cut: PageKey | null;
}

async function findRows<Row extends PlacedRow>(
  search: PageSearch,
  statementOf: (question: PageQuestion) => Statement,
): Promise<FoundRows<Row>> {
  const { request, selective, remainingMs } = search;
  const { filter, after, order, limit } = request;
  const rows: Row[] = [];
  let scannedRows = 0;
  for (const window of windowsOf(request, selective)) {
    const wanted = limit + 1 - rows.length;
    const budget = { wanted, timeoutMs: remainingMs(), emptyHanded: rows.length === 0 };
    const answer = await findInWindow<Row>(search, statementOf({ filter, window, after, order, wanted }), budget);
    if (answer === "cut") return { rows, scannedRows, partial: true, cut: edgeKey(window, order) };
    rows.push(...answer.rows);
    scannedRows += answer.scannedRows;
    if (answer.partial) return { rows, scannedRows, partial: true, cut: null };
    if (rows.length > limit) break;
  }
  return { rows, scannedRows, partial: false, cut: null };
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

async function findInWindow<Row>(
  { reader, signal }: PageSearch,
  statement: Statement,
  { wanted, timeoutMs, emptyHanded }: WindowBudget,
): Promise<QueryAnswer<Row> | "cut"> {
  if (timeoutMs <= 0) return "cut";
  const limits = { timeoutMs, maxRows: wanted, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  try {
    return await reader.select<Row>(statement, limits, signal);
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
