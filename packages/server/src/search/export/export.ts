import type { StoredRecord } from "@tallystick/record";

import { TallystickError } from "../../errors.ts";
import {
  EXPORT_FIRST_RECORDS,
  EXPORT_MAX_RECORDS,
  EXPORT_MIN_RECORDS,
  EXPORT_PIECE_LENGTH,
  EXPORT_PROOFS_AT_ONCE,
  RETRY_AFTER_FILLING_S,
} from "../limits.ts";
import { readPage } from "../page.ts";
import type { Page } from "../page.ts";
import { planRun } from "../run.ts";
import type { Run, RunRequest } from "../run.ts";
import type { Scope } from "../scope.ts";
import { isIncomplete } from "../sources.ts";
import type { SearchSources } from "../sources.ts";
import { isMissing } from "../tree-sizes.ts";
import type { Direction } from "../timeline.ts";
import { FIRST_WINDOW_US } from "../windows.ts";
import { csvFormat } from "./csv.ts";
import type { ExportedRecord, ExportFormat } from "./format.ts";
import { ndjsonFormat } from "./ndjson.ts";
import { keyOfPlace } from "./resume.ts";
import { xmlFormat } from "./xml.ts";

/**
 * All matching records as text, without a limit of rows and in constant memory: page after page of one run, the
 * next one only when the reader takes it. Every chunk says where an export that was broken off after it goes on, so
 * that the texts joined are the whole; one that was broken off within a chunk goes on after its last whole record. An
 * index that does not hold all of the run is an error, never a shorter export.
 */
export const EXPORT_FORMATS = ["ndjson", "csv", "xml"] as const;
export type ExportFormatName = (typeof EXPORT_FORMATS)[number];

export interface ExportRequest extends RunRequest {
  readonly format: ExportFormatName;
  /** `tree:leaf_index` of the last record that the reader has whole; it goes on there, without the format's head. */
  readonly after?: string | null;
  /** In a timeline: which way each record goes. */
  readonly direction?: (stored: StoredRecord) => Direction;
  /**
   * The text of a record's proof, or null when no checkpoint covers it yet; with it, every record is exported with
   * its proof.
   */
  readonly proof?: ((tree: string, leafIndex: number) => Promise<string | null>) | undefined;
}

export interface ExportChunk {
  readonly text: string;
  readonly records: number;
  /** The run that the chunk belongs to: with `after`, the export goes on after any of its records. */
  readonly run: string;
  /** Where to go on after this chunk; null: it is the last one. */
  readonly next: string | null;
  /**
   * Records are missing: a limit cut the export short. It is then the last chunk, and `next` goes on from there
   * where it can.
   */
  readonly partial: boolean;
}

export function exportContentType(format: ExportFormatName): string {
  return formatOf({ format }).contentType;
}

/** Throws for a faulty request at once, before anything is read. */
export function exportRecords(
  sources: SearchSources,
  scope: Scope,
  request: ExportRequest,
  signal?: AbortSignal,
): AsyncIterable<ExportChunk> {
  return chunks(sources, planRun(sources, scope, request), request, signal);
}

async function* chunks(
  sources: SearchSources,
  run: Run,
  request: ExportRequest,
  signal?: AbortSignal,
): AsyncGenerator<ExportChunk, void> {
  const { reader, clock } = sources;
  const { scope, axis } = run.filter;
  const format = formatOf(request);
  const cursor = run.cursorAt(null);
  refuseHoles(sources, run);
  let after = request.after ? await keyOfPlace(reader, scope, axis, request.after, signal) : run.after;
  let limit = EXPORT_FIRST_RECORDS;
  let firstWidthUs: number | null = null;
  let head = after === null ? format.head : "";
  for (;;) {
    refuseHoles(sources, run);
    const page: Page = await readPage(reader, clock, { ...run, after, firstWidthUs, limit }, signal);
    const texts = (await exported(page.records, request)).map((record) => format.record(record));
    const text = head + texts.join("") + (page.next === null ? format.tail : "");
    const next = page.next === null ? null : run.cursorAt(page.next);
    yield { text, records: page.records.length, run: cursor, next, partial: page.partial };
    if (page.next === null || page.partial) return;
    limit = nextLimit(text.length / Math.max(page.records.length, 1));
    firstWidthUs = nextWidth(page, after?.us ?? null);
    after = page.next;
    head = "";
  }
}

function refuseHoles(sources: SearchSources, { sizes }: Run): void {
  if (isIncomplete(sources)) {
    throw new TallystickError("index_unavailable", "The index is not filled, so an export would lack records.", {
      retryAfterS: RETRY_AFTER_FILLING_S,
    });
  }
  if (isMissing(sizes, sources.follower.positions())) {
    throw new TallystickError("position_gone", "The index no longer holds all that this export began with.", {
      hint: "Begin the export again without a cursor.",
    });
  }
}

/** As many records as fill a piece, so that large records do not fill the memory. */
function nextLimit(recordLength: number): number {
  const fitting = Math.floor(EXPORT_PIECE_LENGTH / Math.max(recordLength, 1));
  return Math.min(Math.max(fitting, EXPORT_MIN_RECORDS), EXPORT_MAX_RECORDS);
}

/** Twice the time that the last page took up: the next one mostly fits into one window. */
function nextWidth(page: Page, lastUs: number | null): number | null {
  if (page.next === null || lastUs === null) return null;
  return Math.min(Math.max(Math.abs(page.next.us - lastUs) * 2, 1_000), FIRST_WINDOW_US * 1_000);
}

async function exported(
  records: readonly StoredRecord[],
  { direction, proof }: ExportRequest,
): Promise<readonly ExportedRecord[]> {
  const plain = records.map((stored) => ({
    stored,
    ...(direction === undefined ? {} : { direction: direction(stored) }),
  }));
  if (proof === undefined) return plain;
  const proven: ExportedRecord[] = [];
  for (let start = 0; start < plain.length; start += EXPORT_PROOFS_AT_ONCE) {
    const some = plain.slice(start, start + EXPORT_PROOFS_AT_ONCE);
    proven.push(
      ...(await Promise.all(
        some.map(async (record) => ({ ...record, proof: await proof(record.stored.tree, record.stored.leaf_index) })),
      )),
    );
  }
  return proven;
}

function formatOf({ format, direction, proof }: Pick<ExportRequest, "format" | "direction" | "proof">): ExportFormat {
  if (format === "csv") return csvFormat({ directions: direction !== undefined, proofs: proof !== undefined });
  return format === "xml" ? xmlFormat() : ndjsonFormat();
}
