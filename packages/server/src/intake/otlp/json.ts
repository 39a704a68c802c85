import { MAX_OTLP_VALUE_DEPTH } from "../limits.ts";
import { quoteLongIntegers } from "../long-integers.ts";
import {
  exact,
  idFromHex,
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
 * Reads the JSON encoding of OTLP: lowerCamelCase keys only, ids in hex of either case, enums as integers, 64-bit
 * integers as strings or numbers, bytes in base64, unknown keys ignored, null the same as absent.
 */
export function decodeTracesJson(text: string): Generator<Decoded<Span>> {
  return decodeRequest(text, "resourceSpans", "scopeSpans", "spans", spanOf);
}

export function decodeLogsJson(text: string): Generator<Decoded<LogRecord>> {
  return decodeRequest(text, "resourceLogs", "scopeLogs", "logRecords", logRecordOf);
}

type Json = Readonly<Record<string, unknown>>;

function* decodeRequest<Item>(
  text: string,
  groups: string,
  scopes: string,
  items: string,
  read: (json: Json) => Item,
): Generator<Decoded<Item>> {
  for (const group of objects(parse(text), groups)) {
    const resource: Resource = { attributes: attributesOf(objectAt(group, "resource"), 0) };
    for (const scopeGroup of objects(group, scopes)) {
      const named = objectAt(scopeGroup, "scope");
      const scope: Scope = { name: stringAt(named, "name"), version: stringAt(named, "version") };
      for (const json of listAt(scopeGroup, items)) yield itemOf(json, resource, scope, read);
    }
  }
}

function itemOf<Item>(json: unknown, resource: Resource, scope: Scope, read: (json: Json) => Item): Decoded<Item> {
  try {
    return { item: read(object(json, "the item")), resource, scope };
  } catch (error) {
    if (error instanceof MalformedOtlp) return { unreadable: error.message };
    throw error;
  }
}

function parse(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(quoteLongIntegers(text));
  } catch {
    throw new MalformedOtlp("the body is not JSON");
  }
  return object(json, "the body");
}

function spanOf(json: Json): Span {
  const status = objectAt(json, "status");
  return {
    traceId: idFromHex(stringAt(json, "traceId"), 16, "traceId"),
    spanId: idFromHex(stringAt(json, "spanId"), 8, "spanId"),
    parentSpanId: idFromHex(stringAt(json, "parentSpanId"), 8, "parentSpanId"),
    traceState: stringAt(json, "traceState"),
    name: stringAt(json, "name"),
    kind: smallAt(json, "kind"),
    startNs: unsignedAt(json, "startTimeUnixNano"),
    endNs: unsignedAt(json, "endTimeUnixNano"),
    attributes: attributesOf(json, 0),
    events: objects(json, "events").map(eventOf),
    links: objects(json, "links").map(linkOf),
    droppedAttributes: smallAt(json, "droppedAttributesCount"),
    statusCode: smallAt(status, "code"),
    statusMessage: stringAt(status, "message"),
  };
}

const eventOf = (json: Json): SpanEvent => ({ name: stringAt(json, "name"), attributes: attributesOf(json, 0) });

const linkOf = (json: Json): SpanLink => ({
  traceId: idFromHex(stringAt(json, "traceId"), 16, "a link's traceId"),
  spanId: idFromHex(stringAt(json, "spanId"), 8, "a link's spanId"),
});

function logRecordOf(json: Json): LogRecord {
  return {
    timeNs: unsignedAt(json, "timeUnixNano"),
    observedNs: unsignedAt(json, "observedTimeUnixNano"),
    severityNumber: smallAt(json, "severityNumber"),
    severityText: stringAt(json, "severityText"),
    body: valueOf(objectAt(json, "body"), 0),
    attributes: attributesOf(json, 0),
    droppedAttributes: smallAt(json, "droppedAttributesCount"),
    traceId: idFromHex(stringAt(json, "traceId"), 16, "traceId"),
    spanId: idFromHex(stringAt(json, "spanId"), 8, "spanId"),
    eventName: stringAt(json, "eventName"),
  };
}

function attributesOf(json: Json, depth: number, key = "attributes"): Map<string, Value> {
  const attributes = new Map<string, Value>();
  for (const entry of objects(json, key)) {
    attributes.set(stringAt(entry, "key"), valueOf(objectAt(entry, "value"), depth));
  }
  return attributes;
}

function valueOf(json: Json, depth: number): Value {
  if (depth > MAX_OTLP_VALUE_DEPTH) throw new MalformedOtlp(`a value is nested deeper than ${MAX_OTLP_VALUE_DEPTH}`);
  if (present(json, "stringValue")) return stringAt(json, "stringValue");
  if (present(json, "boolValue")) return booleanAt(json, "boolValue");
  if (present(json, "intValue")) return exact(BigInt.asIntN(64, integer(json["intValue"], "intValue")));
  if (present(json, "doubleValue")) return double(json["doubleValue"]);
  if (present(json, "arrayValue")) {
    return objects(objectAt(json, "arrayValue"), "values").map((inner) => valueOf(inner, depth + 1));
  }
  if (present(json, "kvlistValue")) return attributesOf(objectAt(json, "kvlistValue"), depth + 1, "values");
  if (present(json, "bytesValue")) return new Uint8Array(Buffer.from(stringAt(json, "bytesValue"), "base64"));
  return null;
}

const present = (json: Json, key: string): boolean => json[key] !== undefined && json[key] !== null;

function object(value: unknown, what: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new MalformedOtlp(`${what} is not an object`);
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const NOTHING: Json = {};
const objectAt = (json: Json, key: string): Json => (present(json, key) ? object(json[key], key) : NOTHING);

function listAt(json: Json, key: string): readonly unknown[] {
  const value = json[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new MalformedOtlp(`${key} is not an array`);
}

const objects = (json: Json, key: string): Json[] => listAt(json, key).map((value) => object(value ?? NOTHING, key));

function stringAt(json: Json, key: string): string {
  const value = json[key];
  if (value === undefined || value === null) return "";
  // As broken UTF-8 in protobuf: half a surrogate pair becomes U+FFFD, and the item is kept.
  if (typeof value === "string") return LONE_SURROGATE.test(value) ? Buffer.from(value).toString() : value;
  throw new MalformedOtlp(`${key} is not a string`);
}

function booleanAt(json: Json, key: string): boolean {
  const value = json[key];
  if (typeof value === "boolean") return value;
  throw new MalformedOtlp(`${key} is not true or false`);
}

/** Enums and 32-bit counts. */
function smallAt(json: Json, key: string): number {
  const value = json[key];
  if (value === undefined || value === null) return 0;
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new MalformedOtlp(`${key} is not an integer`);
}

function unsignedAt(json: Json, key: string): bigint {
  const value = present(json, key) ? integer(json[key], key) : 0n;
  if (value >= 0n && value < 2n ** 64n) return value;
  throw new MalformedOtlp(`${key} is not an unsigned 64-bit integer`);
}

/** 64-bit integers come as strings or numbers. */
function integer(value: unknown, key: string): bigint {
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  throw new MalformedOtlp(`${key} is not a 64-bit integer`);
}

function double(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && (value === "NaN" || !Number.isNaN(Number(value)))) return Number(value);
  throw new MalformedOtlp("doubleValue is not a number");
}
