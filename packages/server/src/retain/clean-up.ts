/**
 * The clean-up: looks from time to time which trees are due, deletes them one after another, and takes out of the index
 * what it is to hold no longer.
 *
 * Guarantees: a tree goes only by `keep` of its log, never because of space; never while a hold keeps it or while it
 * could not be found out whether one does; of the logs that state is folded from (control, alerts) never before a newer
 * tree holds a snapshot of all that it says and that counts. A failure ends the pass and is told; the next one begins
 * anew.
 * Invariant: at most one pass runs at a time.
 */
import type { AuditRecord } from "@tallystick/record";
import { isTallystickError } from "../errors.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import { scanDeleted } from "./deleted-folder.ts";
import { deleteTree, finishRemoval } from "./delete-tree.ts";
import type { DeletionParts } from "./delete-tree.ts";
import { epochEndedRecord } from "./deletion-record.ts";
import { FIRST_PASS_MS } from "./limits.ts";
import { periodText } from "./period.ts";
import type { IndexKeep } from "./index-keep.ts";
import { fateOf } from "./plan.ts";
import type { Fate, TreeFacts, TreeHold } from "./plan.ts";
import type { Retention } from "./retention.ts";
import type { FactReader } from "./tree-facts.ts";

export interface CleanUpParts extends Omit<DeletionParts, "pace"> {
  readonly facts: FactReader;
  readonly indexKeep: IndexKeep;
  readonly retentionOf: (log: string) => Retention;
  /** Brings what is in force of these logs up to what is configured, as far as it may. */
  readonly refreshRetention: (logs: readonly string[]) => Promise<void>;
  readonly policyOf: (log: string) => EpochPolicy;
  /** Holds that keep the tree, and how many records each is for; asked only for what is due. */
  readonly holdsOn: (tree: string) => Promise<readonly TreeHold[]>;
  /** Makes sure that a newer tree holds all that this one of `log` says and that still counts; false: not yet. */
  readonly hasSnapshot: (olderThan: string, log: string) => Promise<boolean>;
  readonly intervalMs: number;
  /** Bytes a second that may be removed; intake has the disk before us. */
  readonly bytesPerSecond: number;
  readonly onDeleted: (deleted: { readonly tree: string; readonly files: number; readonly bytes: number }) => void;
  readonly onTrouble: (message: string) => void;
}

/** One line of the dry run. */
export interface Planned {
  readonly facts: TreeFacts;
  readonly retention: Retention;
  readonly fate: Fate;
  readonly isIndexed: boolean;
}

class Stopped extends Error {}

