import { FIELD_BY_NAME, timestampUs } from "@tallystick/record";
import type { StoredRecord } from "@tallystick/record";

import { queryField } from "./language/query-fields.ts";
import type { QueryField } from "./language/query-fields.ts";
import type { Bound, FieldRef, QueryNode, QueryValue } from "./language/syntax.ts";
import { parsePeriod } from "./time.ts";

/**
 * What a query means, said plainly and slowly over one record: the contract that the compiled SQL is compared with.
 * It shares the parser, the table of fields and the reading of times with the compiler, and nothing else.
 */
export function evaluate(node: QueryNode, given: StoredRecord, nowUs: number, names: NamesOf = ownNames): boolean {
  const stored: Named = { ...given, ...names(given) };
  return evaluateNamed(node, stored, nowUs);
}

/** Who the two of a record's call are. */
export type NamesOf = (stored: StoredRecord) => { readonly caller: string; readonly callee: string };
type Named = StoredRecord & ReturnType<NamesOf>;

const ownNames: NamesOf = ({ record }) => ({ caller: record.service_id, callee: record.target_id });

function evaluateNamed(node: QueryNode, stored: Named, nowUs: number): boolean {
  switch (node.kind) {
    case "all":
      return true;
    case "and":
      return node.of.every((part) => evaluateNamed(part, stored, nowUs));
    case "or":
      return node.of.some((part) => evaluateNamed(part, stored, nowUs));
    case "not":
      return !evaluateNamed(node.of, stored, nowUs);
    case "exists":
      return valueOf(node.field, stored) !== undefined;
    case "match":
      return node.field === null ? anywhere(node.value, stored) : matches(node.field, node.value, stored, nowUs);
    case "range":
      return inRange(node.field, node.lower, node.upper, stored, nowUs);
  }
}

type Value = string | number | boolean | readonly string[] | Readonly<Record<string, string>>;

function valueOf(field: FieldRef, stored: Named): Value | undefined {
  const { record, observed } = stored;
  if (field.kind === "attribute") return ownValue(record.attributes, field.name);
  if (field.name === "caller" || field.name === "callee") return stored[field.name];
  if (field.name === "tree" || field.name === "leaf_index" || field.name === "call_id") return stored[field.name];
  return ownValue(FIELD_BY_NAME.has(field.name) ? record : observed, field.name);
}

function ownValue(object: object | undefined, name: string): Value | undefined {
  if (object === undefined || !Object.hasOwn(object, name)) return undefined;
  return (object as Readonly<Record<string, Value | undefined>>)[name];
}

function matches(ref: FieldRef, value: QueryValue, stored: Named, nowUs: number): boolean {
  const found = valueOf(ref, stored);
  const field = ref.kind === "field" ? queryField(ref.name) : undefined;
  if (field?.kind === "flag") return (found === true) === (plainText(value).toLowerCase() === "true");
  if (ref.kind === "field" && plainText(value) === "" && value.quoted) return found === undefined;
  if (found === undefined) return false;
  if (field === undefined) return whole(value, textOf(found), false);
  if (typeof found === "number") return found === wholeNumber(plainText(value), field);
  if (field.kind === "time") return inPeriod(timestampUs(textOf(found)), plainText(value), nowUs);
  if (Array.isArray(found)) return found.some((item: string) => whole(value, item, field.exact));
  if (typeof found === "object") return Object.values(found).some((item) => whole(value, item, false));
  if (field.kind === "text") return words(value, textOf(found));
  const isHex = /^(?:id|trace_id|span_id|parent_span_id)$|_digest$|_payload$/.test(field.name);
  return whole(value, textOf(found), field.exact && !isHex);
}

/** Of a value that is one text. */
function textOf(value: Value): string {
  return typeof value === "object" ? "" : String(value);
}

function plainText(value: QueryValue): string {
  return value.parts.map((part) => (part.kind === "literal" ? part.text : part.kind === "any" ? "*" : "?")).join("");
}

/** The whole value, `*` and `?` standing for any characters. */
function whole(value: QueryValue, text: string, exact: boolean): boolean {
  const fold = (part: string) => (exact ? part : part.toLowerCase());
  const source = value.parts.map((part) =>
    part.kind === "literal" ? escaped(fold(part.text)) : part.kind === "any" ? "[^]*" : "[^]",
  );
  return new RegExp(`^${source.join("")}$`, "u").test(fold(text));
}

const SEPARATOR = "[\\u0000-/:-@[-`{-\\u007F]";

function tokens(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(new RegExp(`${SEPARATOR}+`, "u"))
    .filter((token) => token !== "");
}

function words(value: QueryValue, text: string): boolean {
  if (value.parts.some((part) => part.kind !== "literal")) return wildWord(value, text);
  const wanted = tokens(plainText(value));
  if (wanted.length === 0) return text === plainText(value);
  return text.split("\n").some((line) => follows(tokens(line), wanted));
}

function follows(line: readonly string[], wanted: readonly string[]): boolean {
  return line.some((_, start) => wanted.every((token, place) => line[start + place] === token));
}

/**
 * Tries every piece of the text that begins and ends where words do, unless the pattern begins or ends with `*`.
 */
function wildWord(value: QueryValue, text: string): boolean {
  const [first] = value.parts;
  const last = value.parts.at(-1);
  const isWord = (character: string) => character !== "" && !new RegExp(SEPARATOR, "u").test(character);
  const edge = (part: typeof first, end: boolean) =>
    part?.kind === "one" || (part?.kind === "literal" && isWord(end ? part.text.slice(-1) : part.text.slice(0, 1)));
  const source = value.parts.map((part) =>
    part.kind === "literal"
      ? escaped(part.text.toLowerCase())
      : part.kind === "any"
        ? "[^\\t\\n\\f\\r ]*"
        : "[^\\t\\n\\f\\r ]",
  );
  const before = edge(first, false) ? `(?<=^|${SEPARATOR})` : "";
  const after = edge(last, true) ? `(?=$|${SEPARATOR})` : "";
  return new RegExp(before + source.join("") + after, "u").test(text.toLowerCase());
}

