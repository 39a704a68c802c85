/**
 * What a trace needs of a record: who called whom, when, how it ended, and every id that ties it to others. Far less
 * than the record, so that ten thousand of them are a small answer.
 */
import { LINK_SPAN_ATTRIBUTE, LINK_TRACE_ATTRIBUTE } from "@tallystick/record";

import { shownExpression, COLUMN_BY_NAME } from "../../index/columns.ts";
import { TRACE_MESSAGE_LENGTH } from "../limits.ts";

/** A text that is absent is empty. */
export interface TraceRow {
  readonly tree: string;
  readonly leaf_index: number;
  readonly call_id: string;
  readonly id: string;
  readonly event_type: string;
  readonly phase: string;
  readonly side: string;
  readonly service_id: string;
  readonly target_id: string;
  readonly recorder_id: string;
  readonly host: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly trace_id: string;
  readonly span_id: string;
  readonly parent_span_id: string;
  readonly operation: string;
  readonly protocol: string;
  readonly status: string;
  readonly status_code: string;
  readonly error_type: string;
  readonly error_message: string;
  readonly start_us: number;
  /** -1 when absent. */
  readonly duration_us: number;
  readonly message_id: string;
  /** The span that made the message which this one consumes. */
  readonly link_trace_id: string;
  readonly link_span_id: string;
  readonly causation_id: string;
  readonly correlation_id: string;
}

/** Attributes by which services say what caused what; docs/guides/traces.md. Current name first. */
export const MESSAGE_ATTRIBUTES = ["messaging.message.id", "messaging.message_id"] as const;
export const CAUSATION_ATTRIBUTES = ["causation_id", "causationid"] as const;
export const CORRELATION_ATTRIBUTES = ["correlation_id", "correlationid", "messaging.message.conversation_id"] as const;

const plain = (name: string): string => {
  const column = COLUMN_BY_NAME.get(name);
  return column === undefined ? name : column.shape === "uuid" ? `toString(${name})` : shownExpression(column);
};

const attribute = (...names: readonly string[]): string =>
  names.reduceRight((rest, name) => {
    const value = `attributes['${name}']`;
    return rest === "" ? value : `if(notEmpty(${value}), ${value}, ${rest})`;
  }, "");

const EXPRESSIONS: Readonly<Record<keyof TraceRow, string>> = {
  tree: "tree",
  leaf_index: "leaf_index",
  call_id: "call_id",
  id: plain("id"),
  event_type: "event_type",
  phase: "phase",
  side: "side",
  service_id: "service_id",
  target_id: "target_id",
  recorder_id: "recorder_id",
  host: "host",
  request_id: "request_id",
  attempt: "attempt",
  trace_id: plain("trace_id"),
  span_id: plain("span_id"),
  parent_span_id: plain("parent_span_id"),
  operation: "operation",
  protocol: "protocol",
  status: "status",
  status_code: "status_code",
  error_type: "error_type",
  error_message: `substringUTF8(error_message, 1, ${TRACE_MESSAGE_LENGTH})`,
  start_us: plain("timestamp"),
  duration_us: "duration_us",
  message_id: attribute(...MESSAGE_ATTRIBUTES),
  link_trace_id: attribute(LINK_TRACE_ATTRIBUTE),
  link_span_id: attribute(LINK_SPAN_ATTRIBUTE),
  causation_id: attribute(...CAUSATION_ATTRIBUTES),
  correlation_id: attribute(...CORRELATION_ATTRIBUTES),
};
const NAMES = Object.keys(EXPRESSIONS) as readonly (keyof TraceRow)[];

/** One array a row, by position, so that no name of ours hides a column in the rest of the query. */
export const TRACE_COLUMNS = `tuple(${NAMES.map((name) => EXPRESSIONS[name]).join(", ")}) AS traced`;

export interface TracedRow {
  readonly traced: readonly unknown[];
}

export function traceRow({ traced }: TracedRow): TraceRow {
  return Object.fromEntries(NAMES.map((name, place) => [name, traced[place]])) as unknown as TraceRow;
}

/** An id that this request alone has: filled by intake, or taken from its span. It ties the record to nothing. */
export function isOwnRequestId(row: TraceRow): boolean {
  return [row.id, row.span_id, row.parent_span_id, row.link_span_id].includes(row.request_id);
}

export function isMessage({ event_type: type }: TraceRow): boolean {
  return type === "MESSAGE_PUBLISH" || type === "MESSAGE_CONSUME";
}
