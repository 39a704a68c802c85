import { FIELDS } from "@tallystick/record";

import type { ExportedRecord, ExportFormat } from "./format.ts";

/**
 * XML 1.0: `<stored_records>` of `<stored_record>`, which holds what the JSON object holds under the same names.
 * Lists are repeated elements, attributes `<attributes><entry key="k">v</entry></attributes>`. Characters that XML
 * 1.0 cannot hold become U+FFFD, and the element says how many with `replaced="2"`: the bytes that were logged are
 * in the NDJSON and in the tree.
 */
export function xmlFormat(): ExportFormat {
  return {
    contentType: "application/xml; charset=utf-8",
    head: '<?xml version="1.0" encoding="UTF-8"?>\n<stored_records>\n',
    record: recordElement,
    tail: "</stored_records>\n",
  };
}

function recordElement({ stored, direction, proof }: ExportedRecord): string {
  const { record, observed } = stored;
  const values: Readonly<Record<string, unknown>> = { ...record };
  const fields = FIELDS.map((field) => element(field.name, values[field.name])).join("");
  const seen = Object.entries(observed).map(([name, value]) => element(name, value));
  const proofElement = proof === undefined ? "" : element("proof", proof ?? "");
  const place = (["tree", "leaf_index", "call_id"] as const).map((name) => element(name, stored[name]));
  const body = `<record>${fields}</record><observed>${seen.join("")}</observed>`;
  return `<stored_record>${place.join("")}${body}${element("direction", direction)}${proofElement}</stored_record>\n`;
}

function element(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map((item) => element(name, item)).join("");
  if (typeof value === "string") return textElement(name, "", value);
  if (typeof value !== "object") return textElement(name, "", JSON.stringify(value));
  if (name !== "attributes")
    return `<${name}>${Object.entries(value)
      .map(([key, part]) => element(key, part))
      .join("")}</${name}>`;
  const entries = Object.entries(value).map(([key, part]) =>
    textElement("entry", ` key="${xmlAttribute(key)}"`, String(part)),
  );
  return `<attributes>${entries.join("")}</attributes>`;
}

function textElement(name: string, attributes: string, text: string): string {
  const replaced = text.match(NOT_XML)?.length ?? 0;
  const note = replaced === 0 ? "" : ` replaced="${replaced}"`;
  return `<${name}${attributes}${note}>${xmlText(text)}</${name}>`;
}

/** Everything that is no `Char` of XML 1.0. */
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** `]]>` must not stand in text, and a reader turns a carriage return into a line feed unless it is a reference. */
export function xmlText(text: string): string {
  return text
    .replaceAll(NOT_XML, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("\r", "&#13;");
}

function xmlAttribute(text: string): string {
  return xmlText(text).replaceAll('"', "&quot;").replaceAll("\t", "&#9;").replaceAll("\n", "&#10;");
}
