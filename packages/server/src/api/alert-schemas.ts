/** Alerts and silences in the shape in which they leave the API. */
import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";

import { STEP_KINDS } from "../alert/alert.ts";
import type { Alert } from "../alert/alert.ts";
import { matcherText } from "../alert/matchers.ts";
import type { Silence, SilenceState } from "../alert/silence.ts";
import { FINDING_KINDS, LEVELS } from "../detect/finding.ts";

const Time = Type.String({ format: "date-time" });
export const NullableTime = Type.Union([Time, Type.Null()]);
const NullableText = Type.Union([Type.String(), Type.Null()]);
export const ALERT_STATES = ["firing", "acknowledged", "resolved"] as const;

const StepSchema = Type.Object({
  kind: Type.Enum([...STEP_KINDS]),
  at: Time,
  by: Type.String(),
  text: Type.String({ description: "A comment, who it was given to, or what suppresses it." }),
});

export const AlertSchema = Type.Object(
  {
    id: Type.String(),
    fingerprint: Type.String({ description: "Of rule and labels: the same thing again has the same." }),
    state: Type.Enum([...ALERT_STATES]),
    rule_id: Type.String(),
    rule_version: Type.Integer(),
    title: Type.String(),
    kind: Type.Enum([...FINDING_KINDS]),
    level: Type.Enum([...LEVELS]),
    tags: Type.Array(Type.String()),
    labels: Type.Record(Type.String(), Type.String()),
    summary: Type.String(),
    expected: Type.String(),
    seen: Type.String(),
    check: Type.String({ description: "How to check it." }),
    silence: Type.String({ description: "How to silence it rightly." }),
    runbook_url: NullableText,
    records: Type.Array(Type.Object({ tree: Type.String(), leaf_index: Type.Integer(), call_id: Type.String() }), {
      description: "Records that show it, the first one first.",
    }),
    count: Type.Integer({ description: "How many there were in all." }),
    quiet: Type.Boolean({
      description: "Still learning, not confirmed, or explained by a deploy: listed, notifies nobody.",
    }),
    starts_at: Time,
    seen_at: Time,
    raised_at: Time,
    acknowledged_at: NullableTime,
    acknowledged_by: NullableText,
    assignee: NullableText,
    resolved_at: NullableTime,
    resolved_by: Type.Union([Type.Enum(["condition", "expired", "person"]), Type.Null()]),
    suppressed_by: Type.Union([Type.String(), Type.Null()], { description: "Id of a silence or of another alert." }),
    steps: Type.Array(StepSchema, { description: "What became of it; each is a record of the log `alerts`." }),
  },
  { $id: "Alert" },
);

const at = (us: number): string => formatTimestamp(us);
export const atOrNull = (us: number | null): string | null => (us === null ? null : at(us));

export function shownAlert(alert: Alert): Static<typeof AlertSchema> {
  const { finding, id, fingerprint, state, assignee } = alert;
  const { title, kind, level, summary, expected, seen, check, silence, count, quiet } = finding;
  return {
    id,
    fingerprint,
    state,
    rule_id: finding.ruleId,
    rule_version: finding.ruleVersion,
    title,
    kind,
    level,
    tags: [...finding.tags],
    labels: finding.labels,
    summary,
    expected,
    seen,
    check,
    silence,
    runbook_url: finding.runbookUrl ?? null,
    records: finding.records.map(({ tree, leafIndex, callId }) => ({ tree, leaf_index: leafIndex, call_id: callId })),
    count,
    quiet,
    starts_at: at(finding.startsAtUs),
    seen_at: at(finding.seenAtUs),
    raised_at: at(alert.raisedAtUs),
    acknowledged_at: atOrNull(alert.acknowledgedAtUs),
    acknowledged_by: alert.acknowledgedBy,
    assignee,
    resolved_at: atOrNull(alert.resolvedAtUs),
    resolved_by: alert.resolvedBy,
    suppressed_by: alert.suppressedBy,
    steps: alert.steps.map(({ kind: what, atUs, by, text }) => ({ kind: what, at: at(atUs), by, text })),
  };
}

export const SilenceSchema = Type.Object({
  id: Type.String(),
  state: Type.Enum(["pending", "active", "expired"]),
  matchers: Type.Array(Type.String()),
  starts_at: Time,
  ends_at: Time,
  created_by: Type.String(),
  created_at: Time,
  comment: Type.String(),
  ended_by: NullableText,
});

export function shownSilence(silence: Silence, state: SilenceState): Static<typeof SilenceSchema> {
  const { id, matchers, startsAtUs, endsAtUs, createdBy, createdAtUs, comment, endedBy } = silence;
  return {
    id,
    state,
    matchers: matchers.map(matcherText),
    starts_at: at(startsAtUs),
    ends_at: at(endsAtUs),
    created_by: createdBy,
    created_at: at(createdAtUs),
    comment,
    ended_by: endedBy,
  };
}
