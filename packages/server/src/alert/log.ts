/**
 * The `alerts` log and what its records say: alerts, silences, notifications and responses, as one fold.
 *
 * Guarantees: a change is durable before it takes effect; changes run one after another; start-up and normal work apply
 * records by the same function. When a new tree of the log begins, it is told once more what is still going on, so that
 * an older tree may go (as docs/formats/control-snapshot.md).
 */
import type { AuditRecord } from "@tallystick/record";

import { Changes } from "../control/changes.ts";
import type { ControlParts } from "../control/changes.ts";
import { ALERTS_LOG } from "../control/own-logs.ts";
import type { OwnFields } from "../control/own-record.ts";
import { foldOwnLog } from "../control/read-own-log.ts";
import { snapshotFields, SnapshotReader } from "../control/snapshot.ts";
import { isLaterTree } from "../journal/epochs.ts";
import { MAX_STEPS } from "./limits.ts";

/** Not a response or a silence: what people decided holds on. */
const FORGETTABLE = /^(alert|notification)\//;
const REPEATING = "alert seen again";

/** What is folded from the log: one kind of thing. */
export interface Slice {
  take(record: AuditRecord): void;
  /** Whether the thing `resource` is about goes on, or is still needed to know what to do next. */
  goesOn(resource: string): boolean;
  /** As if it had never been. */
  forget(resource: string): void;
}

export class AlertLog {
  readonly parts: ControlParts;
  readonly #changes: Changes;
  readonly #slices: readonly Slice[];
  readonly #snapshots = new SnapshotReader();
  readonly #listeners = new Set<() => void>();
  /** Resource to the records that tell of it, while it goes on. */
  readonly #live = new Map<string, AuditRecord[]>();
  #tree: string | null = null;
  #snapshotTree: string | null = null;

  constructor(parts: ControlParts, slices: readonly Slice[]) {
    this.parts = parts;
    this.#changes = new Changes(parts, ALERTS_LOG, (record, tree) => this.#take(record, tree));
    this.#slices = slices;
  }

  /** Reads the log from its beginning. */
  async recover(): Promise<void> {
    await foldOwnLog(this.parts.journal, ALERTS_LOG, (record, tree) => this.#take(record, tree));
  }

  nowUs(): number {
    return this.#changes.nowUs();
  }

  newId(prefix: string): string {
    return this.#changes.newId(prefix);
  }

  own(fields: OwnFields): AuditRecord {
    return this.#changes.own(fields);
  }

  inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    return this.#changes.inTurn(change);
  }

  /** Durable and in effect when it returns, all or none. TallystickError `journal_unavailable`: nothing was changed. */
  async record(records: readonly AuditRecord[]): Promise<void> {
    if (records.length === 0) return;
    const before = this.#tree;
    const tree = await this.#changes.recordOwn(records);
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
      if (this.#snapshotTree !== null && isLaterTree(this.#snapshotTree, tree)) return this.#snapshotTree;
      return this.#writeSnapshot();
    });
  }

  /** Whether the thing goes on, so that what is said of it is needed. */
  goesOn(resource: string): boolean {
    return this.#isGoingOn(resource);
  }

  /**
   * Forgets alerts and notifications whose records are about to be erased: those of these resources, and those of which
   * a record says it. With `renew` a new snapshot is durable when it returns that holds none of them.
   */
  forget(resources: ReadonlySet<string>, isSaidIn: (text: string) => boolean, renew: boolean): Promise<void> {
    return this.inTurn(async () => {
      const said = (record: AuditRecord) => isSaidIn(Object.values(record.attributes ?? {}).join("\n"));
      const live = [...this.#live].filter(([name, told]) => FORGETTABLE.test(name) && told.some(said));
      for (const resource of new Set([...resources, ...live.map(([name]) => name)])) {
        for (const slice of this.#slices) slice.forget(resource);
        this.#live.delete(resource);
      }
      if (renew) await this.#writeSnapshot();
    });
  }

  /** Reads again what the log still says of these. */
  recall(resources: ReadonlySet<string>): Promise<void> {
    return this.inTurn(() =>
      foldOwnLog(this.parts.journal, ALERTS_LOG, (record) => {
        if (resources.has(record.resource ?? "")) this.#apply(record);
      }),
    );
  }

  async #writeSnapshot(): Promise<string> {
    const fields = snapshotFields(this.newId("snapshot"), this.#goingOn());
    const into = await this.#changes.append(fields.map((one) => this.own(one)));
    this.#snapshotTree = into;
    return into;
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
