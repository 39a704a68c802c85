/** What became of a finding: somebody's task, from when it fires to when it is over. */
import type { Finding } from "../detect/finding.ts";

/** firing: nobody has taken it on. acknowledged: somebody has. resolved: it is over. */
export type AlertState = "firing" | "acknowledged" | "resolved";

/** `condition`: what was found ended. `expired`: it was not seen again for long. `person`: somebody said so. */
export type ResolvedBy = "condition" | "expired" | "person";

export interface Alert {
  /** Of fingerprint and beginning, so that the same finding again is the same alert. */
  readonly id: string;
  /** Of rule and labels: 16 hex digits. */
  readonly fingerprint: string;
  readonly state: AlertState;
  /** The newest; its `startsAtUs` is the first one's. */
  readonly finding: Finding;
  /** Microseconds since 1970 by the server's clock, as are all times here. */
  readonly raisedAtUs: number;
  readonly acknowledgedAtUs: number | null;
  readonly acknowledgedBy: string | null;
  readonly assignee: string | null;
  readonly resolvedAtUs: number | null;
  readonly resolvedBy: ResolvedBy | null;
  /** A silence's or another alert's id, while that keeps it from notifying anybody. */
  readonly suppressedBy: string | null;
  /** Oldest first; at most MAX_STEPS. */
  readonly steps: readonly Step[];
}

export const STEP_KINDS = [
  "fired",
  "seen again",
  "acknowledged",
  "assigned",
  "commented",
  "resolved",
  "reopened",
  "suppressed",
  "unsuppressed",
] as const;
export type StepKind = (typeof STEP_KINDS)[number];

/** One transition, as its record says it. */
export interface Step {
  readonly kind: StepKind;
  readonly atUs: number;
  /** `tallystick` where no person did it. */
  readonly by: string;
  /** A comment, or who it was given to. */
  readonly text: string;
}
