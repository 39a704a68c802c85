import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

import { MAX_OTLP_GROUPS, MAX_OTLP_VALUE_DEPTH, MAX_OTLP_VALUES_PER_ITEM } from "../limits.ts";
import {
  exact,
  idFromBytes,
  MalformedOtlp,
  type Decoded,
  type LogRecord,
  type Resource,
  type Scope,
  type Span,
  type SpanEvent,
  type SpanLink,
  type Value,
} from "./shape.ts";

/**
 * Reads `ExportTraceServiceRequest` and `ExportLogsServiceRequest` from the wire. Fields may come in any order,
 * unknown ones are skipped, one of another wire type than its own counts as unknown, the last of a repeated scalar
 * wins, messages that come twice are merged: what the protobuf encoding asks of every parser. A span or log record
 * that is broken inside is reported alone; a broken envelope makes the whole request unreadable (`MalformedOtlp`).
 */
export function decodeTraces(bytes: Uint8Array): Generator<Decoded<Span>> {
  return decodeRequest(bytes, decodeSpan);
}

export function decodeLogs(bytes: Uint8Array): Generator<Decoded<LogRecord>> {
  return decodeRequest(bytes, decodeLogRecord);
}

/** Field number and wire type in one, as they stand on the wire. */
const VARINT = (field: number): number => field << 3;
const FIXED64 = (field: number): number => (field << 3) | 1;
const BYTES = (field: number): number => (field << 3) | 2;

type Decode<Item> = (reader: Reader, end: number) => Item;

/** A reader that counts what it makes, since two bytes of a message can become an object of a hundred. */
class Reader extends BinaryReader {
  #valuesLeft = MAX_OTLP_VALUES_PER_ITEM;
  #groupsLeft = MAX_OTLP_GROUPS;

  startItem(): void {
    this.#valuesLeft = MAX_OTLP_VALUES_PER_ITEM;
  }

