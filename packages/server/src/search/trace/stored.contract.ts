/** Rows of a trace as records that an index can hold. */
import { callId, formatReceivedAt, formatTimestamp } from "@tallystick/record";
import type { AuditRecord, StoredRecord } from "@tallystick/record";

import { T0_US } from "./trees.contract.ts";

const ENTRY = {
  event_type: "API_CALL",
  phase: "outcome",
  side: "caller",
  service_id: "orders",
  target_id: "payments",
  attempt: 0,
  operation: "POST /payments",
  protocol: "http",
  status: "success",
};

/** `at` counts microseconds from T0_US; the id is made of `number`, and is the request id unless another is given. */
export function storedOf(
  number: number,
  { at = 0, ...fields }: Partial<AuditRecord> & { readonly at?: number },
  tree = "default/2026-11",
): StoredRecord {
  const id = `0193628a-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
  const timestamp = formatTimestamp(T0_US + at);
  const side = fields.side ?? ENTRY.side;
  const recorder = side === "callee" ? (fields.target_id ?? ENTRY.target_id) : (fields.service_id ?? ENTRY.service_id);
  const record = { ...ENTRY, id, timestamp, recorder_id: recorder, request_id: id, ...fields };
  const observed = {
    received_at: formatReceivedAt(T0_US + at),
    principal: recorder,
    standing: "authenticated" as const,
    source_address: "127.0.0.1",
    intake: "json",
  };
  return { tree, leaf_index: 0, call_id: callId(record), record, observed };
}
