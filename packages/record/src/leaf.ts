/**
 * The leaf: what is hashed, journaled and served, `{"observed":{…},"record":{…}}` in canonical form
 * (docs/formats/leaf.md). Decoding is strict: bytes that encoding would not have written are refused, so that a leaf's
 * meaning and its hash cannot come apart.
 */
import { canonicalOf, numeral, quote } from "./canonical.ts";
import { canonicalJson } from "./canonical-record.ts";
import { FIELDS } from "./fields.ts";
import type { FieldKind } from "./fields.ts";
import { LIMITS } from "./limits.ts";
import type { AuditRecord, Observed } from "./types.ts";
import { decodeUtf8, encodeUtf8, utf8Length } from "./utf8.ts";

/** Canonical text of `observed`. Throws a RangeError above 4,000 bytes. */
export function encodeObserved(observed: Observed): string {
  const text = observedText(observed);
  if (text.length * 3 > LIMITS.observedBytes && utf8Length(text) > LIMITS.observedBytes) {
    throw new RangeError(`observed takes ${utf8Length(text)} bytes, more than ${LIMITS.observedBytes}`);
  }
  return text;
}

/** Throws a RangeError when record or observed are above their limits; both were checked at intake. */
export function encodeLeaf(observed: Observed, record: AuditRecord): Uint8Array {
  const bytes = encodeUtf8(`{"observed":${encodeObserved(observed)},"record":${canonicalJson(record)}}`);
  if (bytes.length > LIMITS.leafBytes)
    throw new RangeError(`a leaf of ${bytes.length} bytes is above ${LIMITS.leafBytes}`);
  return bytes;
}

export interface Leaf {
  readonly record: AuditRecord;
  readonly observed: Observed;
}

/**
 * Throws a TypeError on anything that `encodeLeaf` does not write. Fields that this version does not know are kept: a
 * later version may have written them, and its leaves must stay checkable.
 */
export function decodeLeaf(bytes: Uint8Array): Leaf {
  if (bytes.length > LIMITS.leafBytes) throw new TypeError(`not a leaf: ${bytes.length} bytes`);
  const text = decodeText(bytes);
  const leaf = parse(text);
  if (canonicalText(leaf) !== text) throw new TypeError("not a leaf: the JSON is not in canonical form");
  return leaf;
}

function canonicalText(leaf: Leaf): string {
  try {
    return `{"observed":${canonicalOf(leaf.observed)},"record":${canonicalJson(leaf.record)}}`;
  } catch (cause) {
    throw new TypeError("not a leaf: the JSON has no canonical form", { cause });
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new TypeError("not a leaf: the bytes are not UTF-8", { cause });
  }
}

function parse(text: string): Leaf {
  const value = parseJson(text);
  if (
    !isObject(value) ||
    !isObject(value["observed"]) ||
    !isObject(value["record"]) ||
    Object.keys(value).length !== 2
  ) {
    throw new TypeError("not a leaf: it takes `observed` and `record`, two objects, and nothing else");
  }
  checkShape(value["observed"], OBSERVED_SHAPE, "observed");
  checkShape(value["record"], RECORD_SHAPE, "record");
  return value as unknown as Leaf;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TypeError("not a leaf: the text is not JSON", { cause });
  }
}

/** Nothing but what stands for an erased leaf begins so. */
const ERASED_MARK = "e".charCodeAt(0);
const ERASED_OPENING = '{"observed":{"erased":"';
const HASH_DIGITS = 64;

/**
 * The hash, 64 hex digits, of the leaf that these bytes stand for where it was erased; null for any other leaf. Whether
 * it may stand there only an ERASURE record of the log can say (docs/formats/erasure.md).
 */
export function erasedLeafHash(bytes: Uint8Array): string | null {
  if (bytes[ERASED_OPENING.length - 9] !== ERASED_MARK) return null;
  const text = decodeUtf8(bytes.subarray(0, ERASED_OPENING.length + HASH_DIGITS + 1));
  const digits = text.slice(ERASED_OPENING.length, -1);
  const isOne = text.startsWith(ERASED_OPENING) && /^[0-9a-f]{64}$/.test(digits) && text.endsWith('"');
  return isOne ? digits : null;
}

type JsonKind = "string" | "uint" | "integer" | "true" | "names" | "map" | "object";
interface Shape {
  readonly kinds: ReadonlyMap<string, JsonKind>;
  readonly required: readonly string[];
}

const JSON_KINDS: Readonly<Record<FieldKind, JsonKind>> = {
  time: "string",
  id: "string",
  name: "string",
  enum: "string",
  text: "string",
  uint: "uint",
  names: "names",
  map: "map",
};

const RECORD_SHAPE: Shape = {
  kinds: new Map(FIELDS.map((field) => [field.name, JSON_KINDS[field.kind]])),
  required: FIELDS.filter((field) => field.required !== "no").map((field) => field.name),
};

const OBSERVED_SHAPE: Shape = {
  kinds: new Map<string, JsonKind>([
    ["received_at", "string"],
    ["principal", "string"],
    ["standing", "string"],
    ["source_address", "string"],
    ["intake", "string"],
    ["conflict", "true"],
    ["erased", "string"],
    ["clock_skew_us", "integer"],
    ["signature", "object"],
  ]),
  required: ["received_at", "principal", "standing", "source_address", "intake"],
};

function checkShape(value: Readonly<Record<string, unknown>>, shape: Shape, where: string): void {
  for (const name of shape.required) {
    if (value[name] === undefined) throw new TypeError(`not a leaf: ${where}.${name} is missing`);
  }
  for (const name of Object.keys(value)) {
    const kind = shape.kinds.get(name);
    if (kind !== undefined && !isOfKind(value[name], kind))
      throw new TypeError(`not a leaf: ${where}.${name} is no ${kind}`);
  }
}

function isOfKind(value: unknown, kind: JsonKind): boolean {
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "uint":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "integer":
      return Number.isSafeInteger(value);
    case "true":
      return value === true;
    case "names":
      return Array.isArray(value) && value.every((element) => typeof element === "string");
    case "map":
      return isObject(value) && Object.values(value).every((element) => typeof element === "string");
    case "object":
      return isObject(value);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One observed is written a leaf, so it is spelt out; a test holds it to `canonicalOf`. */
function observedText(observed: Observed): string {
  const { clock_skew_us: skew, signature } = observed;
  let text = "{";
  if (skew !== undefined) text += `"clock_skew_us":${numeral(skew)},`;
  if (observed.conflict === true) text += `"conflict":true,`;
  if (observed.erased !== undefined) text += `"erased":${quote(observed.erased)},`;
  text += `"intake":${quote(observed.intake)},"principal":${quote(observed.principal)}`;
  text += `,"received_at":${quote(observed.received_at)}`;
  if (signature !== undefined) text += `,"signature":${canonicalOf(signature)}`;
  return `${text},"source_address":${quote(observed.source_address)},"standing":${quote(observed.standing)}}`;
}
