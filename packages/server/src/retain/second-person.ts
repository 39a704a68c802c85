/**
 * Retention's actions that a second person may have to agree to: the release of a hold, and a shorter `keep`. What is
 * agreed to is carried out at once, and what a stop left over by the next pass.
 */
import type { Approval } from "../control/approval.ts";
import type { Control } from "../control/control.ts";
import type { Hold } from "../control/hold.ts";
import type { Clock } from "../clock.ts";
import { isTallystickError } from "../errors.ts";
import { APPROVED_WATCH_MS } from "./limits.ts";
import { mayExceed, parsePeriod, periodText } from "./period.ts";
import type { Period } from "./period.ts";
import type { Retention } from "./retention.ts";

const CONFIGURATION = "configuration";
/** What is in force of a log that nothing was ever recorded of. */
export const KEEP_BY_DEFAULT: Period = { count: 13, unit: "months" };

/** The proposal, approved and carried out when no second person is needed. Null when there is no such hold in force. */
export async function proposeRelease(
  control: Control,
  by: string,
  id: string,
  reason: string,
): Promise<Approval | null> {
  const hold = control.holds.find(id);
  if (hold === null || hold.releasedAt !== null) return null;
  const details = { hold_id: id };
  const proposal = { action: "release_hold", target: `hold ${hold.name}`, reason, details } as const;
  const approval = await control.approvals.propose(by, proposal);
  await carryOut(control);
  return control.approvals.approval(approval.id);
}

/** Looks every now and then for what was approved; the returned function ends it. */
export function watchApproved(control: Control, clock: Clock, onTrouble: (message: string) => void): () => void {
  let cancel = (): void => {};
  const look = (): void => {
    cancel = clock.after(APPROVED_WATCH_MS, () => {
      carryOut(control)
        .catch((error: unknown) => onTrouble(error instanceof Error ? error.message : String(error)))
        .finally(look);
    });
  };
  look();
  return () => cancel();
}

/** Does what was approved and is not done yet. */
export async function carryOut(control: Control): Promise<void> {
  for (const approval of control.approvals.approvals()) {
    if (approval.state !== "approved") continue;
    try {
      if (approval.action === "release_hold") await release(control, approval);
      if (approval.action === "shorten_retention") await shorten(control, approval);
    } catch (error) {
      // Whoever looked at the same moment was first: it is done.
      if (!isTallystickError(error, "not_pending")) throw error;
    }
  }
}

async function release(control: Control, { id, proposedBy, details }: Approval): Promise<void> {
  const hold: Hold | null = await control.holds.release(proposedBy, details["hold_id"] ?? "");
  if (hold === null) await control.approvals.finish(id, "failed", "There is no such hold.");
  else await control.approvals.finish(id, "done", `${hold.name} is released.`);
}

async function shorten(control: Control, { id, proposedBy, details }: Approval): Promise<void> {
  const { log = "", keep = "" } = details;
  if (parsePeriod(keep) === null) return void (await control.approvals.finish(id, "failed", "It is no period."));
  await control.kept.setKeep(proposedBy, log, keep);
  await control.approvals.finish(id, "done", `${log} keeps its records for ${keep}.`);
}

/**
 * The retention in force: what is configured, but for a shorter `keep` that nobody agreed to yet. Until somebody does,
 * the longer one holds.
 */
export class RetentionInForce {
  readonly #control: Control;
  readonly #configured: (log: string) => Retention;
  readonly #isFresh: boolean;

  /** `isFresh`: nothing was ever kept here otherwise, so that what is configured is no change. */
  constructor(control: Control, configured: (log: string) => Retention, isFresh = false) {
    this.#control = control;
    this.#configured = configured;
    this.#isFresh = isFresh;
  }

  of(log: string): Retention {
    const configured = this.#configured(log);
    const recorded = this.#recorded(log);
    if (!mayExceed(recorded, configured.keep)) return configured;
    return { ...configured, keep: recorded, askedKeep: configured.keep };
  }

  /** Records what is configured of these logs where it is longer, proposes it where it is shorter. */
  async refresh(logs: readonly string[]): Promise<void> {
    await carryOut(this.#control);
    for (const log of logs) await this.#refresh(log);
  }

  async #refresh(log: string): Promise<void> {
    const keep = this.#configured(log).keep;
    const recorded = this.#recorded(log);
    const text = periodText(keep);
    if (text === periodText(recorded)) return;
    const isFirst = this.#isFresh && this.#control.kept.keep(log) === null;
    if (isFirst) return this.#control.kept.setKeep(CONFIGURATION, log, text, true);
    if (!mayExceed(recorded, keep)) return this.#control.kept.setKeep(CONFIGURATION, log, text);
    if (this.#isProposed(log, text)) return;
    await this.#control.approvals.propose(CONFIGURATION, {
      action: "shorten_retention",
      target: `log ${log}: ${periodText(recorded)} → ${text}`,
      reason: "The configuration says so.",
      details: { log, keep: text },
    });
    await carryOut(this.#control);
  }

  /** Also when somebody said no: then it is asked again only after the configuration has changed. */
  #isProposed(log: string, keep: string): boolean {
    const last = this.#control.approvals
      .approvals()
      .findLast(({ action, details }) => action === "shorten_retention" && details["log"] === log);
    return (
      last !== undefined && last.details["keep"] === keep && ["pending", "approved", "rejected"].includes(last.state)
    );
  }

  #recorded(log: string): Period {
    return parsePeriod(this.#control.kept.keep(log) ?? "") ?? KEEP_BY_DEFAULT;
  }
}
