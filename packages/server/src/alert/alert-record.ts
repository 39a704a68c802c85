/** How each transition of an alert stands in the log (docs/formats/alert-record.md), and how it is read back. */
import { createHash } from "node:crypto";
import { timestampUs, uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { Finding } from "../detect/finding.ts";
import type { OwnFields } from "../journal/own-records.ts";
import { STEP_KINDS } from "./alert.ts";
import type { Alert, ResolvedBy, Step, StepKind } from "./alert.ts";

const PREFIX = "alert ";
const ID = "tallystick.alert_id";
const FINGERPRINT = "tallystick.alert_fingerprint";
const RULE = "tallystick.rule_id";
const TITLE = "tallystick.alert_title";
const LEVEL = "tallystick.alert_level";
const FINDING = "tallystick.alert_finding";
const TEXT = "tallystick.alert_text";
const REASON = "tallystick.alert_resolved_by";

export type AlertSubject = Pick<Alert, "id" | "fingerprint"> & { readonly finding: Finding };

/** What one transition changes, as the fold applies it. */
export interface AlertChange {
  readonly id: string;
  readonly fingerprint: string;
  readonly step: Step;
  /** With `fired` and `seen again`. */
  readonly finding: Finding | null;
  readonly resolvedBy: ResolvedBy | null;
}

export interface AlertStep {
  readonly kind: StepKind;
  readonly by: string;
  readonly text?: string;
  readonly resolvedBy?: ResolvedBy;
}

export function alertFields({ id, fingerprint, finding }: AlertSubject, step: AlertStep): OwnFields {
  const isFinding = step.kind === "fired" || step.kind === "seen again";
  return {
    event_type: "ALERT",
    operation: `${PREFIX}${step.kind}`,
    resource: `alert/${id}`,
    auth_subject: step.by,
    attributes: {
      [ID]: id,
      [FINGERPRINT]: fingerprint,
      [RULE]: finding.ruleId,
      [TITLE]: finding.title,
      [LEVEL]: finding.level,
      ...Object.fromEntries(Object.entries(finding.labels).map(([name, value]) => [`tallystick.label.${name}`, value])),
      ...(isFinding ? { [FINDING]: JSON.stringify(finding) } : {}),
      ...(step.text === undefined || step.text === "" ? {} : { [TEXT]: step.text }),
      ...(step.resolvedBy === undefined ? {} : { [REASON]: step.resolvedBy }),
    },
  };
}

/** The first record of an alert has an id of its own, so that it is stored once whatever is killed. */
export function firedRecordId(alertId: string): string {
  return uuidv8(createHash("sha256").update(`tallystick alert fired\0${alertId}`).digest().subarray(0, 16));
}

/** What a record of the log changes, or null when it is about something else. */
export function alertChangeOf(record: AuditRecord): AlertChange | null {
  const { [ID]: id, [FINGERPRINT]: fingerprint, [FINDING]: finding } = record.attributes ?? {};
  const { [TEXT]: text = "", [REASON]: reason } = record.attributes ?? {};
  const kind = STEP_KINDS.find((one) => record.operation === `${PREFIX}${one}`);
  if (record.event_type !== "ALERT" || kind === undefined || id === undefined || fingerprint === undefined) return null;
  return {
    id,
    fingerprint,
    step: { kind, atUs: timestampUs(record.timestamp), by: record.auth_subject ?? "tallystick", text },
    finding: finding === undefined ? null : (JSON.parse(finding) as Finding),
    resolvedBy: isReason(reason) ? reason : null,
  };
}

function isReason(text: string | undefined): text is ResolvedBy {
  return text === "condition" || text === "expired" || text === "person";
}
