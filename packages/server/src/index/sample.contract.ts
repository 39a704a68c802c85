/** Plain records for tests, one like the other but for what a test is about. */
import type { AuditRecord, Observed } from "@tallystick/record";
import { formatReceivedAt } from "@tallystick/record";

export interface SampleEntry {
  readonly record: AuditRecord;
  readonly observed: Observed;
}

export const SAMPLE_START_US = Date.UTC(2026, 10, 25, 8) * 1_000;

export function sampleEntry(
  number: number,
  fields: Partial<AuditRecord> = {},
  receivedUs = SAMPLE_START_US,
): SampleEntry {
  const tail = number.toString(16).padStart(12, "0");
  return {
    record: {
      id: `01a211b7-fe4d-758a-bfe8-${tail}`,
      timestamp: "2026-11-25T08:00:00Z",
      event_type: "API_CALL",
      phase: "outcome",
      side: "caller",
      service_id: "orders",
      target_id: "payments",
      recorder_id: "orders",
      request_id: `request-${number}`,
      attempt: 0,
      operation: "POST /payments",
      protocol: "http",
      status: "success",
      ...fields,
    },
    observed: {
      received_at: formatReceivedAt(receivedUs),
      principal: "orders",
      standing: "authenticated",
      source_address: "127.0.0.1",
      intake: "json",
    },
  };
}

export const sampleEntries = (from: number, to: number): readonly SampleEntry[] =>
  Array.from({ length: to - from }, (_, place) => sampleEntry(from + place));

/** Resolves when `condition` holds; looks again a little later as long as it does not. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("the condition did not come to hold");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
