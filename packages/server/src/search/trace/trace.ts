import { formatTimestamp } from "@tallystick/record";
import type { StoredRecord } from "@tallystick/record";

import { TallystickError } from "../../errors.ts";
import { parseQuery } from "../language/parser.ts";
import { MAX_QUERY_BYTES, SEARCH_TIMEOUT_MS, TRACE_RECORDS, TRACE_WHOLE_RECORDS } from "../limits.ts";
import { checkedCount, readQuestion } from "../question.ts";
import { readRecords } from "../records-by-key.ts";
import type { Scope } from "../scope.ts";
import { isFilling } from "../sources.ts";
import type { SearchSources } from "../sources.ts";
import { FAILED } from "./call.ts";
import type { ClockOffset } from "./clocks.ts";
import { collectTrace } from "./collect.ts";
import type { Collected, FoundBy } from "./collect.ts";
import type { TraceNode } from "./node.ts";
import type { TraceRow } from "./row.ts";
import { buildTree } from "./tree.ts";

export interface TraceRequest {
  /** A trace id, request id, message id, causation or correlation id, call id or record id. */
  readonly id: string;
  /** Half-open; records outside are left out. */
  readonly from?: string | null;
  readonly to?: string | null;
  /** What the records found name is looked for as well; true by default. */
  readonly follow?: boolean | null;
  /** With the records whole, of which there are then at most 1,000. */
  readonly records?: boolean | null;
  /** At most 10,000 records, which is the default. */
  readonly limit?: number | null;
}

export interface TraceNote {
  readonly code: "not_followed" | "circle";
  readonly message: string;
}

export interface TraceAnswer {
  readonly id: string;
  /** Which kinds of id it is. */
  readonly found_by: readonly FoundBy[];
  readonly trace_ids: readonly string[];
  readonly started: string;
  /** From the beginning of the earliest call to the end of the last. */
  readonly duration_us: number;
  /** Node of the root that lasted longest. */
  readonly root: number;
  /** Node of the failed call that none of its own calls explains and that ended first. */
  readonly first_failure: number | null;
  readonly counts: TraceCounts;
  readonly services: readonly string[];
  readonly clocks: readonly ClockOffset[];
  readonly nodes: readonly TraceNode[];
  /** Null unless asked for. */
  readonly records: readonly StoredRecord[] | null;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
  readonly notes: readonly TraceNote[];
}

export interface TraceCounts {
  readonly records: number;
  readonly calls: number;
  readonly roots: number;
  readonly failed: number;
  /** Calls of which a half is missing. */
  readonly unpaired: number;
  readonly retries: number;
  readonly orphans: number;
}

/** TallystickError `not_found` when no record that the scope sees has the id. */
export async function readTrace(
  sources: SearchSources,
  scope: Scope,
  request: TraceRequest,
  signal?: AbortSignal,
): Promise<TraceAnswer> {
  const started = sources.clock.monotonicMs();
  const { id, records: whole } = request;
  checkId(id);
  const most = whole === true ? TRACE_WHOLE_RECORDS : TRACE_RECORDS;
  const limit = checkedCount(request.limit, most, most, "limit");
  const nowUs = sources.clock.nowUs();
  const { fromUs, toUs } = readQuestion({ from: request.from ?? null, to: request.to ?? null }, nowUs);
  const query = parseQuery("");
  const names = sources.names();
  const filter = { scope, query, own: false, axis: "timestamp" as const, fromUs, toUs, nowUs, sizes: null, names };
  const collected = await collectTrace(sources, { id, filter, limit, follow: request.follow ?? true }, signal);
  if (collected.found.length === 0) throw nothingFound(id, isFilling(sources));
  const rows = collected.found.map(({ row }) => row);
  const stored = whole === true ? await wholeRecords(sources, rows, signal) : null;
  return {
    ...answerOf(id, collected),
    records: stored?.records ?? null,
    elapsed_ms: sources.clock.monotonicMs() - started,
    scanned_rows: collected.scannedRows + (stored?.scannedRows ?? 0),
    partial: collected.partial || isFilling(sources) || (stored !== null && stored.records.length < rows.length),
  };
}

function answerOf(id: string, collected: Collected) {
  const { nodes, root, first_failure, startUs, durationUs, clocks, circles } = buildTree(collected.found);
  const rows = collected.found.map(({ row }) => row);
  const names = rows.flatMap((row) => [row.service_id, row.target_id]).filter((name) => name !== "none");
  return {
    id,
    found_by: collected.asked,
    trace_ids: distinct(rows.map((row) => row.trace_id).filter((trace) => trace !== "")),
    started: formatTimestamp(Math.max(startUs, 0)),
    duration_us: durationUs,
    root,
    first_failure,
    counts: countsOf(nodes, rows.length),
    services: distinct(names).toSorted(),
    clocks,
    nodes,
    notes: notesOf(collected, circles),
  };
}

function checkId(id: string): void {
  const problem = id === "" ? "is empty" : Buffer.byteLength(id) > MAX_QUERY_BYTES ? "is too long" : null;
  if (problem !== null)
    throw new TallystickError("bad_request", `The id ${problem}.`, {
      hint: "Give a trace id, a request id, a message id or a call id.",
    });
}

function nothingFound(id: string, filling: boolean): TallystickError {
  return new TallystickError("not_found", `No record has ${id} as its trace, request, message, cause or call.`, {
    hint: filling
      ? "The index is being built; ask again when it is ready."
      : "Records are found about a second after they are acknowledged; without from and to all of time is looked at.",
  });
}

function wholeRecords(sources: SearchSources, rows: readonly TraceRow[], signal: AbortSignal | undefined) {
  const keys = rows.map((row) => ({
    tree: row.tree,
    leaf_index: row.leaf_index,
    order_us: row.start_us,
    timestamp_us: row.start_us,
    service_id: row.service_id,
  }));
  return readRecords(sources.reader, keys, SEARCH_TIMEOUT_MS, signal);
}

function countsOf(nodes: readonly TraceNode[], records: number): TraceCounts {
  const count = (holds: (node: TraceNode) => boolean) => nodes.filter(holds).length;
  return {
    records,
    calls: nodes.length,
    roots: count(({ parent }) => parent === null),
    failed: count(({ status }) => FAILED.has(status)),
    unpaired: count(({ missing }) => missing.length > 0),
    retries: count(({ retry_of: first }) => first !== null),
    orphans: count(({ orphan }) => orphan),
  };
}

function notesOf({ unfollowed }: Collected, circles: readonly number[]): readonly TraceNote[] {
  const notes: TraceNote[] = [];
  if (circles.length > 0)
    notes.push({
      code: "circle",
      message: `Nodes that name a call below themselves as their parent are shown as roots: ${circles.slice(0, 8).join(", ")}.`,
    });
  if (unfollowed)
    notes.push({
      code: "not_followed",
      message: "There are more ids than are followed at once; what only those lead to is not looked for.",
    });
  return notes;
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
