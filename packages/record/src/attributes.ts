/**
 * The attributes of a record: everything that is no field. Scalars become strings and structures canonical JSON;
 * secrets that a name announces become keyed fingerprints, at any depth.
 */
import { isBodyName, isReservedName, refuseBody } from "./bodies.ts";
import { CanonicalBoundError, canonicalOf, numeral } from "./canonical.ts";
import { sortedKeys } from "./canonical-record.ts";
import { checkText, checkUnusualText, note } from "./check-field.ts";
import type { Trail } from "./check-field.ts";
import { FIELD_BY_NAME } from "./fields.ts";
import { LIMITS } from "./limits.ts";
import { isPlainText } from "./redact.ts";
import type { RedactionMode } from "./redact.ts";
import { classifyName } from "./redact-names.ts";
import type { NameKind } from "./redact-names.ts";
import { Refusal, shown } from "./rejection.ts";
import { isAscii, isWellFormed, utf8Length } from "./utf8.ts";

const MAX_VALUE_BYTES = FIELD_BY_NAME.get("attributes")!.maxBytes;
const LITERAL = "[redacted:literal]";
const FINGERPRINT = /^fp:[0-9a-f]{32}$/;
const ATOM = /^\[redacted:[a-z0-9-]{1,32}\]$/;
/** Authentication schemes whose parameter is the credential itself. */
const SCHEME = /^(?:bearer|basic|token|apikey|api-key|dpop)\s+(?=\S)/i;
const SIGV4 = /^AWS4-\S+\s+(?:.{0,256}?[\s,])??Credential=([A-Z0-9]{16,128})\//;

export interface Attributes {
  /** Fingerprint or name of the credential in the caller's Authorization or X-Api-Key header. */
  credentialId: string | undefined;
  readonly values: Record<string, string>;
  count: number;
}

interface Context {
  readonly redactNames: ReadonlySet<string>;
  readonly trail: Trail;
  /** The database's name, which decides how its statements are read. */
  readonly system: string | undefined;
}

/** `given` is what the producer sent as attributes; `unknown` are its fields that a record does not have. */
export function checkAttributes(
  given: unknown,
  unknown: Readonly<Record<string, unknown>> | null,
  redactNames: ReadonlySet<string>,
  trail: Trail,
): Attributes | Refusal {
  if (!isMap(given))
    return new Refusal("invalid_value", "attributes", `attributes is ${shown(given)}; it must be an object`);
  const attributes: Attributes = { credentialId: undefined, values: {}, count: 0 };
  const system = systemOf(given);
  const context: Context = { redactNames, trail, system };
  for (const name of sortedKeys(given)) {
    const refusal = add(attributes, name, given[name], context);
    if (refusal !== null) return refusal;
  }
  if (unknown === null) return attributes;
  for (const name of Object.keys(unknown)) {
    const refusal = add(
      attributes,
      Object.hasOwn(attributes.values, name) ? `field.${name}` : name,
      unknown[name],
      context,
    );
    if (refusal !== null) return refusal;
  }
  return { ...attributes, values: sorted(attributes.values) };
}

/** In canonical order, so that writing the record need not sort. */
export function sorted(values: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name of sortedKeys(values)) put(result, name, values[name]!);
  return result;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function systemOf(given: Readonly<Record<string, unknown>>): string | undefined {
  const system = given["db.system.name"] ?? given["db.system"];
  return typeof system === "string" ? system.toLowerCase() : undefined;
}

function add(attributes: Attributes, given: string, value: unknown, context: Context): Refusal | null {
  if (isReservedName(given)) return isBodyName(given) ? refuseBody(`attributes.${given}`) : leaveOut(given, context);
  if (value === undefined || value === null) return null;
  const problem = nameProblem(given);
  if (problem !== null) return problem;
  const { kind, name } = classifyName(given, context.redactNames);
  const text = textOf(name, kind, value, context);
  if (text instanceof Refusal) return text;
  const checked = checkValue(attributes, name, kind, text, context);
  if (checked instanceof Refusal)
    return new Refusal(checked.code, `attributes.${name}`, `attributes.${checked.message}`);
  if (Object.hasOwn(attributes.values, name)) {
    return new Refusal("invalid_value", "attributes", `attributes has two values for ${shown(name)}`);
  }
  if (++attributes.count > LIMITS.attributeCount) {
    return new Refusal("too_many", "attributes", `attributes has more than ${LIMITS.attributeCount} entries`);
  }
  context.trail.units += name.length + 6;
  put(attributes.values, name, checked);
  return null;
}

/** Only the server says what became of a body; the record is worth more than a copy of such a sentence. */
function leaveOut(name: string, { trail }: Context): null {
  const message = `attributes.${name} is what a server says of a body that it took; left out`;
  note(trail, { code: "ignored_value", field: `attributes.${name}`, message });
  return null;
}

function nameProblem(name: string): Refusal | null {
  if (name.length > 0 && name.length <= LIMITS.attributeNameBytes && isAscii(name)) return null;
  if (name === "")
    return new Refusal("invalid_value", "attributes", "an attribute has no name; it must have at least one character");
  if (!isWellFormed(name))
    return new Refusal("lone_surrogate", "attributes", "an attribute's name has half of a surrogate pair");
  const size = utf8Length(name);
  if (size <= LIMITS.attributeNameBytes) return null;
  const message = `an attribute's name has ${size} bytes; at most ${LIMITS.attributeNameBytes} are allowed`;
  return new Refusal("too_long", "attributes", message);
}

/** As `target[name] = value`, also for `__proto__`. */
function put<Value>(target: Record<string, Value>, name: string, value: Value): void {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[name] = value;
  }
}

