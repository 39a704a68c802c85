import { FIELDS } from "@tallystick/record";

import type { ExportedRecord, ExportFormat } from "./format.ts";

/**
 * RFC 4180, UTF-8, one column a field. Text that a spreadsheet would run as a formula gets an apostrophe before it;
 * numbers are written as they are. Lists and attributes are JSON.
 */
export function csvFormat(beside: { readonly directions: boolean; readonly proofs: boolean }): ExportFormat {
  const columns = [
    "tree",
    "leaf_index",
    "call_id",
    ...FIELDS.map((field) => field.name),
    ...OBSERVED.map((name) => `observed_${name}`),
  ];
  const head = csvLine([...columns, ...(beside.directions ? ["direction"] : []), ...(beside.proofs ? ["proof"] : [])]);
  return { contentType: "text/csv; charset=utf-8; header=present", head, record: recordLine, tail: "" };
}

const OBSERVED = [
  "received_at",
  "principal",
  "standing",
  "source_address",
  "intake",
  "conflict",
  "clock_skew_us",
  "signature",
] as const;

function recordLine({ stored, direction, proof }: ExportedRecord): string {
  const { record, observed } = stored;
  const values: Readonly<Record<string, unknown>> = { ...record };
  const cells: unknown[] = [stored.tree, stored.leaf_index, stored.call_id];
  for (const field of FIELDS) cells.push(values[field.name]);
  for (const name of OBSERVED) cells.push(observed[name]);
  if (direction !== undefined) cells.push(direction);
  if (proof !== undefined) cells.push(proof);
  return csvLine(cells);
}

function csvLine(cells: readonly unknown[]): string {
  return `${cells.map((cell) => csvCell(cell)).join(",")}\r\n`;
}

/** One cell. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = neutral(typeof value === "string" ? value : JSON.stringify(value));
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * What begins like a formula, also behind blanks or in full-width characters, begins with an apostrophe instead.
 */
function neutral(text: string): string {
  return /^[\s\u0000]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/.test(text) ? `'${text}` : text;
}
