import type { AuditRecord } from "@tallystick/record";

import { APPROVABLE_ACTIONS } from "./approval.ts";
import type { ApprovableAction, Approval, Proposal } from "./approval.ts";
import type { OwnFields } from "./own-record.ts";

export type ApprovalChange =
  | { readonly kind: "proposed"; readonly approval: Approval }
  | {
      readonly kind: "decided";
      readonly id: string;
      readonly decision: "approved" | "rejected";
      readonly by: string;
      readonly at: string;
    }
  | { readonly kind: "finished"; readonly id: string; readonly state: "done" | "failed"; readonly outcome: string };

const PROPOSE = "propose";
const APPROVE = "approve";
const REJECT = "reject";
const FINISH = "finish";

const ID = "tallystick.approval_id";
const ACTION = "tallystick.approval_action";
const TARGET = "tallystick.approval_target";
const REASON = "tallystick.approval_reason";
const DETAILS = "tallystick.approval_details";
const SECOND = "tallystick.approval_second_person";
const OUTCOME = "tallystick.approval_outcome";

const aboutApproval = (operation: string, id: string, attributes: Readonly<Record<string, string>>): OwnFields => ({
  event_type: "CONFIG_CHANGE",
  operation: `${operation} an action`,
  action: "execute",
  resource: `approval/${id}`,
  attributes: { [ID]: id, ...attributes },
});

export function proposedFields(by: string, id: string, proposal: Proposal, needsSecond: boolean): OwnFields {
  return {
    ...aboutApproval(PROPOSE, id, {
      [ACTION]: proposal.action,
      [TARGET]: proposal.target,
      [REASON]: proposal.reason,
      [DETAILS]: JSON.stringify(proposal.details),
      [SECOND]: needsSecond ? "needed" : "not needed",
    }),
    auth_subject: by,
  };
}

export function decidedFields(by: string, { id, action, target }: Approval, decision: string): OwnFields {
  const operation = decision === "approved" ? APPROVE : REJECT;
  return { ...aboutApproval(operation, id, { [ACTION]: action, [TARGET]: target }), auth_subject: by };
}

export function finishedFields({ id, action, target }: Approval, state: string, outcome: string): OwnFields {
  return {
    ...aboutApproval(FINISH, id, { [ACTION]: action, [TARGET]: target, [OUTCOME]: outcome }),
    status: state === "done" ? "success" : "error",
  };
}

/** What a record of the control log changes, or null when it is about something else. */
export function approvalChangeOf(record: AuditRecord): ApprovalChange | null {
  const attributes = record.attributes ?? {};
  const id = attributes[ID];
  if (record.event_type !== "CONFIG_CHANGE" || id === undefined) return null;
  const { auth_subject: by = "", timestamp: at } = record;
  if (record.operation === `${APPROVE} an action`) return { kind: "decided", id, decision: "approved", by, at };
  if (record.operation === `${REJECT} an action`) return { kind: "decided", id, decision: "rejected", by, at };
  if (record.operation === `${PROPOSE} an action`) return proposed(id, by, at, attributes);
  if (record.operation !== `${FINISH} an action`) return null;
  const state = record.status === "success" ? "done" : "failed";
  return { kind: "finished", id, state, outcome: attributes[OUTCOME] ?? "" };
}

function proposed(
  id: string,
  by: string,
  at: string,
  attributes: Readonly<Record<string, string>>,
): ApprovalChange | null {
  const { [ACTION]: action, [TARGET]: target, [REASON]: reason, [DETAILS]: details } = attributes;
  if (!isAction(action) || target === undefined || reason === undefined || details === undefined) return null;
  const approval: Approval = {
    id,
    action,
    target,
    reason,
    details: JSON.parse(details) as Readonly<Record<string, string>>,
    state: attributes[SECOND] === "needed" ? "pending" : "approved",
    proposedBy: by,
    proposedAt: at,
    decidedBy: null,
    decidedAt: null,
    outcome: null,
  };
  return { kind: "proposed", approval };
}

function isAction(value: string | undefined): value is ApprovableAction {
  return value !== undefined && (APPROVABLE_ACTIONS as readonly string[]).includes(value);
}
