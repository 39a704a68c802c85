/**
 * `writeCanonical`: the bytes of `canonicalJson` straight into a batch's buffer. Short plain strings are copied
 * character by character, which spares an intermediate string a record and a call a field; what needs an escape or more
 * than ASCII goes through `quote`.
 *
 * A write beyond the end of a typed array does nothing, so that room is checked once, at the end.
 */
import { numeral, quote } from "./canonical.ts";
import { canonicalJson, KEY_INDEX, RECORD_KEYS, sortedKeys } from "./canonical-record.ts";
import type { AuditRecord } from "./types.ts";
import { writeUtf8 } from "./utf8.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
/** Above it one native call is faster than a loop. */
const SHORT_CHARACTERS = 96;

/**
 * 1 for every UTF-16 unit that does not stand for itself in canonical JSON: control characters, quote, backslash,
 * beyond ASCII.
 */
const IS_SPECIAL = new Uint8Array(65_536).fill(1).fill(0, 0x20, 0x7f);
IS_SPECIAL[QUOTE] = 1;
IS_SPECIAL[0x5c] = 1;

/** Comma, name and colon of every field; the first one's comma becomes the brace. */
const PREFIXES: readonly string[] = RECORD_KEYS.map((name) => `,"${name}":`);

/** Writes the canonical bytes and returns how many. Throws a RangeError when the target is too small. */
export function writeCanonical(record: AuditRecord, target: Uint8Array, offset: number): number {
  let at = offset;
  let last = -1;
  for (const key in record) {
    const index = KEY_INDEX.get(key);
    // Not in normal form: sorted first.
    if (index === undefined || index <= last) return writeUtf8(canonicalJson(record), target, offset);
    last = index;
    const value = record[key as keyof AuditRecord];
    if (value === undefined) continue;
    at = copy(PREFIXES[index]!, target, at);
    at = typeof value === "string" ? writeString(value, target, at) : writeOther(value, target, at);
  }
  if (at === offset) return writeUtf8(canonicalJson(record), target, offset);
  target[offset] = OPENING_BRACE;
  target[at++] = CLOSING_BRACE;
  if (at > target.length)
    throw new RangeError(`the record takes ${at - offset} bytes and the target has room for ${target.length - offset}`);
  return at - offset;
}

function writeOther(
  value: number | readonly string[] | Readonly<Record<string, string>>,
  target: Uint8Array,
  at: number,
): number {
  if (typeof value === "number") return copy(numeral(value), target, at);
  return Array.isArray(value)
    ? writeNames(value, target, at)
    : writeMap(value as Readonly<Record<string, string>>, target, at);
}

function writeNames(values: readonly string[], target: Uint8Array, from: number): number {
  let at = from;
  target[at++] = OPENING_BRACKET;
  for (let index = 0; index < values.length; index++) {
    if (index > 0) target[at++] = COMMA;
    at = writeString(values[index]!, target, at);
  }
  target[at++] = CLOSING_BRACKET;
  return at;
}

function writeMap(values: Readonly<Record<string, string>>, target: Uint8Array, from: number): number {
  const keys = sortedKeys(values);
  let at = from;
  target[at++] = OPENING_BRACE;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    if (index > 0) target[at++] = COMMA;
    at = writeString(key, target, at);
    target[at++] = COLON;
    at = writeString(values[key]!, target, at);
  }
  target[at++] = CLOSING_BRACE;
  return at;
}

function writeString(text: string, target: Uint8Array, from: number): number {
  if (typeof text !== "string") throw new TypeError(`a record holds strings here, not ${typeof text}`);
  const length = text.length;
  if (length > SHORT_CHARACTERS) return from + writeUtf8(quote(text), target, from);
  let at = from;
  target[at++] = QUOTE;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (IS_SPECIAL[code] === 1) return from + writeUtf8(quote(text), target, from);
    target[at++] = code;
  }
  target[at++] = QUOTE;
  return at;
}

function copy(text: string, target: Uint8Array, from: number): number {
  let at = from;
  for (let index = 0; index < text.length; index++) target[at++] = text.charCodeAt(index);
  return at;
}
