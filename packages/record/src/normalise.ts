/**
 * From whatever a producer sent to a record in normal form: checked, redacted, defaults filled. Normalising a record
 * again changes nothing. Redaction comes first, so that canonical bytes and digests never depend on what it removes.
 */
import { checkAttributes, sorted } from "./attributes.ts";
import { BODY_FIELDS, isBodyName, refuseBody } from "./bodies.ts";
import type { SentBodies } from "./bodies.ts";
import { canonicalJson, KEY_INDEX, RECORD_KEYS } from "./canonical-record.ts";
import { checkOf, note } from "./check-field.ts";
import type { FieldCheck, RecordNote, Trail } from "./check-field.ts";
import { fillDefaults } from "./defaults.ts";
import type { Sender } from "./defaults.ts";
import { FIELDS } from "./fields.ts";
import { shortenLongest, TRUNCATED_ATTRIBUTE, truncatedMark } from "./fit.ts";
import { LIMITS } from "./limits.ts";
import { redactText } from "./redact.ts";
import { Refusal, shown } from "./rejection.ts";
import type { RejectionCode } from "./rejection.ts";
import { emptySlots, recordOf, slotOf } from "./slots.ts";
import type { Slots, SlotValue } from "./slots.ts";
import type { AuditRecord } from "./types.ts";
import { utf8Length } from "./utf8.ts";

export interface NormaliseContext extends Sender {
  /** Microseconds since 1970 by the server's clock. */
  readonly nowUs: number;
  /** Keyed HMAC of a secret: `fp:` and 32 hex digits. */
  fingerprint(value: string): string;
  /** Attribute names (lower case) whose values are fingerprinted, beside the built-in ones. */
  readonly redactNames: ReadonlySet<string>;
  /**
   * `cut` shortens free text and the longest attribute values instead of refusing them; for sources that cannot mend a
   * record.
   */
  readonly oversize?: "refuse" | "cut";
  /** Without it a body is refused. */
  readonly amendment?: Amendment;
}

/** A record that is checked and filled, before it is written: what the server itself adds to it. */
export interface RecordDraft {
  get(name: keyof AuditRecord): SlotValue;
  /** The value is the server's own and is not checked. */
  set(name: keyof AuditRecord, value: SlotValue): void;
  setAttribute(name: string, value: string): void;
  note(note: RecordNote): void;
}

export interface Amendment {
  /** Whether it is asked about every record, or only those that bring a body. */
  readonly isForAll: boolean;
  /** Null: the record is taken as it now is. */
  readonly amend: (draft: RecordDraft, bodies: SentBodies) => Pick<Refusal, "code" | "field" | "message"> | null;
}

export type NormaliseOutcome =
  | {
      readonly kind: "ok";
      /** The record in normal form, every required field filled. */
      readonly slots: Slots;
      /** True when the id came with the record, so that a copy of it can be told. */
      readonly identified: boolean;
      readonly notes: RecordNote[];
    }
  | { readonly kind: "rejected"; readonly code: RejectionCode; readonly field: string; readonly message: string };

const ATTRIBUTES = slotOf("attributes");
const CREDENTIAL = slotOf("credential_id");
const CHECKS: readonly FieldCheck[] = RECORD_KEYS.map(checkOf);
const MUST_BE_SENT: readonly number[] = FIELDS.filter((field) => field.required === "producer").map((field) =>
  RECORD_KEYS.indexOf(field.name),
);
const LISTED_NAMES = 8;
/** JSON needs at most six bytes for a UTF-16 unit (`\u0000`), and this much for all field names and numbers. */
const MAX_BYTES_PER_UNIT = 6;
const FRAME_BYTES = 2_048;

export function normalise(input: unknown, context: NormaliseContext): NormaliseOutcome {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return rejected(new Refusal("not_an_object", "", `the record is ${shown(input)}; it must be a JSON object`));
  }
  const cuts = context.oversize === "cut" ? new Map<string, number>() : null;
  const trail: Trail = { context, units: 0, notes: null, cuts, bodies: null };
  const slots = emptySlots();
  const refusal = readFields(slots, input as Readonly<Record<string, unknown>>, context, trail) ?? missingField(slots);
  if (refusal !== null) return rejected(refusal);
  const identified = fillDefaults(slots, context);
  const { amendment } = context;
  if (amendment !== undefined && (amendment.isForAll || trail.bodies !== null)) {
    const refused = amendment.amend(draftOf(slots, trail), trail.bodies ?? {});
    if (refused !== null) return rejected(refused);
  }
  const fitting = fit(slots, trail);
  return fitting === null ? { kind: "ok", slots, identified, notes: trail.notes ?? [] } : rejected(fitting);
}

function rejected({ code, field, message }: Pick<Refusal, "code" | "field" | "message">): NormaliseOutcome {
  return { kind: "rejected", code, field, message };
}

function draftOf(slots: Slots, trail: Trail): RecordDraft {
  return {
    get: (name) => slots[slotOf(name)],
    set(name, value) {
      slots[slotOf(name)] = value;
      trail.units += typeof value === "string" ? value.length : FRAME_BYTES;
    },
    setAttribute(name, value) {
      const before = slots[ATTRIBUTES] as Readonly<Record<string, string>> | undefined;
      slots[ATTRIBUTES] = sorted({ ...before, [name]: value });
      trail.units += name.length + value.length + MAX_BYTES_PER_UNIT;
    },
    note: (added) => note(trail, added),
  };
}

