/** A proposal to do what a second person must agree to, and what became of it. */
/** What can need a second person; each is also the word in `control.approvals_for`. */
export const APPROVABLE_ACTIONS = ["erase", "release_hold", "shorten_retention", "respond"] as const;
export type ApprovableAction = (typeof APPROVABLE_ACTIONS)[number];

export interface Proposal {
  readonly action: ApprovableAction;
  /** What it is done to, for the eye of the second person: `subject user-17`, `hold litigation-4`. */
  readonly target: string;
  readonly reason: string;
  /** All that is needed to carry it out later, in the proposer's own form. No secrets: it stands in the log. */
  readonly details: Readonly<Record<string, string>>;
  /** A second person must agree whatever is configured. */
  readonly needsSecond?: boolean;
}

/**
 * pending: waits for a second person. approved: to be carried out. done, failed: it was. rejected: a second person
 * said no. expired: nobody said anything in time.
 */
export type ApprovalState = "pending" | "approved" | "done" | "failed" | "rejected" | "expired";

export interface Approval extends Proposal {
  readonly id: string;
  readonly state: ApprovalState;
  readonly proposedBy: string;
  readonly proposedAt: string;
  /** Null while it is pending, and when no second person was needed. */
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
  /** How it ended; null until then. */
  readonly outcome: string | null;
}

export interface Approvals {
  /** `approved` at once when the action needs no second person. */
  propose(by: string, proposal: Proposal): Promise<Approval>;
  /** TallystickError `not_found`, `forbidden` for one's own proposal, `not_pending`. */
  decide(by: string, id: string, decision: "approved" | "rejected"): Promise<Approval>;
  /** An approved action was carried out, or could not be. */
  finish(id: string, state: "done" | "failed", outcome: string): Promise<Approval>;
  approval(id: string): Approval | null;
  /** In the order in which they were proposed. */
  approvals(): readonly Approval[];
  /** Names of those who may approve at the moment. */
  approvers(): readonly string[];
}

export interface ApprovalRules {
  /** auto: when there is more than one administrator. */
  readonly mode: "auto" | "always" | "never";
  readonly actions: readonly ApprovableAction[];
}
