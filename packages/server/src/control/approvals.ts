/**
 * Actions that a second person must agree to: erasure, the release of a hold, a shorter retention.
 *
 * Guarantees: a proposal, each decision on it and its end are durable records of the `control` log before they take
 * effect; nobody approves what he proposed himself; an approval is for exactly the details that were proposed; one
 * that nobody decided is void after a week. A restart finds what was approved and not finished, so that it can be
 * carried out.
 * Left out on purpose: carrying out. Who proposes an action knows how, and says when it is over.
 */
import { timestampUs } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { ApprovableAction, Approval, ApprovalRules, Approvals, Proposal } from "./approval.ts";
import { approvalChangeOf, decidedFields, finishedFields, proposedFields } from "./approval-record.ts";
import type { Changes } from "./changes.ts";
import {
  APPROVAL_LIFETIME_US,
  MAX_APPROVAL_DETAILS_LENGTH,
  MAX_APPROVAL_TEXT_LENGTH,
  MAX_PAST_APPROVALS,
  MAX_PENDING_APPROVALS,
} from "./limits.ts";

export class ApprovalBook implements Approvals {
  readonly #approvals: ReadonlyMap<string, Approval>;
  readonly #changes: Changes;
  readonly #rules: ApprovalRules;
  readonly #administrators: () => readonly string[];

  constructor(
    approvals: ReadonlyMap<string, Approval>,
    changes: Changes,
    rules: ApprovalRules,
    administrators: () => readonly string[],
  ) {
    this.#approvals = approvals;
    this.#changes = changes;
    this.#rules = rules;
    this.#administrators = administrators;
  }

  propose(by: string, proposal: Proposal): Promise<Approval> {
    return this.#changes.inTurn(async () => {
      assertProposal(proposal);
      const needsSecond = proposal.needsSecond === true || this.#needsSecond(proposal.action);
      const waiting = this.approvals().filter(({ state }) => state === "pending").length;
      if (needsSecond && waiting >= MAX_PENDING_APPROVALS)
        throw new TallystickError("bad_request", `${MAX_PENDING_APPROVALS} proposals wait already; decide some first.`);
      const id = this.#changes.newId("approval");
      await this.#changes.record(proposedFields(by, id, proposal, needsSecond));
      return this.approval(id)!;
    });
  }

  decide(by: string, id: string, decision: "approved" | "rejected"): Promise<Approval> {
    return this.#changes.inTurn(async () => {
      const approval = this.#found(id);
      if (approval.state !== "pending")
        throw new TallystickError("not_pending", `The proposal is ${approval.state}; it waits for nobody.`);
      if (approval.proposedBy === by && decision === "approved")
        throw new TallystickError("forbidden", "Somebody else than who proposed it must approve it.", {
          hint: "Let another administrator approve it; `tallystick approvals list` names those who may.",
        });
      if (approval.proposedBy !== by && !this.approvers().includes(by))
        throw new TallystickError("forbidden", `${by} is none of the administrators who approve here.`, {
          hint: "While there are administrators with logins of their own, they approve, and no token or key does.",
        });
      await this.#changes.record(decidedFields(by, approval, decision));
      return this.approval(id)!;
    });
  }

  finish(id: string, state: "done" | "failed", outcome: string): Promise<Approval> {
    return this.#changes.inTurn(async () => {
      const approval = this.#found(id);
      if (approval.state !== "approved")
        throw new TallystickError("not_pending", `The proposal is ${approval.state}, so it cannot end.`);
      await this.#changes.record(finishedFields(approval, state, outcome.slice(0, MAX_APPROVAL_TEXT_LENGTH)));
      return this.approval(id)!;
    });
  }

  approval(id: string): Approval | null {
    const approval = this.#approvals.get(id);
    return approval === undefined ? null : asOf(approval, this.#changes.nowUs());
  }

  approvals(): readonly Approval[] {
    const nowUs = this.#changes.nowUs();
    return [...this.#approvals.values()].map((approval) => asOf(approval, nowUs));
  }

  approvers(): readonly string[] {
    return this.#administrators();
  }

  #needsSecond(action: ApprovableAction): boolean {
    const { mode, actions } = this.#rules;
    if (mode === "never" || !actions.includes(action)) return false;
    return mode === "always" || this.#administrators().length > 1;
  }

  #found(id: string): Approval {
    const approval = this.approval(id);
    if (approval !== null) return approval;
    throw new TallystickError("not_found", "There is no proposal with this id.", {
      hint: "`tallystick approvals` lists them.",
    });
  }
}

/** What a record of the control log does to the approvals. */
export function applyApproval(approvals: Map<string, Approval>, record: AuditRecord): void {
  const change = approvalChangeOf(record);
  if (change === null) return;
  if (change.kind === "proposed") approvals.set(change.approval.id, change.approval);
  const approval = approvals.get(change.kind === "proposed" ? "" : change.id);
  if (change.kind === "decided" && approval?.state === "pending")
    approvals.set(change.id, { ...approval, state: change.decision, decidedBy: change.by, decidedAt: change.at });
  if (change.kind === "finished" && approval?.state === "approved")
    approvals.set(change.id, { ...approval, state: change.state, outcome: change.outcome });
  forgetOldest(approvals);
}

function forgetOldest(approvals: Map<string, Approval>): void {
  if (approvals.size <= MAX_PENDING_APPROVALS + MAX_PAST_APPROVALS) return;
  const isOver = ({ state }: Approval) => state !== "pending" && state !== "approved";
  const oldest = [...approvals.values()].find(isOver) ?? approvals.values().next().value;
  if (oldest !== undefined) approvals.delete(oldest.id);
}

function asOf(approval: Approval, nowUs: number): Approval {
  const isVoid = approval.state === "pending" && nowUs - timestampUs(approval.proposedAt) >= APPROVAL_LIFETIME_US;
  return isVoid ? { ...approval, state: "expired" } : approval;
}

function assertProposal({ target, reason, details }: Proposal): void {
  const refuse = (message: string) => new TallystickError("bad_request", message);
  if (reason.trim() === "") throw refuse("A reason is needed: it is what the second person and the auditor read.");
  if (target.length > MAX_APPROVAL_TEXT_LENGTH || reason.length > MAX_APPROVAL_TEXT_LENGTH)
    throw refuse(`What it is done to and the reason have at most ${MAX_APPROVAL_TEXT_LENGTH} characters each.`);
  if (JSON.stringify(details).length > MAX_APPROVAL_DETAILS_LENGTH)
    throw refuse(`The details have at most ${MAX_APPROVAL_DETAILS_LENGTH} characters.`);
}
