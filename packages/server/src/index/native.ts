/**
 * ClickHouse's Native format, written column by column. One writer collects the values of one column for one block:
 * rows come in order, a row that is not set holds the column's absent value. Nothing is kept per row but the bytes
 * themselves.
 *
 * Format: variable-length integers for counts and string lengths, little-endian elsewhere. A LowCardinality column
 * carries its own dictionary (index width, "additional keys" and "update" bits, keys, indexes), an array or map
 * cumulative offsets first.
 */
import assert from "node:assert";
import { ABSENT_TIME_US, ABSENT_UINT } from "./columns.ts";
import type { Shape } from "./columns.ts";
import { microsecondsOf } from "./time.ts";

/** Bytes that grow by doubling; what is not written is zero. */
export class ByteSink {
  bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.alloc(capacity);
  }

  reserve(extra: number): void {
    if (this.length + extra <= this.bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.bytes.length * 2, this.length + extra));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  varuint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest > 127) {
      this.bytes[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  uint64(value: number): void {
    this.reserve(8);
    this.bytes.writeUInt32LE(value % 4_294_967_296, this.length);
    this.bytes.writeUInt32LE(Math.floor(value / 4_294_967_296), this.length + 4);
    this.length += 8;
  }

  raw(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Length, then UTF-8. Short strings are copied by hand: a call into the runtime costs more than their characters. */
  text(value: string): void {
    const size = value.length;
    if (size < 24 && this.shortAscii(value, size)) return;
    this.reserve(size * 3 + 8);
    if (size * 3 < 128) {
      const written = this.bytes.write(value, this.length + 1);
      this.bytes[this.length] = written;
      this.length += 1 + written;
      return;
    }
    this.varuint(Buffer.byteLength(value, "utf8"));
    this.length += this.bytes.write(value, this.length);
  }

  private shortAscii(value: string, size: number): boolean {
    this.reserve(size + 1);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = size;
    for (let i = 0; i < size; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.length = at;
    return true;
  }
}

export interface ColumnWriter {
  /** Rows ascend; each at most once. */
  set(row: number, value: unknown): void;
  /** What precedes the column's content: versions of nested dictionaries. */
  prefix(sink: ByteSink): void;
  finish(sink: ByteSink, rows: number): void;
}

const UINT32 = 4_294_967_296;
const NO_PREFIX = (): void => {};
/** LowCardinality: shared dictionaries with additional keys. */
const DICTIONARY_VERSION = 1;
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_UPDATE = 0x400;

/** A dictionary and the rows' places in it; place 0 is the empty string. */
class Dictionary {
  private readonly places = new Map<string, number>([["", 0]]);
  private lastValue = "";
  private lastPlace = 0;

  place(value: string): number {
    if (value === this.lastValue) return this.lastPlace;
    let place = this.places.get(value);
    if (place === undefined) {
      place = this.places.size;
      this.places.set(value, place);
    }
    this.lastValue = value;
    this.lastPlace = place;
    return place;
  }

  finish(sink: ByteSink, places: Uint32Array, rows: number): void {
    const keys = this.places.size;
    const width = keys <= 256 ? 0 : keys <= 65_536 ? 1 : 2;
    sink.uint64(HAS_ADDITIONAL_KEYS + NEEDS_UPDATE + width);
    sink.uint64(keys);
    for (const key of this.places.keys()) sink.text(key);
    sink.uint64(rows);
    const used = places.subarray(0, rows);
    if (width === 0) sink.raw(Uint8Array.from(used));
    else if (width === 1) sink.raw(new Uint8Array(Uint16Array.from(used).buffer));
    else sink.raw(new Uint8Array(used.buffer, used.byteOffset, rows * 4));
  }
}

class NameWriter implements ColumnWriter {
  private readonly dictionary = new Dictionary();
  private readonly places: Uint32Array;

  constructor(capacity: number) {
    this.places = new Uint32Array(capacity);
  }

  set(row: number, value: unknown): void {
    this.places[row] = this.dictionary.place(value as string);
  }

  prefix(sink: ByteSink): void {
    sink.uint64(DICTIONARY_VERSION);
  }

  finish(sink: ByteSink, rows: number): void {
    this.dictionary.finish(sink, this.places, rows);
  }
}

/** Strings; rows between two that are set are empty, one zero byte each, which the sink already holds. */
abstract class StringWriter implements ColumnWriter {
  readonly prefix = NO_PREFIX;
  protected readonly sink: ByteSink;
  private next = 0;

  constructor(capacity: number) {
    this.sink = new ByteSink(Math.max(64, capacity * 2));
  }

  protected abstract write(value: string): void;

  set(row: number, value: unknown): void {
    this.skipTo(row);
    this.write(value as string);
    this.next = row + 1;
  }

  private skipTo(row: number): void {
    const gap = row - this.next;
    if (gap === 0) return;
    assert(gap > 0, "rows ascend");
    this.sink.reserve(gap);
    this.sink.length += gap;
  }

  finish(sink: ByteSink, rows: number): void {
    this.skipTo(rows);
    this.next = rows;
    sink.raw(this.sink.bytes.subarray(0, this.sink.length));
  }
}

class TextWriter extends StringWriter {
  protected override write(value: string): void {
    this.sink.text(value);
  }
}

const HEX_VALUES = new Uint8Array(128);
for (let digit = 0; digit < 16; digit += 1) HEX_VALUES["0123456789abcdef".charCodeAt(digit)] = digit;

/** Two hexadecimal digits a byte, from `from` on. */
function writeHex(sink: ByteSink, value: string, from: number): void {
  const size = (value.length - from) >> 1;
  sink.varuint(size);
  sink.reserve(size);
  const { bytes } = sink;
  let at = sink.length;
  for (let i = from; i < value.length; i += 2) {
    bytes[at++] = (HEX_VALUES[value.charCodeAt(i)]! << 4) | HEX_VALUES[value.charCodeAt(i + 1)]!;
  }
  sink.length = at;
}

class HexWriter extends StringWriter {
  protected override write(value: string): void {
    writeHex(this.sink, value, 0);
  }
}

const DIGEST_PREFIX_LENGTH = "sha256:".length;

class DigestWriter extends StringWriter {
  protected override write(value: string): void {
    writeHex(this.sink, value, DIGEST_PREFIX_LENGTH);
  }
}

/** Where the text of a UUID holds the digits of each byte, in the order of Native: two little-endian halves. */
const UUID_DIGITS = [16, 14, 11, 9, 6, 4, 2, 0, 34, 32, 30, 28, 26, 24, 21, 19] as const;

class UuidWriter implements ColumnWriter {
  readonly prefix = NO_PREFIX;
  private readonly bytes: Uint8Array;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity * 16);
  }

  set(row: number, value: unknown): void {
    const text = value as string;
    for (let i = 0; i < 16; i += 1) {
      const digit = UUID_DIGITS[i]!;
      this.bytes[row * 16 + i] = (HEX_VALUES[text.charCodeAt(digit)]! << 4) | HEX_VALUES[text.charCodeAt(digit + 1)]!;
    }
  }

  finish(sink: ByteSink, rows: number): void {
    sink.raw(this.bytes.subarray(0, rows * 16));
  }
}

/** 64-bit integers from doubles, as pairs of 32-bit words. */
class Int64Writer implements ColumnWriter {
  readonly prefix: (sink: ByteSink) => void = NO_PREFIX;
  protected readonly words: Uint32Array;

  constructor(capacity: number, absent: number) {
    this.words = new Uint32Array(capacity * 2);
    if (absent !== 0) for (let row = 0; row < capacity; row += 1) this.put(row, absent);
  }

  protected put(row: number, value: number): void {
    const high = Math.floor(value / UINT32);
    this.words[row * 2] = value - high * UINT32;
    this.words[row * 2 + 1] = high;
  }

  set(row: number, value: unknown): void {
    this.put(row, value as number);
  }

  finish(sink: ByteSink, rows: number): void {
    sink.raw(new Uint8Array(this.words.buffer, 0, rows * 8));
  }
}

class TimeWriter extends Int64Writer {
  override set(row: number, value: unknown): void {
    this.put(row, microsecondsOf(value as string));
  }
}

class SignedWriter extends Int64Writer {
  private readonly absent: Uint8Array;

  constructor(capacity: number) {
    super(capacity, 0);
    this.absent = new Uint8Array(capacity).fill(1);
  }

  override set(row: number, value: unknown): void {
    super.set(row, value);
    this.absent[row] = 0;
  }

  override finish(sink: ByteSink, rows: number): void {
    sink.raw(this.absent.subarray(0, rows));
    super.finish(sink, rows);
  }
}

class FlagWriter implements ColumnWriter {
  readonly prefix = NO_PREFIX;
  private readonly bytes: Uint8Array;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity).fill(255);
  }

  set(row: number, value: unknown): void {
    this.bytes[row] = value === true ? 1 : 0;
  }

  finish(sink: ByteSink, rows: number): void {
    sink.raw(this.bytes.subarray(0, rows));
  }
}

