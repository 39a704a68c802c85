import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { CONTROL_LOG } from "./own-logs.ts";
import { ownRecord } from "./own-record.ts";
import type { OwnFields } from "./own-record.ts";
import type { Random } from "./secret.ts";

export interface ControlParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
}

/** How control state is changed: one after another, each a durable record before it takes effect. */
export class Changes {
  readonly #parts: ControlParts;
  readonly #apply: (record: AuditRecord, tree: string) => void;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ControlParts, apply: (record: AuditRecord, tree: string) => void) {
    this.#parts = parts;
    this.#apply = apply;
  }

  nowUs(): number {
    return this.#parts.clock.nowUs();
  }

  /** `prefix_` and 80 random bits. */
  newId(prefix: string): string {
    return `${prefix}_${Buffer.from(this.#parts.random(10)).toString("hex")}`;
  }

  /** Runs when every change before it is through, so that what it looked at still holds when it records. */
  inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Durable and in effect when it returns, all or none; the tree that they are in. TallystickError `journal_unavailable`: nothing was changed. */
  async record(...fields: readonly OwnFields[]): Promise<string> {
    const records = fields.map((one) => ownRecord(this.#parts.clock, this.#parts.random, one));
    const outcome = await this.#parts.journal.appendOwn(CONTROL_LOG, records);
    if (outcome.kind === "pushback") {
      throw new TallystickError("journal_unavailable", "The change could not be recorded, so it was not made.", {
        hint: "Try again; see the server's log when it stays.",
        retryAfterS: outcome.retryAfterS,
      });
    }
    for (const record of records) this.#apply(record, outcome.tree);
    return outcome.tree;
  }
}
