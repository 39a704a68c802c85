import { FIELD_BY_NAME, formatTimestamp } from "@tallystick/record";

import { derivedId } from "../derived-id.ts";
import type { IntakeRequest } from "../intake.ts";
import { quoteLongIntegers } from "../long-integers.ts";
import { MAX_AUDIT_BODY_CHARACTERS } from "../limits.ts";
import { bodyRefusal } from "./bodies.ts";
import {
  fieldNamed,
  hasOwnField,
  newDraft,
  override,
  put,
  putOwnFields,
  putResource,
  putRest,
  type Draft,
  type DraftOutcome,
} from "./draft.ts";
import { UNKNOWN_PARTY } from "./parties.ts";
import { isMap, jsonOf, type Attributes, type LogRecord, type Resource, type Scope, type Value } from "./shape.ts";
import { flattenInto, Told } from "./told.ts";

/**
 * A log record as a record. It is an audit record when it says what kind of event it is: by an attribute `event_type`
 * or `tallystick.<field>`, or by a body (a map, or a text that is a JSON object) with one of them. Its field names
 * then are fields, the rest is attributes. Any other is kept as event type LOG, a body that is a text in `log.body`.
 */
export function logDraft(
  log: LogRecord,
  resource: Resource,
  scope: Scope,
  request: IntakeRequest,
  occurrence: Occurrence,
): DraftOutcome {
  const body = auditBody(log.body);
  const bodyMap = body ?? (isMap(log.body) ? log.body : NOTHING);
  const refusal = bodyRefusal(resource.attributes, log.attributes, bodyMap);
  if (refusal !== null) return refusal;
  const draft = newDraft();
  const resourceTold = new Told(resource.attributes);
  const own = putResource(draft, resourceTold, request.sender.service);
  const timeUs = Number((log.timeNs || log.observedNs) / 1_000n);
  put(draft, "timestamp", formatTimestamp(Number.isSafeInteger(timeUs) && timeUs > 0 ? timeUs : request.nowUs));
  // Without any time there is nothing to tell two such records apart, so that none may pass for another's copy.
  if (timeUs > 0) put(draft, "id", logId(log, resource, scope, occurrence));
  put(draft, "trace_id", log.traceId);
  put(draft, "span_id", log.spanId);
  if (log.severityText !== "") draft.attributes.set("log.severity", log.severityText);
  if (log.severityNumber > 0) draft.attributes.set("log.severity_number", String(log.severityNumber));
  const audit = body !== null || isAuditType(log.attributes.get("event_type")) || hasOwnField(log.attributes);
  if (audit) putAudit(draft, log, body, own);
  else putPlain(draft, log, own);
  putRest(
    draft,
    new Told(audit ? withoutFields(log.attributes) : log.attributes),
    resourceTold,
    scope,
    log.droppedAttributes,
  );
  if (body === null) putBody(draft, log.body);
  putOwnFields(draft, resource, log.attributes);
  if (audit && own !== UNKNOWN_PARTY) settleSide(draft, own);
  return { kind: "draft", draft };
}

const NOTHING: Attributes = new Map();

/**
 * The resource is whoever wrote the record, also when a Collector carries it: that tells its side where the record
 * does not.
 */
function settleSide(draft: Draft, own: string): void {
  if (draft.fields.has("side")) return;
  const observes = draft.fields.get("service_id") !== own && draft.fields.get("target_id") !== own;
  put(draft, "side", draft.fields.get("service_id") === own ? "caller" : observes ? "observer" : "callee");
  if (observes && !draft.fields.has("recorder_id")) put(draft, "recorder_id", own);
}

function putAudit(draft: Draft, log: LogRecord, body: ReadonlyMap<string, Value> | null, own: string): void {
  put(draft, "service_id", own);
  put(draft, "operation", log.eventName);
  put(draft, "event_type", "LOG");
  put(draft, "status", "unknown");
  for (const source of [log.attributes, body ?? new Map<string, Value>()]) {
    for (const [name, value] of source) {
      const spec = fieldNamed(name);
      if (spec !== undefined) override(draft, spec, value, name);
      else if (source === body) flattenBody(draft, name, value);
    }
  }
}

/** A text or a list under `log.body`, a map's values under their own names, by which redaction knows them. */
function putBody(draft: Draft, body: Value): void {
  if (isMap(body)) for (const [name, value] of body) flattenInto(draft.attributes, name, value);
  else if (body !== null) flattenInto(draft.attributes, "log.body", body);
}

/** A record's own `attributes` are attributes as they are; what is no field becomes one. */
function flattenBody(draft: Draft, name: string, value: Value): void {
  if (name === "attributes" && isMap(value)) {
    for (const [key, inner] of value) flattenInto(draft.attributes, key, inner);
  } else flattenInto(draft.attributes, name, value);
}

function putPlain(draft: Draft, log: LogRecord, own: string): void {
  put(draft, "event_type", "LOG");
  // A line of a log is no end of a call: whoever wrote it observed, and wrote it for itself.
  put(draft, "side", "observer");
  put(draft, "service_id", own);
  put(draft, "recorder_id", own);
  put(draft, "status", "unknown");
  put(draft, "operation", log.eventName);
}

function withoutFields(attributes: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  return new Map(Array.from(attributes).filter(([name]) => fieldNamed(name) === undefined));
}

/** The body when it is an audit record's. */
function auditBody(body: Value): ReadonlyMap<string, Value> | null {
  if (isMap(body)) return isAuditType(body.get("event_type")) || hasOwnField(body) ? body : null;
  if (typeof body !== "string" || !body.startsWith("{") || !body.includes('"event_type"')) return null;
  if (body.length > MAX_AUDIT_BODY_CHARACTERS) return null;
  try {
    const json = valueOfJson(JSON.parse(quoteLongIntegers(body)));
    return isMap(json) && isAuditType(json.get("event_type")) ? json : null;
  } catch {
    // Not JSON after all, or nested beyond reason: a text like any other.
    return null;
  }
}

const AUDIT_TYPE = new RegExp(`^(?:${FIELD_BY_NAME.get("event_type")?.pattern?.source ?? ""})$`);

/** Other programs have attributes of that name too; ours are in capitals. */
const isAuditType = (value: Value | undefined): boolean => typeof value === "string" && AUDIT_TYPE.test(value);

function valueOfJson(json: unknown): Value {
  if (json === null || typeof json === "string" || typeof json === "number" || typeof json === "boolean") return json;
  if (Array.isArray(json)) return json.map(valueOfJson);
  return new Map(Object.entries(json as object).map(([name, inner]) => [name, valueOfJson(inner)]));
}

/** Tells how often a text has come before in this request. */
export type Occurrence = (text: string) => number;

/**
 * The same for the same log record sent again: of resource, scope, time, body and attributes. Twins in one request
 * are numbered, so that a line which an application wrote twice in the same instant is kept twice.
 */
function logId(log: LogRecord, resource: Resource, scope: Scope, occurrence: Occurrence): string {
  const content = [
    jsonOf(sorted(resource.attributes)),
    JSON.stringify([scope.name, scope.version, log.severityText, log.eventName, log.traceId, log.spanId]),
    String(log.timeNs || log.observedNs),
    String(log.severityNumber),
    jsonOf(log.body),
    jsonOf(sorted(log.attributes)),
  ].join("\0");
  return derivedId("otlp-log", content, String(occurrence(content)));
}

const sorted = (attributes: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
  new Map(Array.from(attributes).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)));