/** Cumulative counts of a nested column; rows that are not set repeat the one before. */
class Offsets {
  total = 0;
  private next = 0;
  private readonly words: Uint32Array;

  constructor(capacity: number) {
    this.words = new Uint32Array(capacity * 2);
  }

  skipTo(row: number): void {
    for (; this.next < row; this.next += 1) this.words[this.next * 2] = this.total;
  }

  finish(sink: ByteSink, rows: number): void {
    this.skipTo(rows);
    sink.raw(new Uint8Array(this.words.buffer, 0, rows * 8));
  }
}

class NamesWriter implements ColumnWriter {
  readonly prefix = NO_PREFIX;
  private readonly offsets: Offsets;
  private readonly elements = new ByteSink(64);

  constructor(capacity: number) {
    this.offsets = new Offsets(capacity);
  }

  set(row: number, value: unknown): void {
    this.offsets.skipTo(row);
    for (const element of value as readonly string[]) {
      this.elements.text(element);
      this.offsets.total += 1;
    }
  }

  finish(sink: ByteSink, rows: number): void {
    this.offsets.finish(sink, rows);
    sink.raw(this.elements.bytes.subarray(0, this.elements.length));
  }
}

class MapWriter implements ColumnWriter {
  private readonly offsets: Offsets;
  private readonly keys = new Dictionary();
  private readonly values = new ByteSink(64);
  private places = new Uint32Array(1024);