export class CleanUp {
  readonly #parts: CleanUpParts;
  #pass: Promise<void> | null = null;
  #cancelTimer: () => void = () => {};
  #stop: (error: Stopped) => void = () => {};
  readonly #stopped = new Promise<never>((_, reject) => {
    this.#stop = reject;
  });
  #closed = false;

  constructor(parts: CleanUpParts) {
    this.#parts = parts;
    this.#stopped.catch(() => undefined);
    this.#schedule(FIRST_PASS_MS);
  }

  /** What a pass would do now; changes nothing. */
  async plan(): Promise<readonly Planned[]> {
    const { clock, ledger, retentionOf, policyOf, indexKeep } = this.#parts;
    const nowUs = clock.nowUs();
    const planned: Planned[] = [];
    for (const facts of await this.#parts.facts.facts(ledger)) {
      const retention = retentionOf(facts.log);
      const fate = await this.#withHolds(facts, fateOf(facts, retention, policyOf(facts.log), nowUs));
      planned.push({ facts, retention, fate, isIndexed: indexKeep.holds(facts.tree) });
    }
    return planned;
  }

  /** Now, or after the pass that runs. */
  async run(): Promise<void> {
    while (this.#pass !== null) await this.#pass;
    if (this.#closed) return;
    this.#cancelTimer();
    this.#pass = this.#guarded();
    await this.#pass;
  }

  /** Stops between two files: what is left of a deletion is done at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#stop(new Stopped());
    await this.#pass;
  }

  #schedule(delayMs: number): void {
    if (!this.#closed) this.#cancelTimer = this.#parts.clock.after(delayMs, () => void this.run());
  }

  async #guarded(): Promise<void> {
    try {
      await this.#onePass();
    } catch (error) {
      if (!(error instanceof Stopped)) this.#parts.onTrouble(messageOf(error));
    } finally {
      this.#pass = null;
      this.#schedule(this.#parts.intervalMs);
    }
  }

  async #onePass(): Promise<void> {
    await this.#parts.refreshRetention([...new Set(this.#parts.journal.trees().map(({ log }) => log))]);
    await this.#finishBegun();
    await this.#endQuietEpochs();
    if (await this.#parts.indexKeep.refresh()) void this.#parts.prune();
    const planned = await this.plan();
    for (const { facts, retention, fate } of planned) {
      if (fate.kind !== "due") continue;
      this.#throwIfClosed();
      const reason = { text: `retention: keep ${periodText(retention.keep)}`, dueUs: fate.dueUs };
      const removed = await deleteTree(this.#deletion(), facts, reason);
      this.#parts.onDeleted({ tree: facts.tree, ...removed });
    }
  }

  async #finishBegun(): Promise<void> {
    const { disk, deletedFolder } = this.#parts;
    for (const { tree, isBeingRemoved } of (await scanDeleted(disk, deletedFolder)).deleted) {
      if (!isBeingRemoved) continue;
      const removed = await finishRemoval(this.#deletion(), tree);
      this.#parts.onDeleted({ tree, ...removed });
    }
  }

  /** A tree closes when a record opens the next one. Where none comes we write it, once its time is over. */
  async #endQuietEpochs(): Promise<void> {
    const { clock, journal, ledger, retentionOf, policyOf } = this.#parts;
    const nowUs = clock.nowUs();
    for (const facts of await this.#parts.facts.facts(ledger)) {
      const fate = fateOf(facts, retentionOf(facts.log), policyOf(facts.log), nowUs);
      if (fate.kind !== "open" || fate.dueUs === null || fate.dueUs > nowUs) continue;
      await append(journal, facts.log, epochEndedRecord(facts.tree, nowUs));
    }
  }

  async #withHolds(facts: TreeFacts, fate: Fate): Promise<Fate> {
    if (fate.kind !== "due") return fate;
    const { dueUs } = fate;
    const holds = await this.#parts.holdsOn(facts.tree);
    if (holds.some(({ records }) => records === null))
      return { kind: "waiting", dueUs, why: "it cannot be found out now whether a hold keeps it" };
    if (holds.length > 0) return { kind: "held", dueUs, holds };
    if (!(await this.#parts.hasSnapshot(facts.tree, facts.log)))
      return { kind: "waiting", dueUs, why: "no newer tree of its log holds a snapshot yet" };
    return fate;
  }

  #deletion(): DeletionParts {
    const prune = (): Promise<void> => Promise.race([this.#parts.prune(), this.#stopped]);
    return { ...this.#parts, prune, pace: (bytes) => this.#pace(bytes) };
  }

  /** Before each removal as long as its bytes take. */
  async #pace(bytes: number): Promise<void> {
    this.#throwIfClosed();
    const { clock, bytesPerSecond } = this.#parts;
    const waitMs = Math.floor((bytes / bytesPerSecond) * 1_000);
    if (waitMs === 0) return;
    let cancel = (): void => {};
    const waited = new Promise<void>((resolve) => {
      cancel = clock.after(waitMs, resolve);
    });
    await Promise.race([waited, this.#stopped]).finally(() => cancel());
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new Stopped();
  }
}

async function append(journal: CleanUpParts["journal"], log: string, record: AuditRecord): Promise<void> {
  const outcome = await journal.appendOwn(log, [record]);
  if (outcome.kind === "pushback") throw new Error(`${record.operation}: the record could not be written now`);
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const hint = isTallystickError(error) ? error.hint : undefined;
  return hint === undefined ? message : `${message} (${hint})`;
}
