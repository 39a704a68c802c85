import { formatTimestamp } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { QueryAnswer } from "../index/index-seam.ts";
import { Params } from "./compile/sql.ts";
import { axisColumn, filterPredicate } from "./filter.ts";
import type { RecordFilter, TimeAxis } from "./filter.ts";
import type { QueryNote } from "./language/syntax.ts";
import { DEFAULT_BUCKETS, MAX_BUCKETS, SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "./limits.ts";
import { checkedCount, readQuestion } from "./question.ts";
import type { Question } from "./question.ts";
import type { Scope } from "./scope.ts";
import { isIncomplete } from "./sources.ts";
import type { SearchSources } from "./sources.ts";
import { durationUs } from "./time.ts";

/**
 * How many records there are over time, by status. Buckets begin at multiples of their width, counted from 1970 in
 * UTC.
 */

export interface HistogramRequest extends Question {
  /** About how many buckets; 90 by default, which gives 60 to 120. */
  readonly buckets?: number | null;
  /** `30s`, `5m`, `1d`: a width of their own instead. */
  readonly width?: string | null;
  /** How long the matching calls took, too. */
  readonly durations?: boolean | null;
}

export interface HistogramBucket {
  readonly start: string;
  readonly count: number;
  readonly by_status: Readonly<Record<string, number>>;
  /** Microseconds, of the records that tell a duration; null when none does, absent unless asked for. */
  readonly p50_us?: number | null;
  readonly p95_us?: number | null;
}

export interface HistogramAnswer {
  readonly width_us: number;
  /** Adjoining, without gaps; empty when nothing matches and no range was given. */
  readonly buckets: readonly HistogramBucket[];
  readonly count: number;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
  readonly notes: readonly QueryNote[];
}

const LIMITS = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: 100_000, maxMemoryBytes: SEARCH_MEMORY_BYTES };

export async function countHistogram(
  sources: SearchSources,
  scope: Scope,
  request: HistogramRequest,
  signal?: AbortSignal,
): Promise<HistogramAnswer> {
  const { reader, clock } = sources;
  const nowUs = clock.nowUs();
  const filter: RecordFilter = { ...readQuestion(request, nowUs), scope, nowUs, sizes: null, names: sources.names() };
  const asked = checkedCount(request.buckets, DEFAULT_BUCKETS, MAX_BUCKETS, "buckets");
  const span = await spanOf(sources, filter, signal);
  const empty = span.fromUs >= span.toUs;
  const widthUs = empty ? 1_000_000 : bucketWidth(span.fromUs, span.toUs, asked, request.width ?? null);
  const params = new Params();
  const { counting, notes } = filterPredicate({ ...filter, fromUs: span.fromUs, toUs: span.toUs }, params);
  const bucket = `floor(${microseconds(filter.axis)} / ${params.add(widthUs, "Int64")}) AS bucket`;
  const sql = (request.durations === true ? timedSql : countsSql)(bucket, counting);
  const answer: QueryAnswer<BucketRow> = empty
    ? NOTHING
    : await reader.select<BucketRow>(params.statement(sql), LIMITS, signal);
  const buckets = empty ? [] : filled(answer.rows, span, widthUs, request.durations === true);
  return {
    width_us: widthUs,
    buckets,
    count: buckets.reduce((sum, { count }) => sum + count, 0),
    elapsed_ms: span.elapsedMs + answer.elapsedMs,
    scanned_rows: span.scannedRows + answer.scannedRows,
    partial: span.partial || answer.partial || isIncomplete(sources),
    notes,
  };
}

interface BucketRow {
  readonly bucket: number;
  readonly counts: readonly (readonly [status: string, records: number])[];
  /** Only where durations are asked for; null where no record tells one. */
  readonly quantiles?: readonly [p50: number | null, p95: number | null];
}

function countsSql(bucket: string, counting: string): string {
  return (
    "SELECT bucket, groupArray((status, records)) AS counts FROM (" +
    `SELECT ${bucket}, status, count() AS records FROM records ${counting} GROUP BY bucket, status` +
    ") GROUP BY bucket"
  );
}

/**
 * Counts and durations in one pass over the records. Estimates by t-digest, so that a bucket of millions of records
 * costs as little as one of ten.
 */
