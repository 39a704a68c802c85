/** Carries out what was approved: at once, after a second person's word, or at the next start after a crash. */
import { isTallystickError } from "../errors.ts";
import type { ApprovableAction, Approval, Approvals } from "./approval.ts";

/** Does what the approval's details say, again and again with the same end; one sentence of what was done. */
export type Performer = (approval: Approval) => Promise<string>;

export class Performers {
  readonly #approvals: Approvals;
  readonly #performers = new Map<ApprovableAction, Performer>();
  /** One at a time: what two approvals are about may be the same. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(approvals: Approvals) {
    this.#approvals = approvals;
  }

  on(action: ApprovableAction, performer: Performer): void {
    this.#performers.set(action, performer);
  }

  /** The approval as it ended; as it is, when it is not approved or nobody here knows how. */
  carryOut(approval: Approval): Promise<Approval> {
    const turn = this.#last.then(() => this.#carryOut(approval.id));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** What was approved before the process ended. */
  async resume(): Promise<void> {
    for (const approval of this.#approvals.approvals()) await this.carryOut(approval);
  }

  async #carryOut(id: string): Promise<Approval> {
    const approval = this.#approvals.approval(id)!;
    const performer = this.#performers.get(approval.action);
    if (approval.state !== "approved" || performer === undefined) return approval;
    try {
      return await this.#approvals.finish(id, "done", await performer(approval));
    } catch (error) {
      // What may pass by itself is tried again at the next start.
      if (isTallystickError(error) && error.retryAfterS !== undefined) throw error;
      const why = isTallystickError(error) ? error.message : "an error of Tallystick's own";
      await this.#approvals.finish(id, "failed", why);
      throw error;
    }
  }
}
