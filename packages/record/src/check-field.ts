/** One check a field, compiled from its line in the table: type, form, length, redaction, normal form. */
import type { SentBodies } from "./bodies.ts";
import { FIELDS } from "./fields.ts";
import type { FieldSpec } from "./fields.ts";
import { LIMITS } from "./limits.ts";
import { isPlainText, redact } from "./redact.ts";
import type { RedactionMode } from "./redact.ts";
import { Refusal, shown } from "./rejection.ts";
import { formatTimestamp, isNormalShape, MAX_TIMESTAMP_US, parseTimestamp } from "./timestamp.ts";
import { cutToBytes } from "./fit.ts";
import { isAscii, isWellFormed, utf8Length } from "./utf8.ts";

export type FieldValue = string | number | readonly string[];

/** What a record's checks leave behind beside the values. */
export interface Trail {
  readonly context: { fingerprint(value: string): string };
  /** UTF-16 units of all strings: a bound for the record's size. */
  units: number;
  notes: RecordNote[] | null;
  /** Null: what is too long is refused. Else it is cut, and its size before goes here. */
  readonly cuts: Map<string, number> | null;
  /** Bodies that came with the record, not looked at. */
  bodies: SentBodies | null;
}

export interface RecordNote {
  readonly code: "unknown_field" | "leap_second" | "clamped_value" | "ignored_value" | "truncated";
  readonly field: string;
  readonly message: string;
}

/** Undefined: the value is as good as absent. */
export type FieldCheck = (value: unknown, trail: Trail) => FieldValue | undefined | Refusal;

const CHECKS: ReadonlyMap<string, FieldCheck> = new Map(FIELDS.map((field) => [field.name, compile(field)]));

/** The check of a field; the map's are checked by `attributes.ts`. */
export function checkOf(name: string): FieldCheck {
  const check = CHECKS.get(name);
  if (check === undefined) throw new TypeError(`no field ${name}`);
  return check;
}

function compile(field: FieldSpec): FieldCheck {
  switch (field.kind) {
    case "time":
      return (value, trail) => checkTime(field, value, trail);
    case "enum":
      return compileEnum(field);
    case "uint":
      return compileUint(field);
    case "names":
      return compileNames(field);
    case "map":
      return () => undefined;
    case "id":
    case "name":
    case "text":
      return field.pattern === undefined ? compileText(field) : compilePattern(field, field.pattern);
  }
}

/** What a string may be, and how it is read. */
export interface TextRule {
  readonly name: string;
  readonly maxBytes: number;
  readonly mode: RedactionMode;
  /** Free text may be cut where cutting is allowed; a cut identifier would be another one. */
  readonly isFree: boolean;
  /** For statements: the database's name. */
  readonly system?: string | undefined;
}

export function note(trail: Trail, added: RecordNote): void {
  if (trail.notes === null) trail.notes = [added];
  else trail.notes.push(added);
}

/** Redaction, length and form of one string; the way of every string of a record. */
export function checkText(text: string, rule: TextRule, trail: Trail): string | Refusal {
  if (text.length <= rule.maxBytes && isPlainText(text)) {
    trail.units += text.length;
    return text;
  }
  return checkUnusualText(text, rule, trail);
}

/** As `checkText`, for a text that has something to be looked at, or a mode that looks at every text. */
export function checkUnusualText(text: string, rule: TextRule, trail: Trail): string | Refusal {
  const { name, maxBytes, mode } = rule;
  if (!isWellFormed(text)) {
    return new Refusal("lone_surrogate", name, `${name} has half of a surrogate pair; send well-formed Unicode`);
  }
  const size = text.length > maxBytes || !isAscii(text) ? utf8Length(text) : text.length;
  const isCut = size > maxBytes;
  if (isCut && (trail.cuts === null || !rule.isFree)) return tooLong(name, size, maxBytes);
  if (isCut) trail.cuts?.set(name, size);
  // Redacted before it is cut, for half a key is not recognised; what lies far beyond the cut need not be read.
  const redacted = redact(isCut ? cutToBytes(text, maxBytes * 2) : text, mode, rule.system);
  const result = isCut ? cutToBytes(redacted, maxBytes) : shorten(redacted, maxBytes);
  trail.units += result.length;
  return result;
}

/** Redaction can lengthen a text above its limit; the record is worth more than the text. */
function shorten(redacted: string, maxBytes: number): string {
  return redacted.length * 3 > maxBytes && utf8Length(redacted) > maxBytes ? "[redacted:text]" : redacted;
}

function tooLong(name: string, size: number, maxBytes: number): Refusal {
  return new Refusal("too_long", name, `${name} has ${size} bytes; at most ${maxBytes} are allowed`);
}

function invalid(field: FieldSpec, value: unknown, allowed: string): Refusal {
  return new Refusal("invalid_value", field.name, `${field.name} is ${shown(value)}; it must be ${allowed}`);
}

function compileText(field: FieldSpec): FieldCheck {
  const { name, maxBytes } = field;
  if (name === "credential_id") return compileCredentialId(field);
  const mode: RedactionMode = name === "resource" ? "url" : name === "auth_subject" ? "identity" : "text";
  const rule: TextRule = { name, maxBytes, mode, isFree: field.kind === "text" };
  const takesIntegers = name === "status_code";
  return (value, trail) => {
    const text = takesIntegers && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof text !== "string") return invalid(field, value, takesIntegers ? "a string or an integer" : "a string");
    return checkText(text, rule, trail);
  };
}

