/**
 * Leaves to blocks in ClickHouse's Native format, off the main thread. A leaf is canonical JSON: its values are copied
 * from its bytes into the columns' bytes, and no object or text is made of it. A block holds rows of one day of
 * `received_at`, the unit of a partition.
 */
import assert from "node:assert";
import { callId } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import type { Task, TaskResult } from "../compute/compute.ts";
import { entryLength, LENGTH_BYTES, standsAt } from "../journal/entries.ts";
import { COLUMNS, SQL_TYPES } from "./columns.ts";
import type { Column } from "./columns.ts";
import { JsonCursor, MemberNames } from "./json-cursor.ts";
import { HASH_BYTES } from "./limits.ts";
import { columnWriter, ConstantName, CountWriter, HashWriter, nativeBlock, TextWriter } from "./native.ts";
import type { ColumnWriter } from "./native.ts";

export interface EncodeRange {
  /** u16 big-endian length ‖ leaf, repeated. */
  readonly entries: Uint8Array;
  /** 32 bytes a leaf. */
  readonly hashes: Uint8Array;
}

export interface EncodeInput {
  readonly tree: string;
  readonly log: string;
  readonly firstIndex: number;
  /** Contiguous, in order. */
  readonly ranges: readonly EncodeRange[];
}

export interface EncodedBlock {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** The columns present; all others hold their default. */
  readonly columns: readonly string[];
  readonly bytes: Uint8Array;
}

const places = (source: Column["source"]): ReadonlyMap<string, number> =>
  new Map(COLUMNS.flatMap((column, place) => (column.source === source ? [[column.field, place] as const] : [])));
const placeIn = (source: Column["source"], name: string): number => {
  const place = places(source).get(name);
  assert(place !== undefined, name);
  return place;
};
const LOG = placeIn("leaf", "log");
const TREE = placeIn("leaf", "tree");
const LEAF_INDEX = placeIn("leaf", "leaf_index");
const LEAF_HASH = placeIn("leaf", "leaf_hash");
const CALLER = placeIn("leaf", "caller");
const CALLEE = placeIn("leaf", "callee");
const CALL_ID_KEPT = placeIn("leaf", "call_id_kept");
const SERVICE = placeIn("record", "service_id");
const TARGET = placeIn("record", "target_id");
const SIDE = placeIn("record", "side");
const EVENT_TYPE = placeIn("record", "event_type");
const TRACE = placeIn("record", "trace_id");
const SPAN = placeIn("record", "span_id");
const PARENT_SPAN = placeIn("record", "parent_span_id");
/** `observed` holds one member that is an object; its members are columns too. */
const SIGNATURE = COLUMNS.length;

const RECORD_NAMES = new MemberNames(places("record"));
const OBSERVED_NAMES = new MemberNames(new Map([...places("observed"), ["signature", SIGNATURE]]));
const SIGNATURE_NAMES = new MemberNames(places("signature"));

const OBSERVED_OPENING = Buffer.from('{"observed":');
const RECORD_OPENING = Buffer.from(',"record":');
const RECEIVED_AT_OPENING = Buffer.from('"received_at":"');
const DAY_LENGTH = "2026-11-25".length;

/** `caller`, `callee` and `observer` differ in this letter. */
const SIDE_MARK = 5;
const CALLER_MARK = "caller".charCodeAt(SIDE_MARK);
const CALLEE_MARK = "callee".charCodeAt(SIDE_MARK);
/** Event types of messages begin with it; another that does is only looked at more closely than it need be. */
const MESSAGE_MARK = "M".charCodeAt(0);

/**
 * The call id that the `call_id` column derives from other columns; what differs from it is kept (schema/records.ts).
 */
function derivedCallId(record: AuditRecord): string {
  const span = record.side === "callee" ? record.parent_span_id : record.span_id;
  return `${record.trace_id ?? ""}/${span ?? ""}`;
}

/** Collects the rows of one block; a column costs nothing until a row uses it. */
class BlockBuilder {
  readonly firstIndex: number;
  rows = 0;
  private readonly writers: (ColumnWriter | undefined)[] = COLUMNS.map(() => undefined);
  /** By place, the last row that has the column. */
  private readonly lastRows = new Int32Array(COLUMNS.length).fill(-1);
  /** Of the row under way. */
  private side = 0;
  private isMessage = false;
  private readonly capacity: number;
  private readonly tree: string;
  private readonly log: string;

  constructor(tree: string, log: string, firstIndex: number, capacity: number) {
    this.tree = tree;
    this.log = log;
    this.firstIndex = firstIndex;
    this.capacity = capacity;
  }

  private writer(place: number): ColumnWriter {
    let writer = this.writers[place];
    if (writer === undefined) {
      writer = columnWriter(COLUMNS[place]!.shape, this.capacity);
      this.writers[place] = writer;
    }
    return writer;
  }

  private readMembers(names: MemberNames, cursor: JsonCursor): void {
    let last = -1;
    while (cursor.member()) {
      const place = names.read(cursor, last);
      if (place === -1) {
        // A later version's field.
        cursor.skip();
        continue;
      }
      last = place;
      if (place === SIGNATURE) this.readMembers(SIGNATURE_NAMES, cursor);
      else {
        this.writer(place).read(this.rows, cursor);
        this.lastRows[place] = this.rows;
        if (place === SIDE) this.side = cursor.source[cursor.from + SIDE_MARK] ?? 0;
        else if (place === EVENT_TYPE) this.isMessage = cursor.source[cursor.from] === MESSAGE_MARK;
      }
    }
  }

