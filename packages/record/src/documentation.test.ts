import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { FIELDS } from "./fields.ts";
import type { FieldSpec } from "./fields.ts";
import { LIMITS } from "./limits.ts";
import { REDACTED_NAMES } from "./redact-names.ts";
import { REJECTION_CODES } from "./rejection.ts";

const text = readFileSync(new URL("../../../docs/formats/record.md", import.meta.url), "utf8");

const KINDS: Readonly<Record<FieldSpec["kind"], string>> = {
  time: "time",
  id: "identifier",
  name: "name",
  enum: "one of",
  text: "text",
  uint: "integer",
  names: "array of strings",
  map: "map of string to string",
};

function row(field: FieldSpec): string {
  const required = { producer: "yes", server: "filled", no: "" }[field.required];
  const isSized = field.kind !== "uint" && field.kind !== "time";
  const size = isSized ? `${field.maxBytes.toLocaleString("en")} bytes` : "";
  const largest = field.max === undefined ? size : `at most ${field.max.toLocaleString("en")}`;
  const allowed = field.values?.join(" ") ?? field.pattern?.says ?? largest;
  return `| \`${field.name}\` | ${required} | ${KINDS[field.kind]} | ${allowed} | ${field.says} |`;
}

/** The columns are padded for the eye. */
const unpadded = (line: string): string => line.replaceAll(/ +/g, " ");

it("record.md has the table of fields as it is", () => {
  const lines = text.split("\n").map(unpadded);
  const table = lines.filter((line) => /^\| `\w+` \| (?:yes |filled |)\|/.test(line) && line.split("|").length === 7);
  expect(table).toEqual(FIELDS.map((field) => unpadded(row(field))));
});

it("record.md names every code, every redacted name and every bound", () => {
  for (const code of Object.keys(REJECTION_CODES)) expect(text).toContain(`\`${code}\``);
  expect(text.replaceAll("\n", " ")).toContain(REDACTED_NAMES.join(" "));
  expect(text).toContain(
    `${LIMITS.attributeCount} attributes with names of at most ${LIMITS.attributeNameBytes} bytes`,
  );
  expect(text).toContain(`${LIMITS.nameCount} elements an array, ${LIMITS.attributeDepth} levels`);
  expect(text).toContain(`${LIMITS.canonicalRecordBytes.toLocaleString("en")} bytes for the whole record`);
});
