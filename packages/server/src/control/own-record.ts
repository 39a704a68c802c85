import { formatTimestamp, uuidv7 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { ownRecordOf } from "../journal/own-records.ts";
import type { OwnFields } from "../journal/own-records.ts";
import type { Random } from "./secret.ts";

export type { OwnFields };

/** A record of Tallystick's own: something that the log did or that was done to it. */
export function ownRecord(clock: Clock, random: Random, fields: OwnFields): AuditRecord {
  const nowUs = clock.nowUs();
  const id = uuidv7(Math.floor(nowUs / 1_000), random(10));
  return ownRecordOf(id, formatTimestamp(nowUs), fields);
}
