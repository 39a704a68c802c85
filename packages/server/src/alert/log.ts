/**
 * The `alerts` log and what its records say: alerts, silences, notifications and responses, as one fold.
 *
 * Guarantees: a change is durable before it takes effect; changes run one after another; start-up and normal work apply
 * records by the same function. When a new tree of the log begins, it is told once more what is still going on, so that
 * an older tree may go (as docs/formats/control-snapshot.md).
 */
import type { AuditRecord } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import { ALERTS_LOG } from "../control/own-logs.ts";
import { ownRecord } from "../control/own-record.ts";
import type { OwnFields } from "../control/own-record.ts";
import type { Random } from "../control/secret.ts";
import { snapshotFields, SnapshotReader } from "../control/snapshot.ts";
import { TallystickError } from "../errors.ts";
import { compareEpochs } from "../journal/epochs.ts";
import type { Journal } from "../journal/journal.ts";
import { MAX_STEPS } from "./limits.ts";
import { foldOwnLog } from "./read-log.ts";

const REPEATING = "alert seen again";

export interface AlertParts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is folded from the log: one kind of thing. */
export interface Slice {
  take(record: AuditRecord): void;
  /** Whether the thing `resource` is about goes on, or is still needed to know what to do next. */
  goesOn(resource: string): boolean;
}

export class AlertLog {
  readonly parts: AlertParts;
  readonly #slices: readonly Slice[];
  readonly #snapshots = new SnapshotReader();
  readonly #listeners = new Set<() => void>();
  /** Resource to the records that tell of it, while it goes on. */
  readonly #live = new Map<string, AuditRecord[]>();
  #tree: string | null = null;
  #snapshotTree: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: AlertParts, slices: readonly Slice[]) {
    this.parts = parts;
    this.#slices = slices;
  }

  /** Reads the log from its beginning. */
  async recover(): Promise<void> {
    await foldOwnLog(this.parts.journal, ALERTS_LOG, (record, tree) => this.#take(record, tree));
  }

  nowUs(): number {
    return this.parts.clock.nowUs();
  }

  /** `prefix_` and 80 random bits. */
  newId(prefix: string): string {
    return `${prefix}_${Buffer.from(this.parts.random(10)).toString("hex")}`;
  }

  own(fields: OwnFields): AuditRecord {
    return ownRecord(this.parts.clock, this.parts.random, fields);
  }

  /** Runs when every change before it is through, so that what it looked at still holds when it records. */
  inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(change);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Durable and in effect when it returns, all or none. TallystickError `journal_unavailable`: nothing was changed. */
  async record(records: readonly AuditRecord[]): Promise<void> {
    if (records.length === 0) return;
    const before = this.#tree;
    const tree = await this.#append(records);
    for (const record of records) this.#take(record, tree);
    for (const listener of this.#listeners) listener();
    // A new tree has begun. Where the snapshot fails now, retention asks for it again.
    if (before !== null && before !== tree) void this.snapshotAfter(before).catch(() => undefined);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The newest tree that begins with all that goes on; made now when there is none newer than `tree`. */
  snapshotAfter(tree: string): Promise<string> {
    return this.inTurn(async () => {
      if (this.#snapshotTree !== null && isNewer(this.#snapshotTree, tree)) return this.#snapshotTree;
      const records = this.#goingOn();
      const fields = snapshotFields(this.newId("snapshot"), records);
      const into = await this.#append(fields.map((one) => this.own(one)));
      this.#snapshotTree = into;
      return into;
    });
  }

  async #append(records: readonly AuditRecord[]): Promise<string> {
    const outcome = await this.parts.journal.appendOwn(ALERTS_LOG, records);
    if (outcome.kind === "stored") return outcome.tree;
    throw new TallystickError("journal_unavailable", "It could not be recorded, so it was not done.", {
      hint: "Try again; see the server's log when it stays.",
      retryAfterS: outcome.retryAfterS,
    });
  }

  #take(record: AuditRecord, tree: string): void {
    this.#tree = tree;
    const snapshot = this.#snapshots.take(record);
    if (snapshot === null) return this.#apply(record);
    this.#snapshotTree = tree;
    // What the trees before told is known already.
    const known = new Set(this.#live.keys());
    for (const one of snapshot) if (!known.has(one.resource ?? "")) this.#apply(one);
  }

  #apply(record: AuditRecord): void {
    for (const slice of this.#slices) slice.take(record);
    const { resource } = record;
    if (resource === undefined) return;
    const told = this.#live.get(resource) ?? [];
    if (!this.#isGoingOn(resource)) this.#live.delete(resource);
    else this.#live.set(resource, withRecord(told, record));
  }

  #isGoingOn(resource: string): boolean {
    return this.#slices.some((slice) => slice.goesOn(resource));
  }

  /** What ended by time alone is let go here. */
  #goingOn(): readonly AuditRecord[] {
    for (const resource of this.#live.keys()) if (!this.#isGoingOn(resource)) this.#live.delete(resource);
    return [...this.#live.values()].flat();
  }
}

/** The newest of those that only repeat themselves; the first and the last of many. */
function withRecord(told: readonly AuditRecord[], record: AuditRecord): AuditRecord[] {
  const others = record.operation === REPEATING ? told.filter(({ operation }) => operation !== REPEATING) : told;
  return others.length < MAX_STEPS ? [...others, record] : [others[0]!, ...others.slice(2), record];
}

function isNewer(tree: string, other: string): boolean {
  const epochOf = (name: string): string => name.slice(name.indexOf("/") + 1);
  return compareEpochs(epochOf(tree), epochOf(other)) > 0;
}
