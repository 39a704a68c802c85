/**
 * The call id: what both sides of one call compute from their own record alone, so that their records meet
 * (docs/formats/record.md). Parts are percent-encoded at `/`, which joins them, and at `%`, so that two different lists
 * of parts never give one id.
 */
import type { AuditRecord } from "./types.ts";

/** Attributes under which intake keeps a consumer span's link to the span that created the message. */
export const LINK_TRACE_ATTRIBUTE = "messaging.link.trace_id";
export const LINK_SPAN_ATTRIBUTE = "messaging.link.span_id";

/** Current OpenTelemetry names first, then those that instrumentations still write. */
const DESTINATION = ["messaging.destination.name", "messaging.destination"];
const PARTITION = [
  "messaging.destination.partition.id",
  "messaging.kafka.destination.partition",
  "messaging.kafka.partition",
];
const OFFSET = ["messaging.kafka.offset", "messaging.kafka.message.offset"];
const MESSAGE = ["messaging.message.id", "messaging.message_id"];

const RESERVED = /[/%]/;

export function callId(record: AuditRecord): string {
  const isMessage = record.event_type === "MESSAGE_PUBLISH" || record.event_type === "MESSAGE_CONSUME";
  return (
    (isMessage ? linkId(record) : null) ??
    traceId(record) ??
    (isMessage ? messageId(record) : null) ??
    `${part(record.service_id)}/${part(record.target_id)}/${part(record.request_id)}/${record.attempt}`
  );
}

/** The call's own span: the caller's, and the parent of the callee's. An observer's span is neither. */
function traceId(record: AuditRecord): string | null {
  if (record.trace_id === undefined) return null;
  const span = record.side === "caller" ? record.span_id : record.side === "callee" ? record.parent_span_id : undefined;
  return span === undefined ? null : `${part(record.trace_id)}/${part(span)}`;
}

function linkId(record: AuditRecord): string | null {
  const trace = record.attributes?.[LINK_TRACE_ATTRIBUTE];
  const span = record.attributes?.[LINK_SPAN_ATTRIBUTE];
  return trace === undefined || span === undefined ? null : `${part(trace)}/${part(span)}`;
}

function messageId(record: AuditRecord): string | null {
  const destination = first(record, DESTINATION);
  const partition = first(record, PARTITION);
  const offset = first(record, OFFSET);
  if (destination !== undefined && partition !== undefined && offset !== undefined) {
    return `${part(destination)}/${part(partition)}/${part(offset)}`;
  }
  const message = first(record, MESSAGE);
  return message === undefined ? null : part(message);
}

function first(record: AuditRecord, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = record.attributes?.[name];
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}

function part(text: string): string {
  return RESERVED.test(text) ? text.replaceAll("%", "%25").replaceAll("/", "%2F") : text;
}
