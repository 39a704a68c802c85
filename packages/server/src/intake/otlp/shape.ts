/**
 * Spans and log records as OTLP carries them, in one shape for the protobuf and the JSON encoding, so that nothing
 * behind the two decoders can tell which it was. Ids are lower-case hex, absent ones the empty string; times are
 * nanoseconds, absent ones 0.
 */

/** What an attribute or a log's body can hold. A 64-bit integer beyond 2^53−1 is a bigint. */
export type Value =
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | null
  | readonly Value[]
  | ReadonlyMap<string, Value>;
export type Attributes = ReadonlyMap<string, Value>;

export interface Resource {
  readonly attributes: Attributes;
}

export interface Scope {
  readonly name: string;
  readonly version: string;
}

export const SPAN_KIND = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;
export const STATUS_CODE = { unset: 0, ok: 1, error: 2 } as const;

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly droppedAttributes: number;
  readonly statusCode: number;
  readonly statusMessage: string;
}

export interface SpanEvent {
  readonly name: string;
  readonly attributes: Attributes;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
}

export interface LogRecord {
  readonly timeNs: bigint;
  readonly observedNs: bigint;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: Value;
  readonly attributes: Attributes;
  readonly droppedAttributes: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly eventName: string;
}

/**
 * One item of a request, or why it cannot be read; its neighbours can. Decoders yield them in order, so that each can
 * go before the next comes.
 */
export type Decoded<Item> =
  | { readonly item: Item; readonly resource: Resource; readonly scope: Scope }
  | { readonly unreadable: string };

/** The item or the request is not what OTLP says; the message says where. Thrown inside the decoders only. */
export class MalformedOtlp extends Error {}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const ZEROS = /^0*$/;

/** An id from its bytes: lower-case hex, "" when absent or all zeros (which W3C calls invalid). */
export function idFromBytes(bytes: Uint8Array, lengthBytes: number, field: string): string {
  if (bytes.byteLength !== 0 && bytes.byteLength !== lengthBytes) {
    throw new MalformedOtlp(`${field} has ${bytes.byteLength} bytes, not ${lengthBytes}`);
  }
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return ZEROS.test(text) ? "" : text;
}

export function idFromHex(text: string, lengthBytes: number, field: string): string {
  const lower = text.toLowerCase();
  if (lower.length !== 0 && (lower.length !== lengthBytes * 2 || !/^[0-9a-f]+$/.test(lower))) {
    throw new MalformedOtlp(`${field} is not ${lengthBytes * 2} hex digits`);
  }
  return ZEROS.test(lower) ? "" : lower;
}

/** A 64-bit integer as the smallest of number and bigint that holds it. */
export const exact = (value: bigint): number | bigint =>
  value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** A value as an attribute of a record: text as it is, scalars in decimal, bytes in base64, lists and maps as JSON. */
export function textOf(value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "";
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (typeof value === "object") return jsonOf(value);
  return String(value);
}

/** JSON of a value; the decoders bound its depth. A number that JSON lacks (NaN) becomes a string. */
export function jsonOf(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "string" || value instanceof Uint8Array) return JSON.stringify(textOf(value));
  if (typeof value === "number" && !Number.isFinite(value)) return JSON.stringify(String(value));
  if (typeof value !== "object") return String(value);
  if (isList(value)) return `[${value.map(jsonOf).join(",")}]`;
  return `{${Array.from(value, ([key, inner]) => `${JSON.stringify(key)}:${jsonOf(inner)}`).join(",")}}`;
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value | undefined): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}