/** A secret in place of a key's name becomes its fingerprint, which still tells one credential from another. */
function compileCredentialId(field: FieldSpec): FieldCheck {
  const rule: TextRule = { name: field.name, maxBytes: field.maxBytes, mode: "identity", isFree: false };
  return (value, trail) => {
    if (typeof value !== "string") return invalid(field, value, "a string");
    const checked = checkText(value, rule, trail);
    return checked instanceof Refusal || checked === value ? checked : trail.context.fingerprint(value);
  };
}

function compilePattern(field: FieldSpec, pattern: { readonly source: string; readonly says: string }): FieldCheck {
  const form = new RegExp(`^(?:${pattern.source})$`);
  const isZero = field.name === "trace_id" || field.name.endsWith("span_id") ? /^0+$/ : null;
  const foldsCase = field.kind === "id";
  const allowed = foldsCase ? `${pattern.says} (upper case is folded)` : pattern.says;
  return (value, trail) => {
    if (typeof value !== "string") return invalid(field, value, allowed);
    const isAsItIs = form.test(value);
    const text = isAsItIs || !foldsCase ? value : value.toLowerCase();
    if (text.length > field.maxBytes || !(isAsItIs || form.test(text))) return invalid(field, value, allowed);
    if (isZero?.test(text) === true) {
      const message = `${field.name} is all zeros, which W3C trace context calls none`;
      note(trail, { code: "ignored_value", field: field.name, message });
      return undefined;
    }
    trail.units += text.length;
    return text;
  };
}

function compileEnum(field: FieldSpec): FieldCheck {
  const values: ReadonlySet<unknown> = new Set(field.values);
  const allowed = field.values?.join(", ");
  return (value, trail) => {
    if (values.has(value)) {
      trail.units += (value as string).length;
      return value as string;
    }
    if (typeof value !== "string") return invalid(field, value, `one of ${allowed}`);
    return new Refusal("unknown_value", field.name, `${field.name} is ${shown(value)}; allowed are ${allowed}`);
  };
}

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

function compileUint(field: FieldSpec): FieldCheck {
  const max = field.max ?? Number.MAX_SAFE_INTEGER;
  const allowed = `an integer from 0 to ${max}`;
  return (value) => {
    const number = typeof value === "string" && DECIMAL.test(value) ? Number(value) : value;
    if (typeof number !== "number" || Number.isNaN(number)) return invalid(field, value, allowed);
    if (number > max || number < 0) {
      return new Refusal("integer_out_of_range", field.name, `${field.name} is ${shown(value)}; it must be ${allowed}`);
    }
    if (!Number.isInteger(number)) return invalid(field, value, allowed);
    // −0 is written as 0.
    return number === 0 ? 0 : number;
  };
}

function compileNames(field: FieldSpec): FieldCheck {
  const values = field.values === undefined ? null : new Set(field.values);
  return (value, trail) => {
    const elements: unknown = typeof value === "string" ? [value] : value;
    if (!Array.isArray(elements)) return invalid(field, value, "an array of strings");
    if (elements.length > LIMITS.nameCount) {
      const message = `${field.name} has ${elements.length} elements; at most ${LIMITS.nameCount} are allowed`;
      return new Refusal("too_many", field.name, message);
    }
    const names = checkElements(field, elements, values, trail);
    if (names instanceof Refusal) return names;
    for (const name of names) trail.units += name.length;
    return names.length === 0 ? undefined : names;
  };
}

/** Order kept; empty strings and repetitions left out. */
function checkElements(
  field: FieldSpec,
  elements: readonly unknown[],
  values: ReadonlySet<string> | null,
  trail: Trail,
): string[] | Refusal {
  const rule: TextRule = { name: field.name, maxBytes: field.maxBytes, mode: "text", isFree: false };
  const names: string[] = [];
  for (const element of elements) {
    if (typeof element !== "string") return invalid(field, element, "an array of strings");
    if (element === "") continue;
    if (values !== null && !values.has(element)) {
      const allowed = field.values?.join(", ");
      return new Refusal("unknown_value", field.name, `${field.name} has ${shown(element)}; allowed are ${allowed}`);
    }
    const text = checkText(element, rule, trail);
    if (text instanceof Refusal) return text;
    if (!names.includes(text)) names.push(text);
  }
  return names;
}

function checkTime(field: FieldSpec, value: unknown, trail: Trail): string | Refusal {
  if (typeof value !== "string") return invalid(field, value, "an RFC 3339 time such as 2026-11-25T08:20:43.123456Z");
  const outcome = parseTimestamp(value);
  if (outcome.kind === "malformed") return invalid(field, value, outcome.says);
  if (outcome.kind === "out_of_range") return clamp(field, value, outcome.says, trail);
  if (outcome.leapSecond) {
    const message = `${field.name} names a leap second; kept as the last microsecond before it`;
    note(trail, { code: "leap_second", field: field.name, message });
  } else if (isNormalShape(value)) {
    return value;
  }
  return formatTimestamp(outcome.us);
}

/**
 * Credentials that never expire say so with a far-off year, and some with the year 1; that is no reason to lose a
 * record.
 */
function clamp(field: FieldSpec, value: string, range: string, trail: Trail): string | Refusal {
  if (field.name !== "auth_expires_at") {
    return new Refusal("time_out_of_range", field.name, `${field.name} is ${shown(value)}; it must be ${range}`);
  }
  const isPast = value < "1971";
  const message = `${field.name} lies outside the times that can be kept; the ${isPast ? "first" : "last"} of them stands for it`;
  note(trail, { code: "clamped_value", field: field.name, message });
  return formatTimestamp(isPast ? 0 : MAX_TIMESTAMP_US);
}
