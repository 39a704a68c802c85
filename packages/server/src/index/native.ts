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
import { ByteSink } from "./byte-sink.ts";
import { ABSENT_TIME_US, ABSENT_UINT } from "./columns.ts";
import type { Shape } from "./columns.ts";
import type { JsonCursor } from "./json-cursor.ts";
import { Dictionary, DICTIONARY_VERSION, OWN_KEYS } from "./native-dictionary.ts";
import { microsecondsAt } from "./time.ts";

export interface ColumnWriter {
  /** Takes the value at the cursor, and leaves it beyond. Rows ascend; each at most once. */
  read(row: number, cursor: JsonCursor): void;
  /** What precedes the column's content: versions of nested dictionaries. */
  prefix(sink: ByteSink): void;
  finish(sink: ByteSink, rows: number): void;
}

const UINT32 = 4_294_967_296;
const NO_PREFIX = (): void => {};

class NameWriter implements ColumnWriter {
  private readonly dictionary = new Dictionary();
  private readonly places: Uint32Array;

  constructor(capacity: number) {
    this.places = new Uint32Array(capacity);
  }

  read(row: number, cursor: JsonCursor): void {
    cursor.string();
    this.places[row] = this.dictionary.place(cursor);
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

  /** Writes the string that the cursor read last. */
  protected abstract write(cursor: JsonCursor): void;

  read(row: number, cursor: JsonCursor): void {
    this.skipTo(row);
    cursor.string();
    this.write(cursor);
    this.next = row + 1;
  }

  add(row: number, value: string): void {
    this.skipTo(row);
    this.sink.text(value);
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

export class TextWriter extends StringWriter {
  protected override write(cursor: JsonCursor): void {
    this.sink.string(cursor);
  }
}

const HEX_VALUES = new Uint8Array(128);
for (let digit = 0; digit < 16; digit += 1) HEX_VALUES["0123456789abcdef".charCodeAt(digit)] = digit;

/** Two hexadecimal digits a byte; at most 127 bytes. */
function writeHex(sink: ByteSink, source: Uint8Array, from: number, to: number): void {
  const size = (to - from) >> 1;
  sink.reserve(size + 1);
  const { bytes } = sink;
  let at = sink.length;
  bytes[at++] = size;
  for (let i = from; i < to; i += 2) bytes[at++] = (HEX_VALUES[source[i]!]! << 4) | HEX_VALUES[source[i + 1]!]!;
  sink.length = at;
}

class HexWriter extends StringWriter {
  protected override write({ source, from, to }: JsonCursor): void {
    writeHex(this.sink, source, from, to);
  }
}

const DIGEST_PREFIX_LENGTH = "sha256:".length;

class DigestWriter extends StringWriter {
  protected override write({ source, from, to }: JsonCursor): void {
    writeHex(this.sink, source, from + DIGEST_PREFIX_LENGTH, to);
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

  read(row: number, cursor: JsonCursor): void {
    cursor.string();
    const { source, from } = cursor;
    const { bytes } = this;
    for (let i = 0; i < 16; i += 1) {
      const digit = from + UUID_DIGITS[i]!;
      bytes[row * 16 + i] = (HEX_VALUES[source[digit]!]! << 4) | HEX_VALUES[source[digit + 1]!]!;
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

  read(row: number, cursor: JsonCursor): void {
    this.put(row, cursor.integer());
  }

  finish(sink: ByteSink, rows: number): void {
    sink.raw(new Uint8Array(this.words.buffer, 0, rows * 8));
  }
}

class TimeWriter extends Int64Writer {
  override read(row: number, cursor: JsonCursor): void {
    cursor.string();
    this.put(row, microsecondsAt(cursor.source, cursor.from, cursor.to));
  }
}

class SignedWriter extends Int64Writer {
  private readonly absent: Uint8Array;

  constructor(capacity: number) {
    super(capacity, 0);
    this.absent = new Uint8Array(capacity).fill(1);
  }

  override read(row: number, cursor: JsonCursor): void {
    super.read(row, cursor);
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

  read(row: number, cursor: JsonCursor): void {
    this.bytes[row] = cursor.flag() ? 1 : 0;
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

  read(row: number, cursor: JsonCursor): void {
    this.offsets.skipTo(row);
    while (cursor.element()) {
      cursor.string();
      this.elements.string(cursor);
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

  read(row: number, cursor: JsonCursor): void {
    this.offsets.skipTo(row);
    while (cursor.member()) this.entry(cursor);
  }

  private entry(cursor: JsonCursor): void {
    const at = this.offsets.total;
    if (at === this.places.length) {
      const larger = new Uint32Array(at * 2);
      larger.set(this.places);
      this.places = larger;
    }
    cursor.string();
    this.places[at] = this.keys.place(cursor);
    cursor.colon();
    cursor.string();
    this.values.string(cursor);
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

  read(): void {
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

  read(): void {
    assert.fail("the name is the same in every row");
  }

  prefix(sink: ByteSink): void {
    sink.uint64(DICTIONARY_VERSION);
  }

  finish(sink: ByteSink, rows: number): void {
    sink.uint64(OWN_KEYS);
    sink.uint64(1);
    sink.text(this.value);
    sink.uint64(rows);
    sink.reserve(rows);
    sink.length += rows;
  }
}

/** Integers that count on from a first one, row by row. */
export class CountWriter implements ColumnWriter {
  readonly prefix = NO_PREFIX;
  private readonly first: number;

  constructor(first: number) {
    this.first = first;
  }

  read(): void {
    assert.fail("every row has its number already");
  }

  finish(sink: ByteSink, rows: number): void {
    for (let row = 0; row < rows; row += 1) sink.uint64(this.first + row);
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