const NO_WORDS: ReadonlySet<string> = new Set(["phase", "side", "recorder_id"]);

function anywhere(value: QueryValue, stored: StoredRecord): boolean {
  const texts: string[] = [];
  for (const [name, found] of Object.entries(stored.record) as [string, Value][]) {
    const kind = FIELD_BY_NAME.get(name)?.kind;
    if (kind === "id" && (HEXADECIMAL.test(name) || looksLikeId(textOf(found)))) continue;
    if (kind === "time" || kind === "uint" || NO_WORDS.has(name)) continue;
    if (Array.isArray(found)) texts.push(...found);
    else if (typeof found === "object") texts.push(...(isAccess(stored) ? [] : Object.values(found)));
    else texts.push(String(found));
  }
  return texts.some((text) => words(value, text)) || isId(value, stored);
}

const isAccess = ({ record, observed }: StoredRecord): boolean =>
  record.event_type === "ACCESS" && observed.principal === "tallystick";

/** What looks like an id is compared with every field of that kind, with the call id and with the subjects. */
function isId(value: QueryValue, stored: StoredRecord): boolean {
  const text = plainText(value);
  if (value.parts.some((part) => part.kind !== "literal")) return false;
  if (!/[@:]/.test(text) && !looksLikeId(text)) return false;
  if (stored.call_id === text || stored.record.subject_refs?.includes(text) === true) return true;
  return (Object.entries(stored.record) as [string, Value][]).some(
    ([name, found]) =>
      FIELD_BY_NAME.get(name)?.kind === "id" &&
      (HEXADECIMAL.test(name) ? textOf(found).toLowerCase() === text.toLowerCase() : found === text),
  );
}

function looksLikeId(text: string): boolean {
  return text.length >= 6 && /[0-9]/.test(text);
}

const HEXADECIMAL = /^(?:id|trace_id|span_id|parent_span_id)$/;

function inPeriod(us: number, text: string, nowUs: number): boolean {
  const period = parsePeriod(text, nowUs);
  return period !== null && us >= period.startUs && us < period.endUs;
}

function inRange(ref: FieldRef, lower: Bound | null, upper: Bound | null, stored: Named, nowUs: number): boolean {
  const found = valueOf(ref, stored);
  const field = ref.kind === "field" ? queryField(ref.name) : undefined;
  if (found === undefined) return false;
  if (typeof found === "number" && field !== undefined) {
    return between(found, lower, upper, (bound) => wholeNumber(bound.text, field));
  }
  if (field?.kind === "time") return inTimes(timestampUs(textOf(found)), lower, upper, nowUs);
  const bounds = [lower, upper].filter((bound) => bound !== null);
  const isVersion = ref.kind === "field" ? ref.name === "service_version" : ref.name.endsWith(".version");
  if (bounds.every((bound) => isNumber(bound.text)) && !isVersion) {
    return isNumber(textOf(found)) && between(Number(textOf(found)), lower, upper, (bound) => Number(bound.text));
  }
  if (bounds.every((bound) => isDotted(bound.text))) {
    return isDotted(textOf(found)) && between(0, lower, upper, (bound) => inDots(bound.text, textOf(found)));
  }
  const isHex = /^(?:id|trace_id|span_id|parent_span_id)$|_digest$|_payload$/.test(field?.name ?? "");
  const fold = (text: string) => Buffer.from(field?.exact === true && !isHex ? text : text.toLowerCase());
  return between(0, lower, upper, (bound) => Buffer.compare(fold(bound.text), fold(textOf(found))));
}

function between(value: number, lower: Bound | null, upper: Bound | null, of: (bound: Bound) => number): boolean {
  const above = lower === null || (lower.inclusive ? value >= of(lower) : value > of(lower));
  return above && (upper === null || (upper.inclusive ? value <= of(upper) : value < of(upper)));
}

function inTimes(us: number, lower: Bound | null, upper: Bound | null, nowUs: number): boolean {
  const from = lower === null ? null : parsePeriod(lower.text, nowUs);
  const to = upper === null ? null : parsePeriod(upper.text, nowUs);
  const above = lower === null || from === null || us >= (lower.inclusive ? from.startUs : from.endUs);
  return above && (upper === null || to === null || us < (upper.inclusive ? to.endUs : to.startUs));
}

const UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 };

function wholeNumber(text: string, field: QueryField): number {
  const [, amount = "", unit] = /^(-?[0-9.]+)(us|ms|s|m|h)?$/.exec(text) ?? [];
  return unit !== undefined && field.name.endsWith("_us")
    ? Math.round(Number(amount) * (UNITS[unit] ?? 0))
    : Number(text);
}

function isNumber(text: string): boolean {
  return /^-?[0-9]{1,15}(\.[0-9]{1,9})?$/.test(text);
}

function isDotted(text: string): boolean {
  return /^v?\d{1,9}(\.\d{1,9}){0,7}($|[-+ ])/i.test(text);
}

/** Below zero when the one comes before the other. */
function inDots(one: string, other: string): number {
  const [a = [], b = []] = [one, other].map((text) => (/[\d.]+/.exec(text)?.[0] ?? "").split(".").map(Number));
  const at = Array.from({ length: 8 }, (_, place) => place).find((place) => (a[place] ?? 0) !== (b[place] ?? 0));
  return at === undefined ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
