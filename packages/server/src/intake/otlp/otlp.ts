import type { Batch } from "../batch.ts";
import type { IntakeRequest, IntakeResult } from "../intake.ts";
import { MAX_OTLP_ITEMS_FACTOR } from "../limits.ts";
import { malformed, tooMany, type Refused } from "../refused.ts";
import type { DraftOutcome } from "./draft.ts";
import { takeDraft } from "./fit.ts";
import { logDraft } from "./logs.ts";
import { MalformedOtlp, type Decoded, type LogRecord, type Span } from "./shape.ts";
import { isInternal, kindRefusal, spanDraft } from "./spans.ts";

/** Spans of an ExportTraceServiceRequest; line n is the nth span of the request. */
export function readTraces(spans: Iterable<Decoded<Span>>, request: IntakeRequest, batch: Batch): IntakeResult {
  const { maxRecords, otlpInternal } = request.settings;
  let leftOut = 0;
  const refused = eachItem(spans, maxRecords, batch, (span, line) => {
    if (otlpInternal === "drop" && isInternal(span.item)) {
      leftOut++;
      return;
    }
    const unknown = kindRefusal(span.item);
    takeOutcome(unknown ?? spanDraft(span.item, span.resource, span.scope, request.sender.service), line, batch);
  });
  return refused ?? batch.finish(leftOut);
}

/** Log records of an ExportLogsServiceRequest; line n is the nth of the request. */
export function readLogs(logs: Iterable<Decoded<LogRecord>>, request: IntakeRequest, batch: Batch): IntakeResult {
  const seen = new Map<string, number>();
  const occurrence = (text: string): number => {
    const before = seen.get(text) ?? 0;
    seen.set(text, before + 1);
    return before;
  };
  const refused = eachItem(logs, request.settings.maxRecords, batch, (log, line) => {
    takeOutcome(logDraft(log.item, log.resource, log.scope, request, occurrence), line, batch);
  });
  return refused ?? batch.finish();
}

function takeOutcome(outcome: DraftOutcome, line: number, batch: Batch): void {
  if (outcome.kind === "draft") takeDraft(outcome.draft, line, batch);
  else batch.reject(line, outcome.code, outcome.message);
}

type Readable<Item> = Extract<Decoded<Item>, { readonly item: Item }>;

function eachItem<Item>(
  items: Iterable<Decoded<Item>>,
  maxRecords: number,
  batch: Batch,
  take: (item: Readable<Item>, line: number) => void,
): Refused | null {
  let line = 0;
  try {
    for (const decoded of items) {
      line++;
      if (line > maxRecords * MAX_OTLP_ITEMS_FACTOR) return tooMany(maxRecords);
      if ("unreadable" in decoded) batch.reject(line, "malformed_item", decoded.unreadable);
      else take(decoded, line);
      if (batch.count > maxRecords) return tooMany(maxRecords);
    }
    return null;
  } catch (error) {
    if (error instanceof MalformedOtlp) return malformed(error.message);
    throw error;
  }
}
