import { formatTimestamp, uuidv7 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import type { Random } from "./secret.ts";

/** What differs between Tallystick's own records; the rest is the same on each. */
export type OwnFields = Pick<AuditRecord, "event_type" | "operation"> & Partial<AuditRecord>;

/** A record of Tallystick's own: something that the log did or that was done to it. */
export function ownRecord(clock: Clock, random: Random, fields: OwnFields): AuditRecord {
  const nowUs = clock.nowUs();
  const id = uuidv7(Math.floor(nowUs / 1_000), random(10));
  return {
    id,
    timestamp: formatTimestamp(nowUs),
    phase: "outcome",
    side: "observer",
    service_id: "tallystick",
    target_id: "none",
    recorder_id: "tallystick",
    request_id: id,
    attempt: 0,
    protocol: "other",
    status: "success",
    ...fields,
  };
}
