/**
 * From whatever a producer sent to a record in normal form: checked, redacted, defaults filled. Normalising a record again changes
 * nothing. Redaction comes first, so that canonical bytes and digests never depend on what it removes.
 */
import { checkAttributes } from "./attributes.ts";
import type { Attributes } from "./attributes.ts";
import { canonicalJson, KEY_INDEX, RECORD_KEYS } from "./canonical-record.ts";
import { checkOf } from "./check-field.ts";
import type { FieldCheck, FieldValue, RecordNote, Trail } from "./check-field.ts";
import { defaultsFor } from "./defaults.ts";
import type { Sender } from "./defaults.ts";
import { FIELDS } from "./fields.ts";
import { shortenLongest, TRUNCATED_ATTRIBUTE, truncatedMark } from "./fit.ts";
import { LIMITS } from "./limits.ts";
import { Refusal, shown } from "./rejection.ts";
import type { RejectionCode } from "./rejection.ts";
import type { AuditRecord } from "./types.ts";
import { utf8Length } from "./utf8.ts";

export interface NormaliseContext extends Sender {
  /** Microseconds since 1970 by the server's clock. */
  readonly nowUs: number;
  /** Keyed HMAC of a secret: `fp:` and 32 hex digits. */
  fingerprint(value: string): string;
  /** Attribute names (lower case) whose values are fingerprinted, beside the built-in ones. */
  readonly redactNames: ReadonlySet<string>;
  /** `cut` shortens free text and the longest attribute values instead of refusing them; for sources that cannot mend a record. */
  readonly oversize?: "refuse" | "cut";
}

export type NormaliseOutcome =
  | {
      readonly kind: "ok";
      readonly record: AuditRecord;
      /** True when the id came with the record, so that a copy of it can be told. */
      readonly identified: boolean;
      readonly notes: RecordNote[];
    }
  | { readonly kind: "rejected"; readonly code: RejectionCode; readonly field: string; readonly message: string };

type Fields = Record<string, FieldValue | Readonly<Record<string, string>> | undefined>;

const ATTRIBUTES = KEY_INDEX.get("attributes")!;
const BODIES: ReadonlySet<string> = new Set(["request_body", "response_body"]);
const CHECKS: readonly FieldCheck[] = RECORD_KEYS.map(checkOf);
const MUST_BE_SENT: readonly string[] = FIELDS.filter((field) => field.required === "producer").map((field) => field.name);
const NO_NAMES = 8;
/** JSON needs at most six bytes for a UTF-16 unit (`\u0000`), and this much for all field names and numbers. */
const MAX_BYTES_PER_UNIT = 6;
const FRAME_BYTES = 2_048;

export function normalise(input: unknown, context: NormaliseContext): NormaliseOutcome {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return rejected(new Refusal("not_an_object", "", `the record is ${shown(input)}; it must be a JSON object`));
  }
  const trail: Trail = {
    fingerprint: (value) => context.fingerprint(value),
    units: 0,
    notes: [],
    cuts: context.oversize === "cut" ? new Map() : null,
  };
  const fields = readFields(input as Readonly<Record<string, unknown>>, context, trail);
  if (fields instanceof Refusal) return rejected(fields);
  const missing = MUST_BE_SENT.find((name) => fields[name] === undefined);
  if (missing !== undefined) return rejected(new Refusal("missing_field", missing, `${missing} is missing; every record has one`));

  const identified = fields["id"] !== undefined;
  const filled = defaultsFor(fields as unknown as AuditRecord, context);
  const record = fit(inOrder({ ...fields, ...filled }), trail);
  return record instanceof Refusal ? rejected(record) : { kind: "ok", record, identified, notes: trail.notes };
}

function rejected(refusal: Refusal): NormaliseOutcome {
  const { kind, code, field, message } = refusal;
  return { kind, code, field, message };
}

