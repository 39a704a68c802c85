import type { ExportedRecord, ExportFormat } from "./format.ts";

/** One JSON object a line, in the shape of every API. */
export function ndjsonFormat(): ExportFormat {
  return { contentType: "application/x-ndjson", head: "", record: line, tail: "" };
}

function line({ stored, proof }: ExportedRecord): string {
  return `${JSON.stringify(proof === undefined ? stored : { ...stored, proof })}\n`;
}
