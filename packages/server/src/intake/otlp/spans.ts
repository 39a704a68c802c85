import { formatTimestamp, LINK_SPAN_ATTRIBUTE, LINK_TRACE_ATTRIBUTE } from "@tallystick/record";

import { derivedId } from "../derived-id.ts";
import { bodyRefusal } from "./bodies.ts";
import { callOf, type Call } from "./conventions.ts";
import {
  newDraft,
  put,
  putOwnFields,
  putResource,
  putRest,
  rejected,
  type Draft,
  type DraftOutcome,
  type Rejected,
} from "./draft.ts";
import { calledOf, callerOf } from "./parties.ts";
import { SPAN_KIND, STATUS_CODE, textOf, type Resource, type Scope, type Span } from "./shape.ts";
import { Told } from "./told.ts";

/**
 * A span as one side's record of a call. SERVER and CONSUMER spans are the callee's, CLIENT and PRODUCER spans the
 * caller's, except a CLIENT span of a receiving messaging operation, which is the consumer's. What a span does not
 * tell is written as it was seen or left out, never guessed.
 */
export function spanDraft(span: Span, resource: Resource, scope: Scope, keyService: string | null): DraftOutcome {
  const refusal = bodyRefusal(resource.attributes, span.attributes);
  if (refusal !== null) return refusal;
  if (span.traceId === "" || span.spanId === "")
    return rejected("invalid_value", "its trace id or span id is absent or all zeros");
  const startUs = Number(span.startNs / 1_000n);
  if (startUs === 0) return rejected("missing_field", "it has no start time");
  if (!Number.isSafeInteger(startUs)) return rejected("invalid_value", "its start time is out of range");
  const draft = newDraft();
  const told = new Told(span.attributes);
  const resourceTold = new Told(resource.attributes);
  const call = callOf(span, told);
  put(draft, "id", derivedId("otlp-span", span.traceId, span.spanId, String(span.kind)));
  put(draft, "timestamp", formatTimestamp(startUs));
  if (span.endNs >= span.startNs) put(draft, "duration_us", Number((span.endNs - span.startNs) / 1_000n));
  put(draft, "trace_id", span.traceId);
  put(draft, "span_id", span.spanId);
  put(draft, "parent_span_id", span.parentSpanId);
  putParties(draft, span, call, told, putResource(draft, resourceTold, keyService));
  putCall(draft, span, call);
  putOutcome(draft, span, call, told);
  putMeasures(draft, told);
  putRest(draft, told, resourceTold, scope, span.droppedAttributes);
  putSpanFacts(draft, span, call);
  putOwnFields(draft, resource, span.attributes);
  return { kind: "draft", draft };
}

/** An unspecified kind is INTERNAL, as OTLP says. */
export const isInternal = ({ kind }: Span): boolean => kind === SPAN_KIND.internal || kind === SPAN_KIND.unspecified;

/** Of another kind it is not known whose side it is. */
export function kindRefusal(span: Span): Rejected | null {
  if (span.kind >= SPAN_KIND.unspecified && span.kind <= SPAN_KIND.consumer) return null;
  return rejected("unknown_value", `its kind is ${span.kind}; allowed are 0 to ${SPAN_KIND.consumer}`);
}

function putParties(draft: Draft, span: Span, call: Call, told: Told, own: string): void {
  if (isInternal(span)) {
    put(draft, "side", "caller");
    put(draft, "service_id", own);
    put(draft, "target_id", "none");
    return;
  }
  const receives = span.kind === SPAN_KIND.server || call.eventType === "MESSAGE_CONSUME";
  // A consumer sees its broker where a server sees its caller.
  const peer = span.kind === SPAN_KIND.server ? callerOf(told) : calledOf(told);
  put(draft, "side", receives ? "callee" : "caller");
  put(draft, "service_id", receives ? peer.id : own);
  put(draft, "target_id", receives ? own : peer.id);
  put(draft, "peer_address", peer.address);
  put(draft, "peer_port", peer.port);
  put(draft, "client_address", peer.clientAddress);
  // The call's own span on both sides, as in the call id.
  put(draft, "request_id", linked(span, call)?.spanId ?? (receives ? span.parentSpanId || span.spanId : span.spanId));
}

function putCall(draft: Draft, span: Span, call: Call): void {
  put(draft, "event_type", isInternal(span) ? "INTERNAL" : call.eventType);
  put(draft, "operation", call.operation || span.name);
  put(draft, "action", call.action);
  put(draft, "resource", call.resource);
  put(draft, "protocol", call.protocol);
  put(draft, "status_code", call.code);
}