function readFields(input: Readonly<Record<string, unknown>>, context: NormaliseContext, trail: Trail): Fields | Refusal {
  const fields: Fields = {};
  let given: unknown;
  let unknown: Record<string, unknown> | null = null;
  for (const name of Object.keys(input)) {
    const value = input[name];
    const index = KEY_INDEX.get(name);
    if (index === undefined) {
      if (BODIES.has(name)) return new Refusal("bodies_not_enabled", name, `${name} is not kept yet; leave it out`);
      unknown ??= Object.create(null) as Record<string, unknown>;
      unknown[name] = value;
    } else if (index === ATTRIBUTES) {
      given = value;
    } else if (value !== undefined && value !== null && value !== "") {
      const checked = CHECKS[index]!(value, trail);
      if (checked instanceof Refusal) return checked;
      fields[name] = checked;
    }
  }
  return given === undefined && unknown === null ? fields : readAttributes(fields, given, unknown, context, trail);
}

function readAttributes(
  fields: Fields,
  given: unknown,
  unknown: Readonly<Record<string, unknown>> | null,
  context: NormaliseContext,
  trail: Trail,
): Fields | Refusal {
  const isAbsent = given === undefined || given === null || given === "";
  const attributes = checkAttributes(isAbsent ? {} : given, unknown, context.redactNames, trail);
  if (attributes instanceof Refusal) return attributes;
  if (unknown !== null) noteUnknown(Object.keys(unknown), trail);
  if (attributes.count > 0) fields["attributes"] = attributes.values;
  adoptCredential(fields, attributes, trail);
  return fields;
}

function noteUnknown(names: readonly string[], trail: Trail): void {
  const listed = names.slice(0, NO_NAMES).map(shown).join(", ") + (names.length > NO_NAMES ? ` and ${names.length - NO_NAMES} more` : "");
  const message = `${listed}: no field of a record; kept in attributes`;
  trail.notes.push({ code: "unknown_field", field: names[0]!.slice(0, LIMITS.quotedCharacters), message });
}

function adoptCredential(fields: Fields, attributes: Attributes, trail: Trail): void {
  if (attributes.credentialId === undefined || fields["credential_id"] !== undefined) return;
  fields["credential_id"] = attributes.credentialId;
  trail.units += attributes.credentialId.length;
}

/** Fields in canonical order, so that writing them need not sort. */
function inOrder(fields: Fields): AuditRecord {
  const record: Fields = {};
  for (const name of RECORD_KEYS) {
    const value = fields[name];
    if (value !== undefined) record[name] = value;
  }
  return record as unknown as AuditRecord;
}

/** Exact only when the bound says that it may matter. */
function fit(record: AuditRecord, trail: Trail): AuditRecord | Refusal {
  const isSmall = trail.units * MAX_BYTES_PER_UNIT + FRAME_BYTES <= LIMITS.canonicalRecordBytes;
  const size = isSmall ? 0 : utf8Length(canonicalJson(record));
  const excess = size - LIMITS.canonicalRecordBytes;
  if (trail.cuts === null || (excess <= 0 && trail.cuts.size === 0)) return excess <= 0 ? record : tooLarge(size);

  const attributes: Record<string, string> = { ...record.attributes };
  const fits = excess <= 0 || shortenLongest(attributes, excess, trail.cuts);
  const mark = truncatedMark(trail.cuts);
  attributes[TRUNCATED_ATTRIBUTE] = mark;
  trail.notes.push({ code: "truncated", field: "attributes", message: `cut to fit, with sizes before: ${mark.slice(0, 200)}` });
  const cut = inOrder({ ...record, attributes });
  return fits && utf8Length(canonicalJson(cut)) <= LIMITS.canonicalRecordBytes ? cut : tooLarge(size);
}

function tooLarge(size: number): Refusal {
  return new Refusal("record_too_large", "", `the record has ${size} bytes in canonical form; at most ${LIMITS.canonicalRecordBytes} fit`);
}