  /** Takes the leaf at the cursor. */
  add(cursor: JsonCursor): void {
    cursor.at += OBSERVED_OPENING.length;
    this.readMembers(OBSERVED_NAMES, cursor);
    cursor.at += RECORD_OPENING.length;
    const start = cursor.at;
    this.readMembers(RECORD_NAMES, cursor);
    this.keepCallId(cursor, start);
    this.rows += 1;
  }

  /** The call id where the `call_id` column cannot derive it from other columns (schema/records.ts). */
  private keepCallId(cursor: JsonCursor, start: number): void {
    const { lastRows, rows } = this;
    const span = this.side === CALLER_MARK ? SPAN : this.side === CALLEE_MARK ? PARENT_SPAN : null;
    if (!this.isMessage && span !== null && lastRows[TRACE] === rows && lastRows[span] === rows) return;
    const record = JSON.parse(cursor.bytes.toString("utf8", start, cursor.at)) as AuditRecord;
    const id = callId(record);
    if (id === derivedCallId(record)) return;
    const writer = this.writer(CALL_ID_KEPT);
    assert(writer instanceof TextWriter, "call ids are text");
    writer.add(rows, id);
  }

  /** What is the same in all rows, or lies ready for all of them. */
  private fill(hashes: Uint8Array): void {
    this.writers[LOG] = new ConstantName(this.log);
    this.writers[TREE] = new ConstantName(this.tree);
    this.writers[LEAF_INDEX] = new CountWriter(this.firstIndex);
    this.writers[LEAF_HASH] = new HashWriter(hashes);
    // What the resolved services are until halves are paired; the dictionaries are the same.
    this.writers[CALLER] = this.writers[SERVICE];
    this.writers[CALLEE] = this.writers[TARGET];
  }

  /** `hashes` holds those of the block's rows. */
  finish(hashes: Uint8Array, expectedBytes: number): EncodedBlock {
    if (this.rows > 0) this.fill(hashes);
    const used = COLUMNS.flatMap((column, place) => {
      const writer = this.writers[place];
      return writer === undefined ? [] : [{ name: column.name, type: SQL_TYPES[column.shape], writer }];
    });
    const bytes = nativeBlock(used, this.rows, expectedBytes);
    const columns = used.map((column) => column.name);
    return { from: this.firstIndex, to: this.firstIndex + this.rows, columns, bytes };
  }
}

/** What a block takes of the bytes of its entries, a little above what it mostly is; more makes the buffer grow. */
const BLOCK_SHARE = 0.375;

function concatenatedHashes(ranges: readonly EncodeRange[]): Uint8Array {
  const [only] = ranges;
  return ranges.length === 1 && only !== undefined ? only.hashes : Buffer.concat(ranges.map((range) => range.hashes));
}

/**
 * The day on which a leaf was received, from the name of the member to the day's end, and how far into the leaf that
 * is.
 */
interface Day {
  readonly at: number;
  readonly text: Buffer;
}

const NO_DAY: Day = { at: 0, text: Buffer.alloc(0) };

/**
 * `last`, the leaf's before, mostly stands in the same place. Quotes inside a JSON string are escaped, so that the
 * first match is the member of `observed`, which comes first.
 */
function dayOf(bytes: Buffer, leaf: number, last: Day): Day {
  if (last !== NO_DAY && standsAt(bytes, leaf + last.at, last.text)) return last;
  const at = bytes.indexOf(RECEIVED_AT_OPENING, leaf);
  const text = bytes.subarray(at, at + RECEIVED_AT_OPENING.length + DAY_LENGTH);
  return { at: at - leaf, text: text.equals(last.text) ? last.text : Buffer.from(text) };
}

function encode(input: EncodeInput): readonly EncodedBlock[] {
  const hashes = concatenatedHashes(input.ranges);
  const capacity = hashes.length / HASH_BYTES;
  const entryBytes = input.ranges.reduce((sum, range) => sum + range.entries.length, 0);
  const expectedBytes = Math.ceil(entryBytes * BLOCK_SHARE);
  const blocks: EncodedBlock[] = [];
  const cursor = new JsonCursor();
  let builder = new BlockBuilder(input.tree, input.log, input.firstIndex, capacity);
  const finish = (): void => {
    const start = (builder.firstIndex - input.firstIndex) * HASH_BYTES;
    blocks.push(builder.finish(hashes.subarray(start, start + builder.rows * HASH_BYTES), expectedBytes));
  };
  let day = NO_DAY;
  for (const { entries } of input.ranges) {
    const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
    for (let at = 0; at < bytes.length;) {
      const leaf = at + LENGTH_BYTES;
      const received = dayOf(bytes, leaf, day);
      if (received.text !== day.text && day !== NO_DAY) {
        finish();
        builder = new BlockBuilder(input.tree, input.log, builder.firstIndex + builder.rows, capacity);
      }
      day = received;
      cursor.start(bytes, leaf);
      builder.add(cursor);
      at = leaf + entryLength(bytes, at);
      assert(cursor.at + 1 === at, "a leaf ends with the brace behind its record");
    }
  }
  finish();
  assert(builder.firstIndex + builder.rows === input.firstIndex + capacity, "a hash a leaf");
  return blocks;
}

export const encodeNativeTask: Task<EncodeInput, readonly EncodedBlock[]> = {
  name: "encode-native",
  run(input: EncodeInput): TaskResult<readonly EncodedBlock[]> {
    const output = encode(input);
    return { output, transfer: output.map((block) => block.bytes.buffer as ArrayBuffer) };
  },
};