  countValue(): void {
    if (--this.#valuesLeft < 0) throw new MalformedOtlp(`it has more than ${MAX_OTLP_VALUES_PER_ITEM} values`);
  }

  countGroup(): void {
    if (--this.#groupsLeft < 0)
      throw new MalformedOtlp(`the request has more than ${MAX_OTLP_GROUPS} resources and scopes`);
  }
}

function* decodeRequest<Item>(bytes: Uint8Array, decode: Decode<Item>): Generator<Decoded<Item>> {
  const reader = new Reader(bytes);
  try {
    while (reader.pos < bytes.byteLength) {
      const groupEnd = nextMessage(reader, bytes.byteLength, 1);
      if (groupEnd !== null) yield* decodeGroup(reader, groupEnd, decode);
    }
  } catch (error) {
    throw error instanceof MalformedOtlp ? error : new MalformedOtlp("the body is not a protobuf message of OTLP");
  }
}

/** ResourceSpans or ResourceLogs: the resource may stand behind its scopes, so it is read first. */
function* decodeGroup<Item>(reader: Reader, end: number, decode: Decode<Item>): Generator<Decoded<Item>> {
  const start = reader.pos;
  reader.countGroup();
  reader.startItem();
  const attributes = new Map<string, Value>();
  eachField(reader, end, (tag) => {
    if (tag !== BYTES(1)) return false;
    const resourceEnd = lengthEnd(reader, end);
    eachField(reader, resourceEnd, (inner) => inner === BYTES(1) && readAttribute(reader, resourceEnd, attributes));
    return true;
  });
  reader.pos = start;
  const resource: Resource = { attributes };
  while (reader.pos < end) {
    const scopeEnd = nextMessage(reader, end, 2);
    if (scopeEnd !== null) yield* decodeScope(reader, scopeEnd, resource, decode);
  }
}

/** ScopeSpans or ScopeLogs: the same, one level down. */
function* decodeScope<Item>(
  reader: Reader,
  end: number,
  resource: Resource,
  decode: Decode<Item>,
): Generator<Decoded<Item>> {
  const start = reader.pos;
  reader.countGroup();
  const scope = { name: "", version: "" };
  eachField(reader, end, (tag) => tag === BYTES(1) && readScope(reader, lengthEnd(reader, end), scope));
  reader.pos = start;
  while (reader.pos < end) {
    const itemEnd = nextMessage(reader, end, 2);
    if (itemEnd === null) continue;
    yield decodeItem(reader, itemEnd, resource, scope, decode);
    reader.pos = itemEnd;
  }
}

function decodeItem<Item>(
  reader: Reader,
  end: number,
  resource: Resource,
  scope: Scope,
  decode: Decode<Item>,
): Decoded<Item> {
  try {
    reader.startItem();
    return { item: decode(reader, end), resource, scope };
  } catch (error) {
    return { unreadable: error instanceof MalformedOtlp ? error.message : "it is not a protobuf message of OTLP" };
  }
}

function readScope(reader: Reader, end: number, into: { name: string; version: string }): true {
  eachField(reader, end, (tag) => {
    if (tag === BYTES(1)) into.name = reader.string();
    else if (tag === BYTES(2)) into.version = reader.string();
    else return false;
    return true;
  });
  return true;
}

function decodeSpan(reader: Reader, end: number): Span {
  const attributes = new Map<string, Value>();
  const events: SpanEvent[] = [];
  const links: SpanLink[] = [];
  const span = { traceId: "", spanId: "", parentSpanId: "", traceState: "", name: "", kind: 0, startNs: 0n, endNs: 0n };
  const rest = { attributes, events, links, droppedAttributes: 0, statusCode: 0, statusMessage: "" };
  eachField(reader, end, (tag) => {
    switch (tag) {
      case BYTES(1):
        span.traceId = idFromBytes(reader.bytes(), 16, "trace_id");
        return true;
      case BYTES(2):
        span.spanId = idFromBytes(reader.bytes(), 8, "span_id");
        return true;
      case BYTES(3):
        span.traceState = reader.string();
        return true;
      case BYTES(4):
        span.parentSpanId = idFromBytes(reader.bytes(), 8, "parent_span_id");
        return true;
      case BYTES(5):
        span.name = reader.string();
        return true;
      case VARINT(6):
        span.kind = reader.int32();
        return true;
      case FIXED64(7):
        span.startNs = BigInt(reader.fixed64());
        return true;
      case FIXED64(8):
        span.endNs = BigInt(reader.fixed64());
        return true;
      case BYTES(9):
        return readAttribute(reader, end, attributes);
      case VARINT(10):
        rest.droppedAttributes = reader.uint32();
        return true;
      case BYTES(11):
        events.push(readEvent(reader, lengthEnd(reader, end)));
        return true;
      case BYTES(13):
        links.push(readLink(reader, lengthEnd(reader, end)));
        return true;
      case BYTES(15):
        readStatus(reader, lengthEnd(reader, end), rest);
        return true;
      default:
        return false;
    }
  });
  return { ...span, ...rest };
}

function readEvent(reader: Reader, end: number): SpanEvent {
  reader.countValue();
  const attributes = new Map<string, Value>();
  let name = "";
  eachField(reader, end, (tag) => {
    if (tag === BYTES(2)) name = reader.string();
    else return tag === BYTES(3) && readAttribute(reader, end, attributes);
    return true;
  });
  return { name, attributes };
}

function readLink(reader: Reader, end: number): SpanLink {
  reader.countValue();
  const link = { traceId: "", spanId: "" };
  eachField(reader, end, (tag) => {
    if (tag === BYTES(1)) link.traceId = idFromBytes(reader.bytes(), 16, "a link's trace_id");
    else if (tag === BYTES(2)) link.spanId = idFromBytes(reader.bytes(), 8, "a link's span_id");
    else return false;
    return true;
  });
  return link;
}

function readStatus(reader: Reader, end: number, into: { statusCode: number; statusMessage: string }): void {
  eachField(reader, end, (tag) => {
    if (tag === BYTES(2)) into.statusMessage = reader.string();
    else if (tag === VARINT(3)) into.statusCode = reader.int32();
    else return false;
    return true;
  });
}

function decodeLogRecord(reader: Reader, end: number): LogRecord {
  const attributes = new Map<string, Value>();
  const log = {
    timeNs: 0n,
    observedNs: 0n,
    severityNumber: 0,
    severityText: "",
    traceId: "",
    spanId: "",
    eventName: "",
  };
  const rest: { body: Value; droppedAttributes: number } = { body: null, droppedAttributes: 0 };
  eachField(reader, end, (tag) => {
    switch (tag) {
      case FIXED64(1):
        log.timeNs = BigInt(reader.fixed64());
        return true;
      case VARINT(2):
        log.severityNumber = reader.int32();
        return true;
      case BYTES(3):
        log.severityText = reader.string();
        return true;
      case BYTES(5):
        rest.body = readValue(reader, lengthEnd(reader, end), 0);
        return true;
      case BYTES(6):
        return readAttribute(reader, end, attributes);
      case VARINT(7):
        rest.droppedAttributes = reader.uint32();
        return true;
      case BYTES(9):
        log.traceId = idFromBytes(reader.bytes(), 16, "trace_id");
        return true;
      case BYTES(10):
        log.spanId = idFromBytes(reader.bytes(), 8, "span_id");
        return true;
      case FIXED64(11):
        log.observedNs = BigInt(reader.fixed64());
        return true;
      case BYTES(12):
        log.eventName = reader.string();
        return true;
      default:
        return false;
    }
  });
  return { ...log, ...rest, attributes };
}

/** One KeyValue of a message that ends at `end`. */
function readAttribute(reader: Reader, end: number, into: Map<string, Value>, depth = 0): true {
  const ownEnd = lengthEnd(reader, end);
  reader.countValue();
  let key = "";
  let value: Value = null;
  eachField(reader, ownEnd, (tag) => {
    if (tag === BYTES(1)) key = reader.string();
    else if (tag === BYTES(2)) value = readValue(reader, lengthEnd(reader, ownEnd), depth);
    else return false;
    return true;
  });
  into.set(key, value);
  return true;
}

function readValue(reader: Reader, end: number, depth: number): Value {
  if (depth > MAX_OTLP_VALUE_DEPTH) throw new MalformedOtlp(`a value is nested deeper than ${MAX_OTLP_VALUE_DEPTH}`);
  reader.countValue();
  let value: Value = null;
  eachField(reader, end, (tag) => {
    switch (tag) {
      case BYTES(1):
        value = reader.string();
        return true;
      case VARINT(2):
        value = reader.bool();
        return true;
      case VARINT(3):
        value = exact(BigInt(reader.int64()));
        return true;
      case FIXED64(4):
        value = reader.double();
        return true;
      case BYTES(5):
        value = readList(reader, lengthEnd(reader, end), depth + 1);
        return true;
      case BYTES(6):
        value = readMap(reader, lengthEnd(reader, end), depth + 1);
        return true;
      case BYTES(7):
        value = reader.bytes();
        return true;
      default:
        return false;
    }
  });
  return value;
}

function readList(reader: Reader, end: number, depth: number): Value[] {
  const list: Value[] = [];
  eachField(reader, end, (tag) => {
    if (tag !== BYTES(1)) return false;
    list.push(readValue(reader, lengthEnd(reader, end), depth));
    return true;
  });
  return list;
}

function readMap(reader: Reader, end: number, depth: number): Map<string, Value> {
  const map = new Map<string, Value>();
  eachField(reader, end, (tag) => tag === BYTES(1) && readAttribute(reader, end, map, depth));
  return map;
}

/** Calls `read` with each tag up to `end`; what it answers false to is skipped. */
function eachField(reader: Reader, end: number, read: (tag: number) => boolean): void {
  while (reader.pos < end) {
    const tag = readTag(reader);
    if (!read(tag)) skip(reader, tag, end);
  }
  if (reader.pos !== end) throw new MalformedOtlp("a field runs over the end of its message");
}

/** Reads one field: the end of the message when it is message `field`, else null and the field is skipped. */
function nextMessage(reader: Reader, parentEnd: number, field: number): number | null {
  const tag = readTag(reader);
  if (tag === BYTES(field)) return lengthEnd(reader, parentEnd);
  skip(reader, tag, parentEnd);
  return null;
}

function readTag(reader: Reader): number {
  const tag = reader.uint32();
  if (tag >>> 3 === 0) throw new MalformedOtlp("a field has number 0");
  return tag;
}

/** The end of a group outside one, and the two types that do not exist, cannot be skipped. */
function wireTypeOf(tag: number): WireType {
  switch (tag & 7) {
    case 0:
      return WireType.Varint;
    case 1:
      return WireType.Bit64;
    case 3:
      return WireType.StartGroup;
    case 5:
      return WireType.Bit32;
    default:
      throw new MalformedOtlp("a field has an impossible wire type");
  }
}

function skip(reader: Reader, tag: number, parentEnd: number): void {
  if ((tag & 7) === 2) reader.pos = lengthEnd(reader, parentEnd);
  else reader.skip(wireTypeOf(tag), tag >>> 3);
  if (reader.pos > parentEnd) throw new MalformedOtlp("a field runs over the end of its message");
}

/** Reads a length; the message that follows must end inside its parent. */
function lengthEnd(reader: Reader, parentEnd: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > parentEnd) throw new MalformedOtlp("a message runs over the end of its parent");
  return end;
}
