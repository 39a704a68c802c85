/** Inputs and a context that the tests of this package share. */
import fc from "fast-check";

import { FIELDS } from "./fields.ts";
import type { FieldSpec } from "./fields.ts";
import { normalise } from "./normalise.ts";
import type { NormaliseContext, NormaliseOutcome } from "./normalise.ts";
import { recordOf } from "./slots.ts";
import { formatTimestamp } from "./timestamp.ts";
import type { AuditRecord } from "./types.ts";
import { uuidv7 } from "./uuid.ts";

export const ARTICLE_RECORD =
  '{"timestamp":"2023-10-05T08:20:43Z","event_type":"API_CALL","service_id":"service-a","target_id":"service-b","request_id":"xyz-123","status":"success"}';

/** A fingerprint of the right form, told apart by its text; the real one is a keyed HMAC. */
export function testFingerprint(value: string): string {
  let hash = 0x811c9dc5;
  for (const character of value) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0;
  return `fp:${hash.toString(16).padStart(8, "0").repeat(4)}`;
}

export function testContext(changes: Partial<NormaliseContext> = {}): NormaliseContext {
  return {
    service: "service-a",
    principal: "key:service-a",
    nowUs: 1_700_000_000_000_000,
    newId: () => uuidv7(1_700_000_000_000, new Uint8Array(10)),
    fingerprint: testFingerprint,
    redactNames: new Set(),
    ...changes,
  };
}

type Rejected = Extract<NormaliseOutcome, { readonly kind: "rejected" }>;
type Accepted = Omit<Exclude<NormaliseOutcome, Rejected>, "slots"> & { readonly record: AuditRecord };
export type NormalisedOutcome = Accepted | Rejected;

/** As `normalise`, with the record as an object. */
export function normalised(input: unknown, context: NormaliseContext): NormalisedOutcome {
  const outcome = normalise(input, context);
  if (outcome.kind === "rejected") return outcome;
  const { slots, ...rest } = outcome;
  return { ...rest, record: recordOf(slots) };
}

export const REQUIRED = {
  timestamp: "2026-11-25T08:20:43.123Z",
  event_type: "API_CALL",
  service_id: "service-a",
  status: "success",
};

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: length, maxLength: length });
/** Texts in which the beginnings of secrets, quotes and separators meet more often than chance has them. */
export const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "?",
        "#",
        "=",
        "&",
        ";",
        "@",
        "://",
        "/",
        " ",
        "'",
        '"',
        "\\",
        "\n",
        ":",
        ",",
        "(",
        ")",
        "[",
        "]",
        "$",
        "--",
        "/*",
        "*/",
      ),
      fc.constantFrom(
        "password",
        "token",
        "Bearer ",
        "Basic ",
        "eyJ",
        "ghp_",
        "sk-",
        "AKIA",
        "-----BEGIN ",
        "PRIVATE KEY",
        "cookie: ",
      ),
      fc.constantFrom(
        "4111111111111111",
        "4111 1111",
        "[redacted:",
        "[redacted:card]",
        "fp:",
        "secret",
        "q'[",
        "E'",
        "1.5e3",
        "$$",
        "`",
      ),
      fc.string({ maxLength: 8 }),
      fc.string({ unit: "binary", maxLength: 4 }),
      fc.string({ unit: fc.constantFrom(...Array.from("abcXYZ019_-.")), minLength: 10, maxLength: 50 }),
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(""));

function valueOf(field: FieldSpec): fc.Arbitrary<unknown> {
  if (field.values !== undefined) {
    const one = fc.constantFrom(...field.values);
    return field.kind === "names" ? fc.array(one, { maxLength: 4 }) : one;
  }
  const source = field.pattern?.source ?? "";
  if (source.startsWith("sha256")) return hex(64).map((digits) => `sha256:${digits}`);
  if (source.startsWith("[A-Z]")) return fc.constantFrom("API_CALL", "MESSAGE_PUBLISH", "MESSAGE_CONSUME", "OWN_2");
  if (source.includes("{32}")) return hex(32);
  if (source.includes("{16}")) return hex(16);
  if (source !== "") return fc.uuid();
  switch (field.kind) {
    case "time":
      return fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }).map(formatTimestamp);
    case "uint":
      return fc.oneof(
        fc.nat({ max: field.max ?? 2 ** 31 - 1 }),
        fc.constantFrom(0, -0, field.max ?? Number.MAX_SAFE_INTEGER, "12"),
      );
    case "names":
      return fc.array(hostileText, { maxLength: 4 });
    case "map":
      return fc.dictionary(
        fc.oneof(attributeName, hostileText),
        fc.oneof(hostileText, fc.jsonValue({ stringUnit: "binary" })),
        {
          maxKeys: 6,
        },
      );
    default:
      return hostileText;
  }
}

const attributeName = fc.constantFrom(
  "url.full",
  "url.query",
  "db.query.text",
  "db.statement",
  "db.system",
  "db.query.parameter.0",
  "http.request.header.authorization",
  "password",
  "messaging.link.trace_id",
  "messaging.link.span_id",
  "messaging.destination.name",
  "messaging.message.id",
  "__proto__",
  "constructor",
  "10",
  "9",
);

const requiredNames = FIELDS.filter((field) => field.required === "producer").map((field) => field.name);

/** Anything that a producer might send and that has what a record needs; some of it is still refused. */
export const producerInput: fc.Arbitrary<Record<string, unknown>> = fc
  .record(Object.fromEntries(FIELDS.map((field) => [field.name, valueOf(field)])), { requiredKeys: requiredNames })
  .map((input) => ({ ...input, service_id: input["service_id"] === "" ? "service-a" : input["service_id"] }));