function timedSql(bucket: string, counting: string): string {
  return (
    "SELECT bucket, groupArray((status, records)) AS counts, " +
    "quantilesTDigestMerge(0.5, 0.95)(lasted) AS quantiles FROM (" +
    `SELECT ${bucket}, status, count() AS records, ` +
    "quantilesTDigestStateIf(0.5, 0.95)(duration_us, duration_us >= 0) AS lasted " +
    `FROM records ${counting} GROUP BY bucket, status` +
    ") GROUP BY bucket"
  );
}

const rounded = (us: number | null): number | null => (us === null ? null : Math.round(us));

interface Span extends Omit<QueryAnswer<never>, "rows"> {
  readonly fromUs: number;
  readonly toUs: number;
}

const NOTHING: QueryAnswer<never> = { rows: [], elapsedMs: 0, scannedRows: 0, partial: false };

function microseconds(axis: TimeAxis): string {
  return `toUnixTimestamp64Micro(${axisColumn(axis)})`;
}

/** The range asked for; an end that was not given is where the matching records end. */
async function spanOf(sources: SearchSources, filter: RecordFilter, signal?: AbortSignal): Promise<Span> {
  const { fromUs, toUs } = filter;
  if (fromUs !== null && toUs !== null) return { ...NOTHING, fromUs: Math.max(fromUs, 0), toUs };
  const params = new Params();
  const { counting } = filterPredicate(filter, params);
  const us = microseconds(filter.axis);
  const sql = `SELECT min(${us}) AS first, max(${us}) AS last, count() AS records FROM records ${counting}`;
  const answer = await sources.reader.select<{ first: number; last: number; records: number }>(
    params.statement(sql),
    LIMITS,
    signal,
  );
  const [found] = answer.rows;
  const { elapsedMs, scannedRows, partial } = answer;
  if (found === undefined || found.records === 0) return { fromUs: 0, toUs: 0, elapsedMs, scannedRows, partial };
  return { fromUs: Math.max(fromUs ?? found.first, 0), toUs: toUs ?? found.last + 1, elapsedMs, scannedRows, partial };
}

const SECOND_US = 1_000_000;
/** Widths that people read easily, in seconds; longer ones are these many days times a power of ten. */
const WIDTHS_S: readonly number[] = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600,
  7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000, 94_608_000,
  315_360_000, 3_153_600_000,
];

/** Of `asked` buckets or about as many; TallystickError `bad_request` of a `width` that is none. */
export function bucketWidth(fromUs: number, toUs: number, asked: number, width: string | null): number {
  if (width !== null) return askedWidth(fromUs, toUs, width);
  const most = (asked * 4) / 3;
  const fits = WIDTHS_S.map((seconds) => Math.round(seconds * SECOND_US)).find(
    (us) => bucketCount(fromUs, toUs, us) <= most,
  );
  return fits ?? toUs - fromUs;
}

function askedWidth(fromUs: number, toUs: number, width: string): number {
  const us = durationUs(width);
  if (us === null || us === 0)
    throw new TallystickError("bad_request", "width is no duration.", { hint: "Write 30s, 5m, 1h or 1d." });
  const count = bucketCount(fromUs, toUs, us);
  if (count <= MAX_BUCKETS) return us;
  throw new TallystickError("bad_request", `width gives ${count} buckets.`, {
    hint: `Choose a wider one or a shorter range; at most ${MAX_BUCKETS} buckets are counted.`,
  });
}

function bucketCount(fromUs: number, toUs: number, widthUs: number): number {
  return Math.floor((toUs - 1) / widthUs) - Math.floor(fromUs / widthUs) + 1;
}

function filled(
  rows: readonly BucketRow[],
  { fromUs, toUs }: Span,
  widthUs: number,
  isTimed: boolean,
): readonly HistogramBucket[] {
  const first = Math.floor(fromUs / widthUs);
  const byPlace = new Map(rows.map((row) => [row.bucket - first, row]));
  return Array.from({ length: bucketCount(fromUs, toUs, widthUs) }, (_, place) => {
    const { counts = [], quantiles: [p50, p95] = [null, null] } = byPlace.get(place) ?? {};
    return {
      start: formatTimestamp((first + place) * widthUs),
      count: counts.reduce((sum, [, records]) => sum + records, 0),
      by_status: Object.fromEntries(counts),
      ...(isTimed ? { p50_us: rounded(p50), p95_us: rounded(p95) } : {}),
    };
  });
}
