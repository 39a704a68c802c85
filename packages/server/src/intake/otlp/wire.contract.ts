import type { Json } from "./requests.contract.ts";

/**
 * The wire format by hand, so that the decoder is not tested against its own library; field numbers from
 * opentelemetry-proto. A field is its number and its kind: string, bytes, hex, varint, fixed64, double or a message.
 */
export type Field = readonly [number, string];
export const SCHEMA: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  TraceRequest: { resourceSpans: [1, "ResourceSpans"] },
  ResourceSpans: { resource: [1, "Resource"], scopeSpans: [2, "ScopeSpans"], schemaUrl: [3, "string"] },
  ScopeSpans: { scope: [1, "Scope"], spans: [2, "Span"], schemaUrl: [3, "string"] },
  LogsRequest: { resourceLogs: [1, "ResourceLogs"] },
  ResourceLogs: { resource: [1, "Resource"], scopeLogs: [2, "ScopeLogs"] },
  ScopeLogs: { scope: [1, "Scope"], logRecords: [2, "LogRecord"] },
  Resource: { attributes: [1, "KeyValue"], droppedAttributesCount: [2, "varint"] },
  Scope: { name: [1, "string"], version: [2, "string"] },
  Span: {
    traceId: [1, "hex"],
    spanId: [2, "hex"],
    traceState: [3, "string"],
    parentSpanId: [4, "hex"],
    name: [5, "string"],
    kind: [6, "varint"],
    startTimeUnixNano: [7, "fixed64"],
    endTimeUnixNano: [8, "fixed64"],
    attributes: [9, "KeyValue"],
    droppedAttributesCount: [10, "varint"],
    events: [11, "Event"],
    links: [13, "Link"],
    status: [15, "Status"],
  },
  Event: { timeUnixNano: [1, "fixed64"], name: [2, "string"], attributes: [3, "KeyValue"] },
  Link: { traceId: [1, "hex"], spanId: [2, "hex"], attributes: [4, "KeyValue"] },
  Status: { message: [2, "string"], code: [3, "varint"] },
  LogRecord: {
    timeUnixNano: [1, "fixed64"],
    severityNumber: [2, "varint"],
    severityText: [3, "string"],
    body: [5, "AnyValue"],
    attributes: [6, "KeyValue"],
    traceId: [9, "hex"],
    spanId: [10, "hex"],
    observedTimeUnixNano: [11, "fixed64"],
    eventName: [12, "string"],
  },
  KeyValue: { key: [1, "string"], value: [2, "AnyValue"] },
  AnyValue: {
    stringValue: [1, "string"],
    boolValue: [2, "varint"],
    intValue: [3, "varint"],
    doubleValue: [4, "double"],
    arrayValue: [5, "List"],
    kvlistValue: [6, "Map"],
    bytesValue: [7, "bytes"],
  },
  List: { values: [1, "AnyValue"] },
  Map: { values: [1, "KeyValue"] },
};

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

export const delimited = (bytes: Buffer): Buffer => Buffer.concat([varint(BigInt(bytes.length)), bytes]);

export function encodeField([number, kind]: Field, value: unknown, reverse: boolean): Buffer {
  const tag = (wire: number): Buffer => varint(BigInt((number << 3) | wire));
  const eight = Buffer.alloc(8);
  switch (kind) {
    case "string":
      return Buffer.concat([tag(2), delimited(Buffer.from(String(value)))]);
    case "hex":
      return Buffer.concat([tag(2), delimited(Buffer.from(String(value), "hex"))]);
    case "bytes":
      return Buffer.concat([tag(2), delimited(Buffer.from(String(value), "base64"))]);
    case "varint":
      return Buffer.concat([tag(0), varint(BigInt(value as string | number | boolean))]);
    case "fixed64":
      eight.writeBigUInt64LE(BigInt(value as string | number));
      return Buffer.concat([tag(1), eight]);
    case "double":
      eight.writeDoubleLE(Number(value));
      return Buffer.concat([tag(1), eight]);
    default:
      return Buffer.concat([tag(2), delimited(encode(kind, value as Json, reverse))]);
  }
}

/**
 * A message in protobuf from its OTLP JSON; `reverse` writes the fields last to first, each repeated field in its own
 * order.
 */
export function encode(type: string, json: Json, reverse = false): Buffer {
  const fields = Object.entries(json).map(([name, value]) => {
    const field = SCHEMA[type]?.[name];
    if (field === undefined) throw new Error(`no field ${name} in ${type}`);
    return Buffer.concat([value].flat().map((one) => encodeField(field, one, reverse)));
  });
  const unknown = Buffer.from([0xfa, 0x3f, 0x03, 1, 2, 3, 0xf8, 0x3f, 0x05]);
  return Buffer.concat(reverse ? [unknown, ...fields.reverse(), unknown] : fields);
}
