import { LIMITS, type NormaliseOutcome } from "@tallystick/record";

import { messageOf, type Batch } from "../batch.ts";
import { MAX_CONSIDERED_ATTRIBUTES, MAX_NAMED_LEFT_OUT } from "../limits.ts";
import type { Draft } from "./draft.ts";

/**
 * Adds a draft to the batch. Who sends OTLP cannot mend a record, so one that is not as it should be is mended and
 * not lost: free text and the longest attribute values are cut (the batch normalises OTLP so), a field with an
 * impossible value goes to the attributes with a note, and attributes beyond the number that a record holds are left
 * out and named. Only bodies are refused whole: that they are not kept must not pass unseen.
 */
const LEFT_OUT = "tallystick.left_out";
/** Without these there is no record. */
const INDISPENSABLE: ReadonlySet<string> = new Set(["timestamp", "event_type", "service_id", "status"]);
const ATTRIBUTE = "attributes.";

export function takeDraft(draft: Draft, line: number, batch: Batch): void {
  leaveOut(draft);
  for (;;) {
    const outcome = batch.try({
      ...Object.fromEntries(draft.fields),
      attributes: Object.fromEntries(draft.attributes),
    });
    if (outcome.kind === "ok") {
      batch.add(line, outcome);
      return;
    }
    if (!mend(draft, outcome)) {
      batch.reject(line, outcome.code, messageOf(outcome));
      return;
    }
    batch.note(line, "field_left_out", messageOf(outcome));
  }
}

/** Takes away one thing that was refused, so that trying again ends; false when there is nothing to take away. */
function mend(draft: Draft, rejection: Extract<NormaliseOutcome, { readonly kind: "rejected" }>): boolean {
  const { code, field } = rejection;
  if (code === "bodies_not_enabled") return false;
  if (field.startsWith(ATTRIBUTE)) return draft.attributes.delete(field.slice(ATTRIBUTE.length));
  const value = draft.fields.get(field);
  if (value === undefined) return false;
  const overridden = draft.overrides.get(field)?.pop();
  if (overridden === undefined && INDISPENSABLE.has(field)) return false;
  if (overridden?.before === undefined) draft.fields.delete(field);
  else draft.fields.set(field, overridden.before);
  const name = overridden?.from ?? `tallystick.${field}`;
  if (draft.attributes.size < LIMITS.attributeCount - 1) draft.attributes.set(name, String(value));
  return true;
}

/** Attributes with impossible names, and those beyond what a record holds. */
function leaveOut(draft: Draft): void {
  const left: string[] = [];
  let kept = 0;
  for (const [name, value] of draft.attributes) {
    const possible = name !== "" && Buffer.byteLength(name) <= LIMITS.attributeNameBytes;
    // Places stay free for the note of what was left out, and for that of what was cut.
    if (possible && kept < LIMITS.attributeCount - RESERVED_PLACES) kept++;
    else {
      draft.attributes.delete(name);
      left.push(`${name.slice(0, LIMITS.quotedCharacters)}=${Buffer.byteLength(value)}`);
    }
  }
  if (left.length === 0) return;
  // Where looking stopped, the rest has not been counted.
  const all = kept + left.length < MAX_CONSIDERED_ATTRIBUTES;
  const more = left.length - MAX_NAMED_LEFT_OUT;
  const named = left.slice(0, MAX_NAMED_LEFT_OUT).join(", ");
  draft.attributes.set(LEFT_OUT, named + (more > 0 ? `, and ${all ? "" : "at least "}${more} more` : ""));
}

const RESERVED_PLACES = 8;
