import type { Bound, FieldRef, QueryNode, QueryValue, ValuePart } from "./syntax.ts";
import { queryField } from "./query-fields.ts";

/** Writes a tree as a query text that parses to the same tree. Saved searches and cursors know a query by it. */
export function printQuery(node: QueryNode): string {
  switch (node.kind) {
    case "all":
      return "*";
    case "or":
      return node.of.map((part) => printQuery(part)).join(" OR ");
    case "and":
      return node.of.map((part) => (part.kind === "or" ? `(${printQuery(part)})` : printQuery(part))).join(" AND ");
    case "not":
      return `NOT ${printInner(node.of)}`;
    case "match":
      return (node.field === null ? "" : `${printField(node.field)}:`) + printValue(node.value);
    case "exists":
      return `_exists_:${printField(node.field)}`;
    case "range":
      return `${printField(node.field)}:${printRange(node.lower, node.upper)}`;
  }
}

function printInner(node: QueryNode): string {
  return node.kind === "and" || node.kind === "or" ? `(${printQuery(node)})` : printQuery(node);
}

function printField(field: FieldRef): string {
  if (field.kind === "field") return field.name;
  const plain =
    queryField(field.name) === undefined && !/^(?:record\.|observed\.|attributes\.|_exists_$)/.test(field.name);
  return escapeWord(plain ? field.name : `attributes.${field.name}`);
}

function printRange(lower: Bound | null, upper: Bound | null): string {
  const open = lower === null || lower.inclusive ? "[" : "{";
  const close = upper === null || upper.inclusive ? "]" : "}";
  return `${open}${printBound(lower)} TO ${printBound(upper)}${close}`;
}

function printBound(bound: Bound | null): string {
  return bound === null ? "*" : quote(bound.text);
}

function printValue(value: QueryValue): string {
  const [only] = value.parts;
  if (value.quoted) return quote(only?.kind === "literal" ? only.text : "");
  const text = value.parts.map((part) => printPart(part)).join("");
  // It would look like a regular expression.
  return /^\/.+\/$/s.test(text) ? `\\${text}` : text;
}

function printPart(part: ValuePart): string {
  if (part.kind === "any") return "*";
  return part.kind === "one" ? "?" : escapeWord(part.text);
}

function quote(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
}

/** Every character that could mean something else somewhere is escaped; so is the first letter of an operator. */
function escapeWord(text: string): string {
  if (/^(?:AND|OR|NOT|TO)$/.test(text)) return `\\${text}`;
  return text.replaceAll(/[\s\\()":[\]{}*?<>=!&|+\-~^]/g, String.raw`\$&`);
}