  constructor(capacity: number) {
    this.offsets = new Offsets(capacity);
  }

  set(row: number, value: unknown): void {
    this.offsets.skipTo(row);
    const map = value as Readonly<Record<string, string>>;
    for (const key of Object.keys(map)) this.entry(key, map[key]!);
  }

  private entry(key: string, value: string): void {
    const at = this.offsets.total;
    if (at === this.places.length) {
      const larger = new Uint32Array(at * 2);
      larger.set(this.places);
      this.places = larger;
    }
    this.places[at] = this.keys.place(key);
    this.values.text(value);
    this.offsets.total = at + 1;
  }

  prefix(sink: ByteSink): void {
    sink.uint64(DICTIONARY_VERSION);
  }

  finish(sink: ByteSink, rows: number): void {
    this.offsets.finish(sink, rows);
    if (this.offsets.total > 0) this.keys.finish(sink, this.places, this.offsets.total);
    sink.raw(this.values.bytes.subarray(0, this.values.length));
  }
}

/** Hashes that lie ready, one after the other. */
export class HashWriter implements ColumnWriter {
  readonly prefix = NO_PREFIX;
  private readonly hashes: Uint8Array;

  constructor(hashes: Uint8Array) {
    this.hashes = hashes;
  }

  set(): void {
    assert.fail("hashes are given whole");
  }

  finish(sink: ByteSink, rows: number): void {
    assert(this.hashes.length === rows * 32, "a hash a row");
    sink.raw(this.hashes);
  }
}

/** A name that is the same in every row. */
export class ConstantName implements ColumnWriter {
  private readonly value: string;

  constructor(value: string) {
    this.value = value;
  }

  set(): void {
    assert.fail("the name is the same in every row");
  }

  prefix(sink: ByteSink): void {
    sink.uint64(DICTIONARY_VERSION);
  }

  finish(sink: ByteSink, rows: number): void {
    sink.uint64(HAS_ADDITIONAL_KEYS + NEEDS_UPDATE);
    sink.uint64(1);
    sink.text(this.value);
    sink.uint64(rows);
    sink.reserve(rows);
    sink.length += rows;
  }
}

export function columnWriter(shape: Shape, capacity: number): ColumnWriter {
  switch (shape) {
    case "name":
      return new NameWriter(capacity);
    case "text":
      return new TextWriter(capacity);
    case "hex":
      return new HexWriter(capacity);
    case "digest":
      return new DigestWriter(capacity);
    case "uuid":
      return new UuidWriter(capacity);
    case "uint":
      return new Int64Writer(capacity, ABSENT_UINT);
    case "signed":
      return new SignedWriter(capacity);
    case "flag":
      return new FlagWriter(capacity);
    case "time":
      return new TimeWriter(capacity, ABSENT_TIME_US);
    case "names":
      return new NamesWriter(capacity);
    case "map":
      return new MapWriter(capacity);
    case "hash":
      return assert.fail("hashes are given whole");
  }
}

export interface NamedWriter {
  readonly name: string;
  readonly type: string;
  readonly writer: ColumnWriter;
}

/** One block of the columns in use. */
export function nativeBlock(columns: readonly NamedWriter[], rows: number, expectedBytes: number): Buffer {
  const sink = new ByteSink(expectedBytes);
  sink.varuint(columns.length);
  sink.varuint(rows);
  for (const column of columns) {
    sink.text(column.name);
    sink.text(column.type);
    column.writer.prefix(sink);
    column.writer.finish(sink, rows);
  }
  return sink.bytes.subarray(0, sink.length);
}