const TIMED_OUT_TYPE = /timed?[-_ .]?out|deadline/i;
/**
 * Many programs put no more than `Error` into the type. In a message the word alone is not enough ("invalid
 * timeout").
 */
const TIMED_OUT_MESSAGE = new RegExp(
  "\\bE(?:SOCKET)?TIMEDOUT\\b|\\btimed out\\b|deadline exceeded|" +
    "\\b(?:due to|connect|connection|read|request|socket|headers|body|query|statement|operation) timeout\\b",
  "i",
);

function putOutcome(draft: Draft, span: Span, call: Call, told: Told): void {
  const exception = span.events.findLast((event) => event.name === "exception")?.attributes;
  const exceptionType = textOf(exception?.get("exception.type"));
  const given = told.take("error.type");
  // Conventions put a bare status code into error.type when there is no better; an exception's type is better.
  const errorType = exceptionType !== "" && /^\d*$/.test(given) ? exceptionType : given;
  const message = span.statusMessage || textOf(exception?.get("exception.message"));
  const timedOut = TIMED_OUT_TYPE.test(errorType) || TIMED_OUT_MESSAGE.test(message);
  // An exception that left no error behind was dealt with.
  const failed = span.statusCode === STATUS_CODE.error || given !== "";
  const verdict = verdictOf(span, call, failed, failed && timedOut);
  put(draft, "status", verdict.status);
  if (verdict.reason !== "") draft.attributes.set("tallystick.status_reason", verdict.reason);
  put(draft, "error_type", errorType === call.code ? "" : errorType);
  put(draft, "error_message", message);
}

interface Verdict {
  readonly status: "success" | "error" | "denied" | "timeout" | "unknown";
  readonly reason: string;
}

/**
 * The protocol's code says most; then the span's own status; an unset status means, by its definition, that no error
 * was seen.
 */
function verdictOf(span: Span, call: Call, failed: boolean, timedOut: boolean): Verdict {
  const as = (status: Verdict["status"], reason = ""): Verdict => ({ status, reason });
  if (call.outcome === "denied" || call.outcome === "timeout") return as(call.outcome);
  if (span.statusCode === STATUS_CODE.ok) return as("success");
  if (timedOut) return as("timeout");
  if (failed || call.outcome === "error") return as("error");
  if (call.outcome === "success") return as("success");
  if (call.codeExpected) return as("unknown", "the span tells neither a status code nor an error");
  if (span.endNs === 0n) return as("unknown", "the span has no end");
  return as("success");
}

function putMeasures(draft: Draft, told: Told): void {
  put(draft, "attempt", told.takeCount("http.request.resend_count", "http.resend_count"));
  put(
    draft,
    "request_size",
    told.takeCount("http.request.body.size", "messaging.message.body.size", ...OLD_REQUEST_SIZES),
  );
  put(draft, "response_size", told.takeCount("http.response.body.size", "http.response_content_length"));
  put(draft, "tls_version", told.take("tls.protocol.version"));
}

const OLD_REQUEST_SIZES = ["http.request_content_length", "messaging.message_payload_size_bytes"];

/** What is the span's and not the call's. */
function putSpanFacts(draft: Draft, span: Span, call: Call): void {
  const link = linked(span, call);
  if (link !== null) {
    draft.attributes.set(LINK_TRACE_ATTRIBUTE, link.traceId);
    draft.attributes.set(LINK_SPAN_ATTRIBUTE, link.spanId);
  }
  const links = span.links.length - (link === null ? 0 : 1);
  const events = span.events.length - (span.events.some((event) => event.name === "exception") ? 1 : 0);
  if (links > 0) draft.attributes.set("otel.span.links", String(links));
  if (events > 0) draft.attributes.set("otel.span.events", String(events));
  if (span.traceState !== "") draft.attributes.set("w3c.tracestate", span.traceState);
  if (span.name !== "" && span.name !== draft.fields.get("operation"))
    draft.attributes.set("otel.span.name", span.name);
}

/** A consumer's link to the span that created its one message. With several messages a span is no single call. */
function linked(span: Span, call: Call): { readonly traceId: string; readonly spanId: string } | null {
  const [link, ...others] = span.links;
  if (call.eventType !== "MESSAGE_CONSUME" || link === undefined || others.length > 0) return null;
  return link.traceId === "" || link.spanId === "" ? null : link;
}