function textOf(name: string, kind: NameKind, value: unknown, context: Context): string | Refusal {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return isExact(value) ? numeral(value) : inexact(name, value);
    case "boolean":
      return String(value);
    case "object":
      return structureText(name, kind, value as object, context);
    default:
      return new Refusal(
        "invalid_value",
        `attributes.${name}`,
        `attributes.${name} is ${shown(value)}; it must be a JSON value`,
      );
  }
}

/** An integer above 2^53 − 1 has been rounded by the JSON reader: what was sent is not known any more. */
function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

function inexact(name: string, value: number): Refusal {
  const message = `attributes.${name} has ${shown(value)}, which is not held exactly; send it as a string`;
  return new Refusal("integer_out_of_range", `attributes.${name}`, message);
}

function structureText(name: string, kind: NameKind, value: object, context: Context): string | Refusal {
  if ((kind === "secret" || kind === "credential") && isStrings(value)) return value.join(", ");
  const field = `attributes.${name}`;
  try {
    const maxLength = context.trail.cuts === null ? MAX_VALUE_BYTES : MAX_VALUE_BYTES * 64;
    const masked = mask(value, 0, name, context);
    return masked instanceof Refusal ? masked : canonicalOf(masked, { maxDepth: LIMITS.attributeDepth, maxLength });
  } catch (error) {
    if (error instanceof CanonicalBoundError) {
      return error.bound === "maxDepth"
        ? new Refusal("too_deep", field, `${field} is nested deeper than ${LIMITS.attributeDepth} levels`)
        : new Refusal("too_long", field, `${field} has more than ${MAX_VALUE_BYTES} bytes`);
    }
    if (!(error instanceof TypeError)) throw error;
    const code = error.message.includes("surrogate") ? "lone_surrogate" : "invalid_value";
    return new Refusal(code, field, `${field} cannot be kept as JSON: ${error.message}`);
  }
}

function isStrings(value: object): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((element) => typeof element === "string");
}

/** A copy of a structure in which every value under a secret's name is a fingerprint. */
function mask(value: unknown, depth: number, name: string, context: Context): unknown {
  if (typeof value === "number" && !isExact(value)) return inexact(name, value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= LIMITS.attributeDepth) throw new CanonicalBoundError("maxDepth");
  if (Array.isArray(value)) {
    const elements: unknown[] = [];
    for (const element of value) {
      const masked = mask(element, depth + 1, name, context);
      if (masked instanceof Refusal) return masked;
      elements.push(masked);
    }
    return elements;
  }
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    const { kind } = classifyName(key, context.redactNames);
    const isSecret = (kind === "secret" || kind === "credential") && member !== null && typeof member !== "boolean";
    const masked = isSecret ? maskSecret(member, context) : mask(member, depth + 1, name, context);
    if (masked instanceof Refusal) return masked;
    put(copy, key, masked);
  }
  return copy;
}

function maskSecret(value: unknown, context: Context): string {
  const isPlain = typeof value === "string" || (typeof value === "object" && value !== null && isStrings(value));
  return fingerprintOf(isPlain ? [value].flat().join(", ") : canonicalOf(value), context);
}

function checkValue(
  attributes: Attributes,
  name: string,
  kind: NameKind,
  text: string,
  context: Context,
): string | Refusal {
  switch (kind) {
    case "plain":
      return checkFree(text, name, "text", context);
    case "url":
      return checkFree(text, name, "url", context);
    case "query":
    case "statement":
      return checkUnusualText(
        text,
        { name, maxBytes: MAX_VALUE_BYTES, mode: kind, isFree: true, system: context.system },
        context.trail,
      );
    case "literal":
      return text === "" ? text : LITERAL;
    case "secret":
    case "credential": {
      if (!isWellFormed(text)) return new Refusal("lone_surrogate", name, `${name} has half of a surrogate pair`);
      const secret = joined(text);
      if (kind === "credential") attributes.credentialId ??= credentialId(secret, context);
      return fingerprintOf(secret, context);
    }
  }
}

function checkFree(text: string, name: string, mode: RedactionMode, context: Context): string | Refusal {
  if (text.length <= MAX_VALUE_BYTES && isPlainText(text)) {
    context.trail.units += text.length;
    return text;
  }
  return checkText(text, { name, maxBytes: MAX_VALUE_BYTES, mode, isFree: true }, context.trail);
}

/** OpenTelemetry keeps headers as arrays, which some exporters write as JSON text; `["a"]` and `a` are one secret. */
function joined(text: string): string {
  if (!text.startsWith('["')) return text;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && isStrings(value) ? value.join(", ") : text;
  } catch {
    return text;
  }
}

function fingerprintOf(secret: string, context: Context): string {
  const trimmed = secret.trim();
  if (trimmed === "" || isRedacted(trimmed)) return trimmed;
  const text = context.trail.context.fingerprint(trimmed.replace(SCHEME, ""));
  context.trail.units += text.length;
  return text;
}

/** A record that is normalised again, or whose producer redacts, has no secret here any more. */
function isRedacted(secret: string): boolean {
  return FINGERPRINT.test(secret) || ATOM.test(secret);
}

/**
 * What names the caller's credential: of a signature its key's id, of a bare secret its fingerprint, of a challenge's
 * answer nothing.
 */
function credentialId(header: string, context: Context): string | undefined {
  const secret = header.trim();
  const keyId = SIGV4.exec(secret)?.[1];
  if (keyId !== undefined) return keyId;
  const isBare = SCHEME.test(secret) || !/\s/.test(secret);
  return isBare && secret !== "" && !isRedacted(secret) ? fingerprintOf(secret, context) : undefined;
}
