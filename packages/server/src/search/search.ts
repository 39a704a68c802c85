import type { StoredRecord } from "@tallystick/record";

import { reportAccess } from "./access-report.ts";
import type { AccessReport, AccessReportRequest } from "./access-report.ts";
import { findBottlenecks } from "./bottlenecks/bottlenecks.ts";
import type { BottlenecksAnswer, BottlenecksRequest } from "./bottlenecks/bottlenecks.ts";
import { exportRecords } from "./export/export.ts";
import type { ExportChunk, ExportRequest } from "./export/export.ts";
import { countFacets } from "./facets.ts";
import type { FacetAnswer, FacetRequest } from "./facets.ts";
import { listFields } from "./fields.ts";
import type { FieldsAnswer } from "./fields.ts";
import { countHistogram } from "./histogram.ts";
import type { HistogramAnswer, HistogramRequest } from "./histogram.ts";
import type { QueryNote } from "./language/syntax.ts";
import { DEFAULT_PAGE_RECORDS, MAX_PAGE_RECORDS } from "./limits.ts";
import { readPage } from "./page.ts";
import { checkedCount } from "./question.ts";
import type { Question } from "./question.ts";
import { readNeighbours } from "./neighbours.ts";
import type { NeighboursAnswer, NeighboursRequest } from "./neighbours.ts";
import { recordAt } from "./record-at.ts";
import { planRun } from "./run.ts";
import type { RunRequest } from "./run.ts";
import type { Scope } from "./scope.ts";
import { isIncomplete } from "./sources.ts";
import type { SearchSources } from "./sources.ts";
import { tailRecords } from "./tail.ts";
import type { TailEvent, TailRequest } from "./tail.ts";
import { directionOf, subjectOf, timelineRun } from "./timeline.ts";
import type { TimelineAnswer, TimelineRequest } from "./timeline.ts";
import { readTrace } from "./trace/trace.ts";
import type { TraceAnswer, TraceRequest } from "./trace/trace.ts";
import { isMissing } from "./tree-sizes.ts";

/**
 * Everything that readers ask of the index. Each question is put under a scope, has limits of time, rows and
 * memory, and says when its answer was cut. Pages of one run are consistent: the first page fixes the size of every
 * tree, the cursor carries it, so a record that arrives later is on none of them and every other one is on exactly
 * one.
 */
export interface SearchRequest extends RunRequest {
  /** At most 1,000; 100 by default. */
  readonly limit?: number | null;
}

export interface SearchAnswer {
  readonly records: readonly StoredRecord[];
  /** Null on the last page. */
  readonly next: string | null;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  /** A limit cut the answer, or the index does not hold all of the trees at the moment. */
  readonly partial: boolean;
  readonly notes: readonly QueryNote[];
}

export class Search {
  private readonly sources: SearchSources;

  constructor(sources: SearchSources) {
    this.sources = sources;
  }

  async search(scope: Scope, request: SearchRequest, signal?: AbortSignal): Promise<SearchAnswer> {
    const { reader, clock, follower } = this.sources;
    const run = planRun(this.sources, scope, request);
    const limit = checkedCount(request.limit, DEFAULT_PAGE_RECORDS, MAX_PAGE_RECORDS, "limit");
    const page = await readPage(reader, clock, { ...run, limit, firstWidthUs: null }, signal);
    return {
      records: page.records,
      next: page.next === null ? null : run.cursorAt(page.next),
      elapsed_ms: page.elapsedMs,
      scanned_rows: page.scannedRows,
      partial: page.partial || isIncomplete(this.sources) || isMissing(run.sizes, follower.positions()),
      notes: page.notes,
    };
  }

  /** One record by its place; null when the scope does not see it or the index does not have it. */
  recordAt(scope: Scope, tree: string, leafIndex: number, signal?: AbortSignal): Promise<StoredRecord | null> {
    return recordAt(this.sources.reader, scope, tree, leafIndex, signal);
  }

  histogram(scope: Scope, request: HistogramRequest, signal?: AbortSignal): Promise<HistogramAnswer> {
    return countHistogram(this.sources, scope, request, signal);
  }

  facets(scope: Scope, request: FacetRequest, signal?: AbortSignal): Promise<FacetAnswer> {
    return countFacets(this.sources, scope, request, signal);
  }

  fields(scope: Scope, question: Question, signal?: AbortSignal): Promise<FieldsAnswer> {
    return listFields(this.sources, scope, question, signal);
  }

  /** Every record that belongs to an id, as one tree of calls. */
  trace(scope: Scope, request: TraceRequest, signal?: AbortSignal): Promise<TraceAnswer> {
    return readTrace(this.sources, scope, request, signal);
  }

  /** Operations by the time that they add to the newest matching traces, and the calls that failed first in them. */
  bottlenecks(scope: Scope, request: BottlenecksRequest, signal?: AbortSignal): Promise<BottlenecksAnswer> {
    return findBottlenecks(this.sources, scope, request, signal);
  }

  /** What one service, credential or person did and what was done to it, in order. */
  async timeline(scope: Scope, request: TimelineRequest, signal?: AbortSignal): Promise<TimelineAnswer> {
    const subject = subjectOf(request);
    const run = { ...timelineRun(request, subject), limit: request.limit ?? null };
    const { records, ...answer } = await this.search(scope, run, signal);
    return { entries: records.map((stored) => ({ direction: directionOf(subject, stored), ...stored })), ...answer };
  }

  /** Who read or changed data of a class, a category or a person. */
  accessReport(scope: Scope, request: AccessReportRequest, signal?: AbortSignal): Promise<AccessReport> {
    return reportAccess(this.sources, scope, request, signal);
  }

  /** A timeline as text, whole: every record with its direction. */
  exportTimeline(
    scope: Scope,
    request: TimelineRequest & Pick<ExportRequest, "format" | "proof">,
    signal?: AbortSignal,
  ): AsyncIterable<ExportChunk> {
    const subject = subjectOf(request);
    const { format, proof, ...rest } = request;
    const direction = (stored: StoredRecord) => directionOf(subject, stored);
    return this.export(scope, { ...timelineRun(rest, subject), format, proof, direction }, signal);
  }

  /** What happened around a record; null when there is no such record for this reader. */
  neighbours(scope: Scope, request: NeighboursRequest, signal?: AbortSignal): Promise<NeighboursAnswer | null> {
    return readNeighbours(this.sources, scope, request, signal);
  }

  /** Records as they become searchable, in journal order of each tree. Ends with the signal. */
  tail(scope: Scope, request: TailRequest, signal: AbortSignal): AsyncIterable<TailEvent> {
    return tailRecords(this.sources, scope, request, signal);
  }

  /** All matching records as text, in constant memory. */
  export(scope: Scope, request: ExportRequest, signal?: AbortSignal): AsyncIterable<ExportChunk> {
    return exportRecords(this.sources, scope, request, signal);
  }
}
