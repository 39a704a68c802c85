/** One side's record of a call of the seeded shop. */

export interface Half extends Readonly<Record<string, unknown>> {
  /** Who writes it. */
  readonly recorder_id: string;
  readonly timestamp: string;
}

export interface Told {
  readonly trace: string;
  readonly parent: string;
  readonly caller: string;
  readonly callee: string;
  readonly operation: string;
  readonly resource: string;
  readonly protocol: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: string;
  readonly code: string;
  readonly error?: string;
  readonly message?: string;
}

type More = Readonly<Record<string, unknown>>;

export const HALF = {
  caller: (call: Told, span: string, more: More): Half => ({
    ...shared(call),
    recorder_id: call.caller,
    side: "caller",
    span_id: span,
    ...(call.parent === "" ? {} : { parent_span_id: call.parent }),
    ...more,
  }),
  callee: (call: Told, callerSpan: string, span: string, more: More): Half => ({
    ...shared(call),
    recorder_id: call.callee,
    side: "callee",
    span_id: span,
    parent_span_id: callerSpan,
    auth_subject: call.caller,
    ...more,
  }),
};

const TYPES: Readonly<Record<string, string>> = { sql: "DB_QUERY", mqtt: "MESSAGE_PUBLISH" };

function shared(call: Told) {
  return {
    timestamp: new Date(call.startMs).toISOString(),
    event_type: TYPES[call.protocol] ?? "API_CALL",
    service_id: call.caller,
    target_id: call.callee,
    trace_id: call.trace,
    operation: call.operation,
    resource: call.resource,
    protocol: call.protocol,
    status: call.status,
    status_code: call.code,
    ...(call.error === undefined ? {} : { error_type: call.error, error_message: call.message }),
    duration_us: Math.round(call.durationMs * 1_000),
    request_size: 180 + call.operation.length * 7,
    response_size: 420 + call.resource.length * 11,
    environment: "production",
    region: "eu-1",
  };
}
