/** Any record and observation in normal form, for property tests. */
import { FIELDS, formatReceivedAt, formatTimestamp, MAX_TIMESTAMP_US } from "@tallystick/record";
import type { AuditRecord, FieldSpec, Observed } from "@tallystick/record";
import fc from "fast-check";

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: digits, maxLength: digits });
const text = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
const instant = fc.oneof(
  fc.integer({ min: 0, max: MAX_TIMESTAMP_US }),
  fc.integer({ min: 0, max: 9_000_000_000 }).map((seconds) => seconds * 1_000_000),
  fc.integer({ min: 0, max: 9_000_000_000_000 }).map((ms) => ms * 1_000),
);
const uint = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));

function patterned(field: FieldSpec): fc.Arbitrary<string> {
  if (field.name === "id") {
    return hex(32).map((digits) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
  }
  if (field.name === "trace_id") return hex(32);
  if (field.name.endsWith("span_id")) return hex(16);
  if (field.name === "event_type") return fc.constantFrom("API_CALL", "MESSAGE_CONSUME", "LOG_LIFECYCLE", "X");
  return hex(64).map((digits) => `sha256:${digits}`);
}

function valueOf(field: FieldSpec): fc.Arbitrary<unknown> {
  if (field.pattern !== undefined) return patterned(field);
  switch (field.kind) {
    case "time":
      return instant.map(formatTimestamp);
    case "enum":
      return fc.constantFrom(...field.values!);
    case "uint":
      return uint;
    case "names":
      return fc.uniqueArray(field.values === undefined ? text : fc.constantFrom(...field.values), {
        minLength: 1,
        maxLength: 4,
      });
    case "map":
      return fc.dictionary(text, fc.string({ unit: "binary", maxLength: 40 }), { minKeys: 1, maxKeys: 5 });
    case "id":
    case "name":
    case "text":
      return text;
  }
}

const required = FIELDS.filter((field) => field.required !== "no").map((field) => field.name);

export const anyRecord = fc.record(Object.fromEntries(FIELDS.map((field) => [field.name, valueOf(field)])), {
  requiredKeys: required,
}) as unknown as fc.Arbitrary<AuditRecord>;

export const anyObserved: fc.Arbitrary<Observed> = fc.record(
  {
    received_at: fc
      .integer({ min: 0, max: 20 })
      .map((second) => formatReceivedAt(1_795_000_000_000_000 + second * 1_000_001)),
    principal: text,
    standing: fc.constantFrom("authenticated" as const, "relayed" as const, "claimed" as const),
    source_address: text,
    intake: fc.constantFrom("json", "otlp-traces"),
    conflict: fc.constant(true as const),
    clock_skew_us: fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
    signature: fc.record({ alg: text, kid: text, verified: fc.boolean() }),
  },
  { requiredKeys: ["received_at", "principal", "standing", "source_address", "intake"] },
);
