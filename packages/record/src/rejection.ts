/** Why a record was not taken: a code that does not change, the field, and a sentence that says what is allowed. */
import { LIMITS } from "./limits.ts";
import { redactText } from "./redact.ts";

export const REJECTION_CODES = {
  not_an_object: "The record is not a JSON object.",
  missing_field: "A field that the producer must send is absent or empty.",
  invalid_value: "A value has the wrong type or form.",
  unknown_value: "A value is not among those that the field allows.",
  too_long: "A value is longer than the field allows.",
  too_many: "An array or map has more elements than allowed.",
  too_deep: "An attribute's value is nested too deeply.",
  integer_out_of_range: "An integer is below 0 or above its field's largest (at most 9007199254740991).",
  time_out_of_range: "A time lies outside the years that can be kept.",
  lone_surrogate: "A string has half of a surrogate pair, so it has no UTF-8.",
  bodies_not_enabled: "A body stands where none is taken; it belongs in the field request_body or response_body.",
  invalid_body: "A body is neither text nor `{text}` or `{base64}` with a content type.",
  record_too_large: "The record's canonical form is above 61,440 bytes.",
} as const;
export type RejectionCode = keyof typeof REJECTION_CODES;

export class Refusal {
  readonly kind = "rejected";
  readonly code: RejectionCode;
  readonly field: string;
  readonly message: string;
  constructor(code: RejectionCode, field: string, message: string) {
    this.code = code;
    this.field = field;
    this.message = message;
  }
}

/** A value as a message may show it: short, and never with a secret in it. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const safe = redactText(value.slice(0, LIMITS.quotedCharacters * 4));
    if (safe.length <= LIMITS.quotedCharacters) return JSON.stringify(safe);
    return `a string of ${value.length} characters`;
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value === "number") return shownNumber(value);
  return typeof value === "boolean" ? String(value) : `a ${typeof value}`;
}

/** Beyond 2^53 − 1 the JSON reader has rounded it, and another number than was sent would only mislead. */
function shownNumber(value: number): string {
  if (value > Number.MAX_SAFE_INTEGER) return `a number above ${Number.MAX_SAFE_INTEGER}`;
  return value < Number.MIN_SAFE_INTEGER ? `a number below ${Number.MIN_SAFE_INTEGER}` : String(value);
}
