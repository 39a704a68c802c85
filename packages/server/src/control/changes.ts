import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { ownRecord, waitsForKms } from "./own-record.ts";
import type { OwnFields } from "./own-record.ts";
import type { Random } from "./secret.ts";

export interface ControlParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
}

/** How the state that a log of our own holds is changed: one after another, each durable before it takes effect. */
export class Changes {
  readonly #parts: ControlParts;
  readonly #log: string;
  readonly #apply: (record: AuditRecord, tree: string) => void;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ControlParts, log: string, apply: (record: AuditRecord, tree: string) => void) {
    this.#parts = parts;
    this.#log = log;
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

  own(fields: OwnFields): AuditRecord {
    return ownRecord(this.#parts.clock, this.#parts.random, fields);
  }

  record(...fields: readonly OwnFields[]): Promise<string> {
    return this.recordOwn(fields.map((one) => this.own(one)));
  }

  /**
   * Durable and in effect when it returns, all or none; the tree that they are in. TallystickError
   * `journal_unavailable`: nothing was changed.
   */
  async recordOwn(records: readonly AuditRecord[]): Promise<string> {
    const tree = await this.append(records);
    for (const record of records) this.#apply(record, tree);
    return tree;
  }

  /** The same for what changes nothing. */
  async append(records: readonly AuditRecord[]): Promise<string> {
    const outcome = await this.#parts.journal.appendOwn(this.#log, records);
    if (outcome.kind === "stored") return outcome.tree;
    const { reason, retryAfterS } = outcome;
    const otherwise = "The change could not be recorded, so it was not made.";
    if (reason === "locked") throw waitsForKms(otherwise, retryAfterS);
    throw new TallystickError("journal_unavailable", otherwise, {
      hint: "Try again; see the server's log when it stays.",
      retryAfterS,
    });
  }
}