function missingField(slots: Slots): Refusal | null {
  const missing = MUST_BE_SENT.find((slot) => slots[slot] === undefined);
  if (missing === undefined) return null;
  const name = RECORD_KEYS[missing]!;
  return new Refusal("missing_field", name, `${name} is missing; every record has one`);
}

/** Records follow each other with the same fields in the same places: by place, the one that was there last. */
const LAST_NAMES: string[] = [...RECORD_KEYS];
const LAST_SLOTS: number[] = RECORD_KEYS.map((_, slot) => slot);

function slotAt(place: number, name: string): number | undefined {
  if (LAST_NAMES[place] === name) return LAST_SLOTS[place];
  const slot = KEY_INDEX.get(name);
  if (slot === undefined || place >= LAST_NAMES.length) return slot;
  LAST_NAMES[place] = name;
  LAST_SLOTS[place] = slot;
  return slot;
}

function readFields(
  slots: Slots,
  input: Readonly<Record<string, unknown>>,
  context: NormaliseContext,
  trail: Trail,
): Refusal | null {
  let given: unknown;
  let unknown: Record<string, unknown> | null = null;
  const names = Object.keys(input);
  for (let place = 0; place < names.length; place++) {
    const name = names[place]!;
    const value = input[name];
    const slot = slotAt(place, name);
    if (slot === undefined) {
      if (isBodyName(name)) {
        if (context.amendment === undefined || !(name in BODY_FIELDS)) return refuseBody(name);
        if (value === undefined || value === null) continue;
        trail.bodies ??= {};
        trail.bodies[BODY_FIELDS[name as keyof typeof BODY_FIELDS]] = value;
        continue;
      }
      unknown ??= Object.create(null) as Record<string, unknown>;
      unknown[name] = value;
    } else if (slot === ATTRIBUTES) {
      given = value;
    } else if (value !== undefined && value !== null && value !== "") {
      const checked = CHECKS[slot]!(value, trail);
      if (checked instanceof Refusal) return checked;
      slots[slot] = checked;
    }
  }
  return given === undefined && unknown === null ? null : readAttributes(slots, given, unknown, context, trail);
}

function readAttributes(
  slots: Slots,
  given: unknown,
  unknown: Readonly<Record<string, unknown>> | null,
  context: NormaliseContext,
  trail: Trail,
): Refusal | null {
  const isAbsent = given === undefined || given === null || given === "";
  const attributes = checkAttributes(isAbsent ? {} : given, unknown, context.redactNames, trail);
  if (attributes instanceof Refusal) return attributes;
  if (unknown !== null) noteUnknown(Object.keys(unknown), trail);
  if (attributes.count > 0) slots[ATTRIBUTES] = attributes.values;
  if (attributes.credentialId !== undefined && slots[CREDENTIAL] === undefined) {
    slots[CREDENTIAL] = attributes.credentialId;
    trail.units += attributes.credentialId.length;
  }
  return null;
}

function noteUnknown(names: readonly string[], trail: Trail): void {
  const listed =
    names.slice(0, LISTED_NAMES).map(shown).join(", ") +
    (names.length > LISTED_NAMES ? ` and ${names.length - LISTED_NAMES} more` : "");
  const message = `${listed}: no field of a record; kept in attributes`;
  note(trail, { code: "unknown_field", field: names[0]!.slice(0, LIMITS.quotedCharacters), message });
}

/** Exact only when the bound says that it may matter. What is cut is cut in the slots. */
function fit(slots: Slots, trail: Trail): Refusal | null {
  const isSmall = trail.units * MAX_BYTES_PER_UNIT + FRAME_BYTES <= LIMITS.canonicalRecordBytes;
  if (isSmall && (trail.cuts === null || trail.cuts.size === 0)) return null;
  const size = isSmall ? 0 : sizeOf(slots);
  const excess = size - LIMITS.canonicalRecordBytes;
  if (trail.cuts === null || (excess <= 0 && trail.cuts.size === 0)) return excess <= 0 ? null : tooLarge(size);

  const attributes = { ...(slots[ATTRIBUTES] as Readonly<Record<string, string>> | undefined) };
  const fits = excess <= 0 || shortenLongest(attributes, excess, trail.cuts);
  const mark = redactText(truncatedMark(trail.cuts));
  attributes[TRUNCATED_ATTRIBUTE] = mark;
  note(trail, {
    code: "truncated",
    field: "attributes",
    message: `cut to fit, with sizes before: ${mark.slice(0, 200)}`,
  });
  slots[ATTRIBUTES] = sorted(attributes);
  return fits && sizeOf(slots) <= LIMITS.canonicalRecordBytes ? null : tooLarge(size);
}

function sizeOf(slots: Slots): number {
  return utf8Length(canonicalJson(recordOf(slots)));
}

function tooLarge(size: number): Refusal {
  return new Refusal(
    "record_too_large",
    "",
    `the record has ${size} bytes in canonical form; at most ${LIMITS.canonicalRecordBytes} fit`,
  );
}
