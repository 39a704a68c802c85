import type { ExportedRecord, ExportFormat } from "./format.ts";

/** One JSON object a line, in the shape of every API. */
export function ndjsonFormat(): ExportFormat {
  return { contentType: "application/x-ndjson", head: "", record: line, tail: "" };
}

function line({ stored, ...beside }: ExportedRecord): string {
  return `${JSON.stringify({ ...stored, ...beside })}\n`;
}
