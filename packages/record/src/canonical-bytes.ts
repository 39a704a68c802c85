/**
 * `writeSlots`: the bytes of `canonicalJson` straight into a batch's buffer. Short plain strings are copied four
 * characters at a time, which spares an intermediate string a record and a call a field; what needs an escape or more
 * than ASCII goes through `quote`.
 *
 * A write beyond the end of a view throws, and one beyond the end of a typed array does nothing, so that room is
 * checked once, at the end.
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

/** Bytes to be copied: by fours, and the rest. */
interface Prefix {
  readonly words: Int32Array;
  readonly rest: Uint8Array;
}

/** Comma, name and colon of every field; the first one's comma becomes the brace. */
const PREFIXES: readonly Prefix[] = RECORD_KEYS.map((name) => {
  const bytes = encodeUtf8(`,"${name}":`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = Int32Array.from({ length: bytes.length >> 2 }, (_, place) => view.getInt32(place * 4, true));
  return { words, rest: bytes.subarray(words.length * 4) };
});

/** One buffer, to be written by the byte and by the word. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function targetOf(bytes: Uint8Array): Target {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/**
 * Writes the canonical bytes of the record that lies in slots in normal form, and returns how many. Throws a RangeError
 * when the target is too small.
 */
export function writeSlots(slots: Slots, target: Target, offset: number): number {
  const { bytes } = target;
  let at = offset;
  for (let slot = 0; slot < slots.length; slot++) {
    const value = slots[slot];
    if (value === undefined) continue;
    at = writePrefix(PREFIXES[slot]!, target, at);
    at = typeof value === "string" ? writeString(value, target, at) : writeOther(value, target, at);
  }
  if (at === offset) throw new TypeError("there is no record without fields");
  bytes[offset] = OPENING_BRACE;
  bytes[at++] = CLOSING_BRACE;
  if (at > bytes.length)
    throw new RangeError(`the record takes ${at - offset} bytes and the target has room for ${bytes.length - offset}`);
  return at - offset;
}

function writePrefix({ words, rest }: Prefix, { bytes, view }: Target, from: number): number {
  let at = from;
  for (let index = 0; index < words.length; index++, at += 4) view.setInt32(at, words[index]!, true);
  for (let index = 0; index < rest.length; index++) bytes[at++] = rest[index]!;
  return at;
}

function writeOther(
  value: number | readonly string[] | Readonly<Record<string, string>>,
  target: Target,
  at: number,
): number {
  if (typeof value === "number") return writeInteger(value, target.bytes, at);
  return Array.isArray(value)
    ? writeNames(value, target, at)
    : writeMap(value as Readonly<Record<string, string>>, target, at);
}

function writeNames(values: readonly string[], target: Target, from: number): number {
  const { bytes } = target;
  let at = from;
  bytes[at++] = OPENING_BRACKET;
  for (let index = 0; index < values.length; index++) {
    if (index > 0) bytes[at++] = COMMA;
    at = writeString(values[index]!, target, at);
  }
  bytes[at++] = CLOSING_BRACKET;
  return at;
}

function writeMap(values: Readonly<Record<string, string>>, target: Target, from: number): number {
  const { bytes } = target;
  const keys = sortedKeys(values);
  let at = from;
  bytes[at++] = OPENING_BRACE;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    if (index > 0) bytes[at++] = COMMA;
    at = writeString(key, target, at);
    bytes[at++] = COLON;
    at = writeString(values[key]!, target, at);
  }
  bytes[at++] = CLOSING_BRACE;
  return at;
}

function writeString(text: string, { bytes, view }: Target, from: number): number {
  if (typeof text !== "string") throw new TypeError(`a record holds strings here, not ${typeof text}`);
  const length = text.length;
  if (length > SHORT_CHARACTERS) return from + writeUtf8(quote(text), bytes, from);
  let at = from;
  bytes[at++] = QUOTE;
  let index = 0;
  for (; index + 4 <= length; index += 4, at += 4) {
    const first = text.charCodeAt(index);
    const second = text.charCodeAt(index + 1);
    const third = text.charCodeAt(index + 2);
    const fourth = text.charCodeAt(index + 3);
    if ((IS_SPECIAL[first]! | IS_SPECIAL[second]! | IS_SPECIAL[third]! | IS_SPECIAL[fourth]!) !== 0)
      return from + writeUtf8(quote(text), bytes, from);
    view.setInt32(at, first | (second << 8) | (third << 16) | (fourth << 24), true);
  }
  for (; index < length; index++) {
    const code = text.charCodeAt(index);
    if (IS_SPECIAL[code] === 1) return from + writeUtf8(quote(text), bytes, from);
    bytes[at++] = code;
  }
  bytes[at++] = QUOTE;
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
