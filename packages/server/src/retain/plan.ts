/**
 * What retention makes of every tree, decided from facts alone: the same for the dry run and for the clean-up. A full
 * disk is not among the facts, since nothing is ever deleted because of one.
 */
import type { TreePosition } from "../journal/journal.ts";
import { epochEndUs, epochStartUs } from "../journal/epochs.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import { afterPeriodUs } from "./period.ts";
import type { Retention } from "./retention.ts";

/** Microseconds since the Unix epoch throughout. */
export interface TreeFacts extends TreePosition {
  readonly firstReceivedUs: number;
  readonly lastReceivedUs: number;
  /** Bytes of its segments. */
  readonly bytes: number;
  /** Whether a newer tree holds the link to its final checkpoint, under a published checkpoint of its own. */
  readonly isLinked: boolean;
}

/** What a hold says of one tree; `records` is null when it could not be found out. */
export interface TreeHold {
  readonly id: string;
  readonly name: string;
  readonly records: number | null;
}

export type Fate =
  /** Takes records; would be due then if it ended by its name. */
  | { readonly kind: "open"; readonly dueUs: number | null }
  | { readonly kind: "kept"; readonly dueUs: number }
  /** Due, and a hold keeps it. */
  | { readonly kind: "held"; readonly dueUs: number; readonly holds: readonly TreeHold[] }
  /** Due, and what must stay of it is not ready yet. */
  | { readonly kind: "waiting"; readonly dueUs: number; readonly why: string }
  | { readonly kind: "due"; readonly dueUs: number };

/**
 * When the epoch is over: by its name, or when its last record came if that was later (after the epochs' length was
 * changed). Null while nobody can say.
 */
export function endUsOf(
  facts: Pick<TreeFacts, "epoch" | "closed" | "lastReceivedUs">,
  policy: EpochPolicy,
): number | null {
  const byName = epochEndUs(facts.epoch) ?? durationEndUs(facts.epoch, policy);
  if (byName === null) return facts.closed ? facts.lastReceivedUs : null;
  return Math.max(byName, facts.lastReceivedUs);
}

/** The name does not say how long it was; what is configured now does, for the tree that is open now. */
function durationEndUs(epoch: string, policy: EpochPolicy): number | null {
  if (policy.kind !== "duration") return null;
  return (epochStartUs(epoch) ?? 0) + policy.seconds * 1_000_000;
}

/** Everything but holds: they are asked only for what is due. */
export function fateOf(facts: TreeFacts, retention: Retention, policy: EpochPolicy, nowUs: number): Fate {
  const endUs = endUsOf(facts, policy);
  const dueUs = endUs === null ? null : afterPeriodUs(endUs, retention.keep);
  if (!facts.closed) return { kind: "open", dueUs };
  const closedDueUs = dueUs ?? afterPeriodUs(facts.lastReceivedUs, retention.keep);
  if (closedDueUs > nowUs) return { kind: "kept", dueUs: closedDueUs };
  if (facts.isLinked) return { kind: "due", dueUs: closedDueUs };
  return { kind: "waiting", dueUs: closedDueUs, why: "its final checkpoint does not stand in a newer tree yet" };
}

/** Whether the index is still to hold the tree. */
export function isIndexKept(
  facts: Pick<TreeFacts, "epoch" | "closed" | "lastReceivedUs">,
  { indexKeep }: Retention,
  policy: EpochPolicy,
  nowUs: number,
): boolean {
  if (indexKeep === null || !facts.closed) return true;
  const endUs = endUsOf(facts, policy) ?? facts.lastReceivedUs;
  return afterPeriodUs(endUs, indexKeep) > nowUs;
}
