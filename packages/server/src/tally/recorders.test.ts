/** Whose word it takes for a service to count as one that records. */
import type { AuditRecord, Observed } from "@tallystick/record";
import { expect, test } from "vitest";

import { half, benchesOfTests, pair } from "./tally-bench.contract.ts";
import type { Half } from "./tally-bench.contract.ts";

const bench = benchesOfTests();

const BEAT: Partial<AuditRecord> = { event_type: "LOG_LIFECYCLE", operation: "heartbeat", target_id: "none" };

const heard = ({ record, observed }: Half, by: Partial<Observed>): Half => ({
  record,
  observed: { ...observed, ...by },
});

/** State of a call to the bank that only its caller recorded, after these records. */
async function stateAfter(...records: readonly Half[]): Promise<string | undefined> {
  const tally = await bench();
  await tally.add(...records, ...pair("other", 2), half("caller", "alone", 3, { target_id: "bank" }));
  await tally.passTo(120);
  return (await tally.calls()).find(({ call_id: id }) => id === "orders/bank/alone/0")?.state;
}

const beat = (fields: Partial<AuditRecord>) => half("caller", "beat", 1, { ...BEAT, service_id: "bank", ...fields });
const answered = half("callee", "answered", 1, { target_id: "bank" });
const CLAIMED: Partial<Observed> = { standing: "claimed", principal: "key:shop" };

const CASES: readonly (readonly [name: string, record: Half, state: string])[] = [
  ["a heartbeat of its own", beat({ recorder_id: "bank" }), "unpaired_caller"],
  [
    "a heartbeat that a relay carries",
    heard(beat({ recorder_id: "bank" }), { standing: "relayed" }),
    "unpaired_caller",
  ],
  ["a half of its own", answered, "unpaired_caller"],
  ["a half that the administrator sends", heard(answered, { ...CLAIMED, principal: "admin" }), "unpaired_caller"],
  ["a heartbeat with its name taken", heard(beat({ recorder_id: "bank" }), CLAIMED), "one_sided"],
  [
    "a heartbeat with its name taken that looks like a proxy's record",
    heard(
      beat({
        recorder_id: "bank",
        side: "observer",
        trace_id: "1".repeat(32),
        span_id: "2".repeat(16),
        parent_span_id: "3".repeat(16),
      }),
      CLAIMED,
    ),
    "one_sided",
  ],
  ["another's own heartbeat about it", beat({ recorder_id: "shop", side: "observer" }), "one_sided"],
  ["a half with its name taken", heard(answered, CLAIMED), "one_sided"],
];

test.each(CASES)("%s", async (_, record, state) => {
  expect(await stateAfter(record)).toBe(state);
});
