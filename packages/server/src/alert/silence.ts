/** A time in which certain alerts notify nobody. They fire, are listed and recorded as ever. */
import { timestampUs } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { OwnFields } from "../journal/own-records.ts";
import type { Labels, Matcher } from "./matchers.ts";
import { matchesAll, matcherText, parseMatchers } from "./matchers.ts";

export interface Silence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  readonly startsAtUs: number;
  readonly endsAtUs: number;
  readonly createdBy: string;
  readonly createdAtUs: number;
  readonly comment: string;
  /** Ended before its time; null: it was not. */
  readonly endedBy: string | null;
}

export type SilenceState = "pending" | "active" | "expired";

const PLACE = "place silence";
const END = "end silence";
const ID = "tallystick.silence_id";
const MATCHERS = "tallystick.silence_matchers";
const STARTS = "tallystick.silence_starts_at_us";
const ENDS = "tallystick.silence_ends_at_us";
const COMMENT = "tallystick.silence_comment";

export function silenceState({ startsAtUs, endsAtUs }: Silence, nowUs: number): SilenceState {
  if (endsAtUs <= nowUs) return "expired";
  return startsAtUs <= nowUs ? "active" : "pending";
}

export function silences(silence: Silence, labels: Labels, nowUs: number): boolean {
  return silenceState(silence, nowUs) === "active" && matchesAll(silence.matchers, labels);
}

export function placedFields(silence: Omit<Silence, "createdAtUs" | "endedBy">): OwnFields {
  const { id, matchers, startsAtUs, endsAtUs, createdBy, comment } = silence;
  return {
    event_type: "CONFIG_CHANGE",
    operation: PLACE,
    action: "create",
    resource: `silence/${id}`,
    auth_subject: createdBy,
    attributes: {
      [ID]: id,
      [MATCHERS]: JSON.stringify(matchers.map(matcherText)),
      [STARTS]: String(startsAtUs),
      [ENDS]: String(endsAtUs),
      [COMMENT]: comment,
    },
  };
}

export function endedFields(by: string, { id }: Silence, nowUs: number): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: END,
    action: "delete",
    resource: `silence/${id}`,
    auth_subject: by,
    attributes: { [ID]: id, [ENDS]: String(nowUs) },
  };
}

/** What a record of the log does to the silences; most do nothing. */
export function applySilence(known: Map<string, Silence>, record: AuditRecord): void {
  const { [ID]: id, [MATCHERS]: texts, [STARTS]: starts, [ENDS]: ends, [COMMENT]: comment } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || id === undefined || ends === undefined) return;
  const before = known.get(id);
  const { auth_subject: by = "tallystick" } = record;
  if (record.operation === END && before !== undefined && before.endsAtUs > Number(ends))
    known.set(id, { ...before, endsAtUs: Number(ends), endedBy: by });
  if (record.operation !== PLACE || before !== undefined || texts === undefined || starts === undefined) return;
  known.set(id, {
    id,
    matchers: parseMatchers(JSON.parse(texts) as readonly string[]),
    startsAtUs: Number(starts),
    endsAtUs: Number(ends),
    createdBy: by,
    createdAtUs: timestampUs(record.timestamp),
    comment: comment ?? "",
    endedBy: null,
  });
}
