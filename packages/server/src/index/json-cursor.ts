/**
 * Reads canonical JSON (record/canonical.ts) from its bytes, without making the text or an object of it: a value's
 * content is a range of bytes. Only a string with an escape is made, once, and lies in a buffer of the cursor's own.
 *
 * Guarantees: never reads beyond the end, and ends at every text; an Error where the bytes are no canonical JSON of the
 * kind that was asked for. It does not check what a leaf's hash vouches for: whether keys are in order, whether the
 * shortest escapes were taken, whether the bytes are UTF-8.
 */
import { standsAt } from "../journal/entries.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const ZERO = 0x30;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
/** Above it one native call is faster than a loop. */
const SHORT_BYTES = 192;

export class JsonCursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  /** Where the content of the last string lies. */
  source: Buffer = this.bytes;
  from = 0;
  to = 0;

  start(bytes: Buffer, at: number): void {
    this.bytes = bytes;
    this.at = at;
  }

  /** Passes over one byte that must be there. */
  expect(byte: number): void {
    if (this.bytes[this.at] !== byte) throw this.#wrong();
    this.at += 1;
  }

  /** Passes over the brace before the first member, or the comma before the next; false, and beyond it, at the end. */
  member(): boolean {
    return this.#next(OPENING_BRACE, CLOSING_BRACE);
  }

  /** As `member`, for the elements of an array. */
  element(): boolean {
    return this.#next(OPENING_BRACKET, CLOSING_BRACKET);
  }

  #next(opening: number, closing: number): boolean {
    const byte = this.bytes[this.at];
    this.at += 1;
    if (byte === COMMA) return true;
    if (byte === closing) return false;
    if (byte !== opening) throw this.#wrong();
    if (this.bytes[this.at] !== closing) return true;
    this.at += 1;
    return false;
  }

  /** A string; its content is in `source` from `from` to `to`. */
  string(): void {
    const { bytes } = this;
    const from = this.at + 1;
    if (bytes[this.at] !== QUOTE) throw this.#wrong();
    let at = from;
    let byte = bytes[at];
    while (byte !== QUOTE && byte !== BACKSLASH && byte !== undefined) byte = bytes[++at];
    this.source = bytes;
    this.from = from;
    this.to = at;
    this.at = at + 1;
    if (byte !== QUOTE) this.#escapedString(from, at);
  }

  #escapedString(from: number, firstEscape: number): void {
    const { bytes } = this;
    let at = firstEscape;
    while (bytes[at] !== QUOTE) {
      if (at >= bytes.length) throw this.#wrong();
      at += bytes[at] === BACKSLASH ? 2 : 1;
    }
    const text = JSON.parse(bytes.toString("utf8", from - 1, at + 1)) as string;
    this.source = Buffer.from(text, "utf8");
    this.from = 0;
    this.to = this.source.length;
    this.at = at + 1;
  }

  /** The colon after a member's name. */
  colon(): void {
    this.expect(COLON);
  }

  integer(): number {
    const { bytes } = this;
    const isNegative = bytes[this.at] === MINUS;
    if (isNegative) this.at += 1;
    const from = this.at;
    let value = 0;
    for (let digit = bytes[this.at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[++this.at]! - ZERO)
      value = value * 10 + digit;
    if (this.at === from) throw this.#wrong();
    return isNegative ? -value : value;
  }

  /** True or false; beyond it. */
  flag(): boolean {
    const isTrue = this.bytes[this.at] === 0x74;
    this.at += isTrue ? 4 : 5;
    return isTrue;
  }

  /** Passes over any value. */
  skip(): void {
    let depth = 0;
    do {
      const byte = this.bytes[this.at];
      if (byte === undefined) throw this.#wrong();
      if (byte === QUOTE) this.string();
      else this.at += 1;
      if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth += 1;
      else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) depth -= 1;
    } while (depth > 0 || !this.#isValueEnd());
  }

  #isValueEnd(): boolean {
    const byte = this.bytes[this.at];
    return byte === COMMA || byte === CLOSING_BRACE || byte === CLOSING_BRACKET || byte === undefined;
  }

  /** Copies the content of the last string. */
  copyTo(target: Buffer, at: number): void {
    const { source, from, to } = this;
    if (to - from > SHORT_BYTES) source.copy(target, at, from, to);
    else for (let place = from; place < to; place += 1) target[at + place - from] = source[place]!;
  }

  /** Content of the last string. */
  text(): string {
    return this.source.toString("utf8", this.from, this.to);
  }

  #wrong(): Error {
    return new Error(`a leaf is no canonical JSON at byte ${this.at} of what is being indexed`);
  }
}

/**
 * Members' names to places. Objects of one kind follow each other with the same members, so the name that followed the
 * last one before is tried first.
 */
export class MemberNames {
  readonly #places: ReadonlyMap<string, number>;
  /** By place: the name in quotes, with its colon. */
  readonly #spelt: readonly Uint8Array[];
  /** By place + 1: the place of the name that came after it, and 0 for the first. */
  readonly #followers: Int16Array;

  constructor(places: ReadonlyMap<string, number>) {
    const spelt: Uint8Array[] = Array.from({ length: Math.max(0, ...places.values()) + 1 }, () => new Uint8Array(0));
    for (const [name, place] of places) spelt[place] = Buffer.from(`"${name}":`, "latin1");
    this.#places = places;
    this.#spelt = spelt;
    this.#followers = new Int16Array(spelt.length + 1);
  }

  /** Place of the member's name that stands at the cursor, -1 for an unknown one; `last` is that of the one before. */
  read(cursor: JsonCursor, last: number): number {
    const expected = this.#followers[last + 1]!;
    const spelt = this.#spelt[expected]!;
    if (spelt.length > 0 && standsAt(cursor.bytes, cursor.at, spelt)) {
      cursor.at += spelt.length;
      return expected;
    }
    cursor.string();
    cursor.colon();
    const place = this.#places.get(cursor.text()) ?? -1;
    if (place !== -1) this.#followers[last + 1] = place;
    return place;
  }
}
