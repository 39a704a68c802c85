/**
 * Leaves to blocks in ClickHouse's Native format, off the main thread. The leaves of a chunk become one JSON array
 * text in place (the two length bytes before each leaf are exactly room for a separator), so there is one parse a
 * chunk and nothing is kept of a leaf but its column bytes. A block holds rows of one day of `received_at`, the unit
 * of a partition.
 */
import assert from "node:assert";
import { isAscii } from "node:buffer";
import { callId } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import type { Task, TaskResult } from "../compute/compute.ts";
import { entryLength, LENGTH_BYTES } from "../journal/entries.ts";
import { COLUMNS, SQL_TYPES } from "./columns.ts";
import type { Column } from "./columns.ts";
import { HASH_BYTES, PARSE_CHUNK_BYTES } from "./limits.ts";
import { columnWriter, ConstantName, HashWriter, nativeBlock } from "./native.ts";
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

interface Leaf {
  readonly observed: Observed;
  readonly record: AuditRecord;
}

const places = (source: Column["source"]): ReadonlyMap<string, number> =>
  new Map(COLUMNS.flatMap((column, place) => (column.source === source ? [[column.field, place] as const] : [])));
const RECORD_PLACES = places("record");
const OBSERVED_PLACES = places("observed");
const SIGNATURE_PLACES = places("signature");
const LEAF_PLACES = places("leaf");
const leafPlace = (name: string): number => {
  const place = LEAF_PLACES.get(name);
  assert(place !== undefined, name);
  return place;
};
const LOG = leafPlace("log");
const TREE = leafPlace("tree");
const LEAF_INDEX = leafPlace("leaf_index");
const LEAF_HASH = leafPlace("leaf_hash");
const CALLER = leafPlace("caller");
const CALLEE = leafPlace("callee");
const CALL_ID_KEPT = leafPlace("call_id_kept");

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
  private readonly capacity: number;
  private readonly tree: string;
  private readonly log: string;

  constructor(tree: string, log: string, firstIndex: number, capacity: number) {
    this.tree = tree;
    this.log = log;
    this.firstIndex = firstIndex;
    this.capacity = capacity;
  }

  private put(place: number, value: unknown): void {
    let writer = this.writers[place];
    if (writer === undefined) {
      writer = columnWriter(COLUMNS[place]!.shape, this.capacity);
      this.writers[place] = writer;
    }
    writer.set(this.rows, value);
  }

  private putFields(fields: ReadonlyMap<string, number>, source: object): void {
    const values = source as Readonly<Record<string, unknown>>;
    for (const name in values) {
      const place = fields.get(name);
      if (place !== undefined) this.put(place, values[name]);
    }
  }

  /** What is the same in all rows, or lies ready for all of them. */
  private fill(hashes: Uint8Array): void {
    const constant = (place: number, value: string): void => {
      this.writers[place] = new ConstantName(value);
    };
    constant(LOG, this.log);
    constant(TREE, this.tree);
    this.writers[LEAF_HASH] = new HashWriter(hashes);
  }

  add(leaf: Leaf): void {
    const { record, observed } = leaf;
    this.put(LEAF_INDEX, this.firstIndex + this.rows);
    this.put(CALLER, record.service_id);
    this.put(CALLEE, record.target_id);
    const id = callId(record);
    if (id !== derivedCallId(record)) this.put(CALL_ID_KEPT, id);
    this.putFields(RECORD_PLACES, record);
    this.putFields(OBSERVED_PLACES, observed);
    if (observed.signature !== undefined) this.putFields(SIGNATURE_PLACES, observed.signature);
    this.rows += 1;
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

/** End of the entries that start at `from`, at most `limit` bytes of them but at least one. */
function chunkEnd(entries: Uint8Array, from: number, limit: number): number {
  let end = from;
  while (end < entries.length) {
    const next = end + LENGTH_BYTES + entryLength(entries, end);
    if (end > from && next - from > limit) break;
    end = next;
  }
  assert(end <= entries.length, "entries end with a whole leaf");
  return end;
}

function parseChunk(entries: Uint8Array, from: number, end: number): readonly Leaf[] {
  const text = Buffer.allocUnsafe(end - from + 1);
  text.set(entries.subarray(from, end));
  for (let at = 0; at < text.length - 1;) {
    const size = entryLength(text, at);
    text[at] = at === 0 ? 0x20 : 0x2c;
    text[at + 1] = at === 0 ? 0x5b : 0x20;
    at += LENGTH_BYTES + size;
  }
  text[text.length - 1] = 0x5d;
  // Nearly all text is plain ASCII, which needs no decoding.
  return JSON.parse(text.toString(isAscii(text) ? "latin1" : "utf8")) as Leaf[];
}

/** What a block takes of the bytes of its entries, a little above what it mostly is; more makes the buffer grow. */
const BLOCK_SHARE = 0.375;
const DAY_LENGTH = "2026-11-25".length;

function concatenatedHashes(ranges: readonly EncodeRange[]): Uint8Array {
  const [only] = ranges;
  return ranges.length === 1 && only !== undefined ? only.hashes : Buffer.concat(ranges.map((range) => range.hashes));
}

function encode(input: EncodeInput): readonly EncodedBlock[] {
  const hashes = concatenatedHashes(input.ranges);
  const capacity = hashes.length / HASH_BYTES;
  const entryBytes = input.ranges.reduce((sum, range) => sum + range.entries.length, 0);
  const expectedBytes = Math.ceil(entryBytes * BLOCK_SHARE);
  const blocks: EncodedBlock[] = [];
  let builder = new BlockBuilder(input.tree, input.log, input.firstIndex, capacity);
  const finish = (): void => {
    const start = (builder.firstIndex - input.firstIndex) * HASH_BYTES;
    blocks.push(builder.finish(hashes.subarray(start, start + builder.rows * HASH_BYTES), expectedBytes));
  };
  let day = "";
  for (const { entries } of input.ranges) {
    for (let at = 0; at < entries.length;) {
      const end = chunkEnd(entries, at, PARSE_CHUNK_BYTES);
      for (const leaf of parseChunk(entries, at, end)) {
        if (!leaf.observed.received_at.startsWith(day)) {
          finish();
          builder = new BlockBuilder(input.tree, input.log, builder.firstIndex + builder.rows, capacity);
          day = "";
        }
        if (day === "") day = leaf.observed.received_at.slice(0, DAY_LENGTH);
        builder.add(leaf);
      }
      at = end;
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
