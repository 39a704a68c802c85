import { formatTimestamp, uuidv7 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
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

/** The record could not be kept. `otherwise`: what did not happen therefore, as a sentence. */
export function waitsForKms(otherwise: string, retryAfterS: number): TallystickError {
  const message = `${otherwise} A new epoch has begun, and its key waits for the KMS.`;
  return new TallystickError("kms_unreachable", message, { retryAfterS });
}
