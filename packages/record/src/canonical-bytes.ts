/**
 * `writeSlots`: the bytes of `canonicalJson` straight into a batch's buffer. Short plain strings are copied
 * character by character, which spares an intermediate string a record and a call a field; what needs an escape or more
 * than ASCII goes through `quote`.
 *
 * A write beyond the end of a typed array does nothing, so that room is checked once, at the end.
 */
import { quote } from "./canonical.ts";
import { RECORD_KEYS, sortedKeys } from "./canonical-record.ts";
import type { Slots } from "./slots.ts";
import { encodeUtf8, writeUtf8 } from "./utf8.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
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
const PREFIXES: readonly Uint8Array[] = RECORD_KEYS.map((name) => encodeUtf8(`,"${name}":`));

/**
 * Writes the canonical bytes of the record that lies in slots in normal form, and returns how many. Throws a RangeError
 * when the target is too small.
 */
export function writeSlots(slots: Slots, target: Uint8Array, offset: number): number {
  let at = offset;
  for (let slot = 0; slot < slots.length; slot++) {
    const value = slots[slot];
    if (value === undefined) continue;
    const prefix = PREFIXES[slot]!;
    for (let index = 0; index < prefix.length; index++) target[at++] = prefix[index]!;
    at = typeof value === "string" ? writeString(value, target, at) : writeOther(value, target, at);
  }
  if (at === offset) throw new TypeError("there is no record without fields");
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
  if (typeof value === "number") return writeInteger(value, target, at);
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

/** Integers are 0 to 2^53 − 1 (fields.ts). */
function writeInteger(value: number, target: Uint8Array, from: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits += 1;
  const end = from + digits;
  let rest = value;
  for (let at = end - 1; at >= from; at--) {
    const quotient = Math.floor(rest / 10);
    target[at] = ZERO + (rest - quotient * 10);
    rest = quotient;
  }
  return end;
}
