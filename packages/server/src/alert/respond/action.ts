/** What is done about an alert: by a person or by a rule, for a time, and undone again; each step is a record. */
import { timestampUs } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import type { OwnFields } from "../../journal/own-records.ts";

/** What is asked for, and the names that say to what. */
export const ACTION_TARGETS = {
  block_credential: ["credential_id"],
  block_service: ["service"],
  block_edge: ["caller", "callee"],
  block_operation: ["operation", "callee"],
  webhook: ["channel"],
} as const;
export type ActionKind = keyof typeof ACTION_TARGETS;
export const ACTION_KINDS = Object.keys(ACTION_TARGETS) as readonly ActionKind[];
/** Names that may be left out: an operation is blocked at one callee, or at all. */
export const OPTIONAL_TARGETS: ReadonlySet<string> = new Set(["block_operation callee"]);

export type Target = Readonly<Record<string, string>>;

/**
 * proposed: waits for a second person. active: in force. dry_run: it would have been. done: a webhook was handed over.
 * undone, expired, rejected: over.
 */
export type ActionState = "proposed" | "active" | "dry_run" | "done" | "undone" | "expired" | "rejected";

export interface NewAction {
  readonly kind: ActionKind;
  readonly target: Target;
  readonly reason: string;
  /** Microseconds; how long it is in force. */
  readonly lastsUs: number;
  readonly alertId: string | null;
  /** The rule that asked for it; null: a person. */
  readonly rule: string | null;
  readonly isDryRun: boolean;
}

export interface Action extends Omit<NewAction, "lastsUs"> {
  readonly id: string;
  readonly by: string;
  readonly state: ActionState;
  readonly lastsUs: number;
  readonly requestedAtUs: number;
  /** Null until it is in force. */
  readonly sinceUs: number | null;
  readonly untilUs: number | null;
  readonly approvalId: string | null;
  readonly endedAtUs: number | null;
  readonly endedBy: string | null;
}

const PREFIX = "response ";
const ID = "tallystick.response_id";
const KIND = "tallystick.response_kind";
const TARGET = "tallystick.response_target";
const REASON = "tallystick.response_reason";
const LASTS = "tallystick.response_lasts_us";
const ALERT = "tallystick.alert_id";
const RULE = "tallystick.response_rule";
const DRY = "tallystick.response_dry_run";
const APPROVAL = "tallystick.approval_id";
const SINCE = "tallystick.response_since_us";

export type ActionStep =
  | { readonly kind: "in force"; readonly sinceUs: number; readonly by: string }
  | { readonly kind: "undone" | "expired" | "rejected" | "done"; readonly by: string; readonly reason?: string };

/** The decision. */
export function requestedFields(id: string, by: string, action: NewAction, approvalId: string | null): OwnFields {
  const { kind, target, reason, lastsUs, alertId, rule, isDryRun } = action;
  const about = aboutAction(id, by, kind, target);
  return {
    ...about,
    operation: `${PREFIX}requested`,
    attributes: {
      ...about.attributes,
      [REASON]: reason,
      [LASTS]: String(lastsUs),
      [DRY]: String(isDryRun),
      ...(alertId === null ? {} : { [ALERT]: alertId }),
      ...(rule === null ? {} : { [RULE]: rule }),
      ...(approvalId === null ? {} : { [APPROVAL]: approvalId }),
    },
  };
}

/** The effect, and its end. */
export function actionStepFields({ id, kind, target, alertId }: Action, step: ActionStep): OwnFields {
  const about = aboutAction(id, step.by, kind, target);
  const isInForce = step.kind === "in force";
  const reason = "reason" in step ? step.reason : undefined;
  return {
    ...about,
    operation: `${PREFIX}${step.kind}`,
    action: isInForce ? "revoke" : "update",
    attributes: {
      ...about.attributes,
      ...(alertId === null ? {} : { [ALERT]: alertId }),
      ...(isInForce ? { [SINCE]: String(step.sinceUs) } : {}),
      ...(reason === undefined || reason === "" ? {} : { [REASON]: reason }),
    },
  };
}

function aboutAction(id: string, by: string, kind: ActionKind, target: Target) {
  return {
    event_type: "RESPONSE",
    operation: PREFIX,
    resource: `response/${id}`,
    auth_subject: by,
    attributes: { [ID]: id, [KIND]: kind, [TARGET]: JSON.stringify(target) },
  };
}

/** What a record of the log does to the actions; most do nothing. */
export function applyAction(known: Map<string, Action>, record: AuditRecord): void {
  const id = record.attributes?.[ID];
  if (record.event_type !== "RESPONSE" || id === undefined || !record.operation.startsWith(PREFIX)) return;
  const step = record.operation.slice(PREFIX.length);
  const before = known.get(id);
  const after = before === undefined ? requestedOf(id, step, record) : stepped(before, step, record);
  if (after !== null) known.set(id, after);
}

function requestedOf(id: string, step: string, record: AuditRecord): Action | null {
  const { [KIND]: kind, [TARGET]: target, [REASON]: reason = "", [LASTS]: lasts = "0" } = record.attributes ?? {};
  const { [ALERT]: alertId = null, [RULE]: rule = null, [APPROVAL]: approvalId = null } = record.attributes ?? {};
  if (step !== "requested" || !isKind(kind) || target === undefined) return null;
  const isDryRun = record.attributes?.[DRY] === "true";
  return {
    id,
    kind,
    target: JSON.parse(target) as Target,
    reason,
    lastsUs: Number(lasts),
    alertId,
    rule,
    isDryRun,
    by: record.auth_subject ?? "tallystick",
    state: isDryRun ? "dry_run" : "proposed",
    requestedAtUs: timestampUs(record.timestamp),
    sinceUs: null,
    untilUs: null,
    approvalId,
    endedAtUs: null,
    endedBy: null,
  };
}

function stepped(before: Action, step: string, record: AuditRecord): Action | null {
  const { auth_subject: by = "tallystick", timestamp } = record;
  const isOpen = before.state === "proposed" || before.state === "active";
  if (step === "in force" && before.state === "proposed") {
    const sinceUs = Number(record.attributes?.[SINCE] ?? timestampUs(timestamp));
    return { ...before, state: "active", sinceUs, untilUs: sinceUs + before.lastsUs };
  }
  if (!isOpen || !(step === "undone" || step === "expired" || step === "rejected" || step === "done")) return null;
  return { ...before, state: step, endedAtUs: timestampUs(timestamp), endedBy: by };
}

export function isKind(text: string | undefined): text is ActionKind {
  return text !== undefined && text in ACTION_TARGETS;
}

/** What a block is known by: its kind and what it blocks, in the order of the kind's names. */
export const blockKey = (kind: ActionKind, values: readonly string[]): string => JSON.stringify([kind, ...values]);

/** As people say it: `block_edge caller=orders callee=payments`. */
export function actionText({ kind, target }: Pick<Action, "kind" | "target">): string {
  return [kind, ...Object.entries(target).map(([name, value]) => `${name}=${value}`)].join(" ");
}
