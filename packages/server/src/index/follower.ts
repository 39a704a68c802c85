/**
 * Follows the journal into the `records` table. Guarantees, whatever is killed and whenever:
 * - every journaled leaf becomes exactly one row, in the end; from the comparison at each start of either process on
 *   (content with the journal, healed from the first fault), the rows of a tree are at every moment a prefix of it;
 * - a range is announced (`onIndexed`) only after its rows are there to be read;
 * - memory is bounded: one block is being inserted and one prepared.
 * Left out on purpose: a position of its own on disk. The table itself is the position.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import { TallystickError } from "../errors.ts";
import type { Journal, TreePosition } from "../journal/journal.ts";
import { prepareBlocks } from "./block.ts";
import type { EncodedBlock } from "./encode-task.ts";
import type { Home } from "./home.ts";
import type { IndexFollower, IndexPosition } from "./index-seam.ts";
import { Pauses } from "./pauses.ts";
import { SaidOnce } from "./said-once.ts";
import {
  BUSY_INSERT_GAP_MS,
  BUSY_ROWS,
  FULL_ROWS,
  INSERT_GAP_MS,
  MAX_REPLACED_LEAVES,
  MINOR_INSERT_GAP_MS,
  PRESSED_ROWS,
  QUIET_MS,
  RETRY_MS,
} from "./limits.ts";
import { reconcile } from "./reconcile.ts";
import { RecordsTable } from "./table.ts";
import type { TreeLeaves } from "./table.ts";

export interface FollowerOptions {
  readonly journal: Journal;
  readonly home: Home;
  readonly compute: Compute;
  readonly clock: Clock;
  /** Whether the index is to hold the tree; all when absent. What it says no to is deleted by `prune`. */
  readonly holdsTree?: (tree: string) => boolean;
  /** Told about failures that are being retried. Never holds content. */
  readonly onTrouble: (message: string) => void;
}

type Listener = (tree: string, from: number, to: number) => void;

interface Prepared {
  readonly tree: string;
  readonly from: number;
  readonly blocks: Promise<readonly EncodedBlock[]>;
}

/** Searchable leaves of a tree of the journal. */
interface LeavesOf {
  readonly tree: TreePosition;
  readonly indexes: readonly number[];
}

/** Leaves of a tree whose rows are to be made again. */
interface Replacement extends TreeLeaves {
  readonly settle: () => void;
}

/** When a tree's last insert began, and how many before it followed each other closely. */
interface Pace {
  readonly lastMs: number;
  readonly streak: number;
}

interface Turn {
  readonly tree: TreePosition;
  readonly waitMs: number;
}

const NO_PACE: Pace = { lastMs: Number.NEGATIVE_INFINITY, streak: 0 };

export class JournalFollower implements IndexFollower {
  private readonly options: FollowerOptions;
  private readonly table: RecordsTable;
  private readonly indexed = new Map<string, number>();
  private readonly listeners = new Set<Listener>();
  private readonly unsubscribe: () => void;
  private readonly ended: Promise<void>;
  private readonly stop = new AbortController();
  private run = randomUUID();
  /** The home's generation that the table was compared for; another one must be compared first. */
  private compared = -1;
  private everReady = false;
  private failing = false;
  private readonly trouble: SaidOnce;
  private rebuildWanted = false;
  /** Sizes to reach until a rebuild is over. */
  private rebuildGoal: ReadonlyMap<string, number> | null = null;
  private pruned: (() => void)[] = [];
  private replacements: Replacement[] = [];
  private readonly paces = new Map<string, Pace>();
  private prepared: Prepared | null = null;
  private readonly pauses: Pauses;
  private waiters: (() => void)[] = [];

  constructor(options: FollowerOptions) {
    this.options = options;
    this.trouble = new SaidOnce(options.onTrouble);
    this.table = new RecordsTable(options.home);
    this.pauses = new Pauses(options.clock);
    this.unsubscribe = options.journal.onJournaled(() => this.pauses.wake());
    options.home.onChange(() => this.pauses.wake());
    this.ended = this.follow();
  }

  positions(): readonly IndexPosition[] {
    return [...this.indexed].map(([tree, indexed]) => ({ tree, indexed }));
  }

  onIndexed(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  state(): "starting" | "ready" | "rebuilding" | "failed" {
    if (this.rebuildWanted) return "rebuilding";
    if (!this.everReady) return this.failing ? "failed" : "starting";
    if (this.failing || this.compared !== this.options.home.generation()) return "failed";
    return this.rebuildGoal === null ? "ready" : "rebuilding";
  }

  /** Leaves that are journaled and not yet in the table. */
  lagRecords(): number {
    return this.trees().reduce((sum, tree) => sum + this.lagOf(tree), 0);
  }

  /** What the journal has and the index is to hold. */
  private trees(): readonly TreePosition[] {
    const { journal, holdsTree } = this.options;
    return holdsTree === undefined ? journal.trees() : journal.trees().filter(({ tree }) => holdsTree(tree));
  }

  /** True while the index is so far behind that queries should leave it the machine. */
  pressed(): boolean {
    return this.lagRecords() > PRESSED_ROWS;
  }

  private lagOf(tree: TreePosition): number {
    return tree.size - (this.indexed.get(tree.tree) ?? 0);
  }

  caughtUp(timeoutMs: number): Promise<void> {
    return this.reached(this.sizes(), timeoutMs);
  }

  private sizes(): ReadonlyMap<string, number> {
    return new Map(this.trees().map((tree) => [tree.tree, tree.size]));
  }

  private holds(goal: ReadonlyMap<string, number>): boolean {
    if (this.rebuildWanted || this.compared === -1) return false;
    const sizes = this.sizes();
    // A tree that was deleted meanwhile is waited for no more.
    return [...goal].every(([tree, size]) => (this.indexed.get(tree) ?? 0) >= size || !sizes.has(tree));
  }

  private reached(goal: ReadonlyMap<string, number>, timeoutMs: number): Promise<void> {
    if (this.holds(goal)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const cancel = this.options.clock.after(timeoutMs, () => {
        this.waiters = this.waiters.filter((waiter) => waiter !== look);
        const message = `the index is still ${this.lagRecords()} records behind after ${timeoutMs} ms`;
        reject(
          new TallystickError("index_unavailable", message, {
            hint: "Records are safe in the journal; wait and try again.",
          }),
        );
      });
      const look = (): void => {
        if (!this.holds(goal)) return;
        this.waiters = this.waiters.filter((waiter) => waiter !== look);
        cancel();
        resolve();
      };
      this.waiters.push(look);
    });
  }

  /** Drops the table and builds it again from the journal; resolves when it holds what was journaled at the call. */
  async reindex(timeoutMs: number): Promise<void> {
    this.rebuildWanted = true;
    this.pauses.wake();
    await this.reached(this.sizes(), timeoutMs);
  }

  /**
   * Deletes the rows of trees that the journal has forgotten or that the index is to hold no more; resolves when they
   * are gone. What is not done when the process ends is done by the comparison at the next start.
   */
  prune(): Promise<void> {
    return new Promise((resolve) => {
      this.pruned.push(resolve);
      this.pauses.wake();
    });
  }

  /**
   * Makes the rows of these leaves again from the journal, which has other bytes in their places now; resolves when the
   * table has no row of before. Rows of other leaves are not touched, unless there are very many of these.
   */
  replaceLeaves(tree: string, indexes: readonly number[]): Promise<void> {
    return new Promise((settle) => {
      this.replacements.push({ tree, indexes, settle });
      this.pauses.wake();
    });
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.unsubscribe();
    this.pauses.close();
    await this.ended;
  }

  private get closing(): boolean {
    return this.stop.signal.aborted;
  }

  private async follow(): Promise<void> {
    while (!this.closing) {
      try {
        await this.step();
        this.failing = false;
        this.trouble.over();
      } catch (error) {
        if (this.closing) return;
        this.failed(error);
        await this.pause(RETRY_MS);
      }
    }
  }

  private failed(error: unknown): void {
    // Whether the rows arrived is not known: the next step compares first.
    this.compared = -1;
    this.prepared = null;
    this.failing = true;
    const home = this.options.home.isUp() ? "" : " (the engine is down)";
    this.trouble.say(`indexing failed${home}: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`);
  }

  private async step(): Promise<void> {
    const { home } = this.options;
    if (!home.isUp()) {
      this.failing = this.everReady;
      return this.pause(null);
    }
    if (this.rebuildWanted) await this.rebuild();
    if (this.compared !== home.generation()) await this.compare();
    await this.deleteUnwanted();
    await this.replaceWanted();
    const next = this.nextTree();
    if (next === null) return this.pause(null);
    if (next.waitMs > 0) return this.pause(next.waitMs);
    await this.insertFrom(next.tree);
  }

  private async deleteUnwanted(): Promise<void> {
    const waiting = this.pruned;
    const wanted = this.sizes();
    for (const tree of [...this.indexed.keys()].filter((name) => !wanted.has(name))) {
      if (this.prepared?.tree === tree) this.prepared = null;
      await this.table.deleteTree(tree);
      this.indexed.delete(tree);
      this.paces.delete(tree);
      this.settle();
    }
    this.pruned = this.pruned.filter((waiter) => !waiting.includes(waiter));
    for (const resolve of waiting) resolve();
  }

  /**
   * All that waits at once: a deletion looks at every part of the table, whatever it deletes. A stop between deleting a
   * row and inserting it leaves a gap, which the next comparison finds and heals; whoever asked asks again then.
   */
  private async replaceWanted(): Promise<void> {
    const wanted = this.replacements.slice();
    if (wanted.length === 0) return;
    const few: LeavesOf[] = [];
    for (const name of new Set(wanted.map(({ tree }) => tree))) {
      // What was read before the journal was changed must not come in after it.
      if (this.prepared?.tree === name) this.prepared = null;
      const tree = this.trees().find((one) => one.tree === name);
      const indexes = this.indexedOf(name, wanted);
      if (tree === undefined || indexes.length === 0) continue;
      if (indexes.length > MAX_REPLACED_LEAVES) await this.indexAnewFrom(name, indexes[0]!);
      else few.push({ tree, indexes });
    }
    if (few.length > 0) await this.replaceFew(few);
    this.replacements = this.replacements.filter((one) => !wanted.includes(one));
    for (const { settle } of wanted) settle();
  }

  /** Each once and in order; what is not searchable yet has no row. */
  private indexedOf(tree: string, wanted: readonly Replacement[]): readonly number[] {
    const indexed = this.indexed.get(tree) ?? 0;
    const indexes = wanted.filter((one) => one.tree === tree).flatMap((one) => one.indexes);
    return [...new Set(indexes)].filter((index) => index < indexed).toSorted((one, other) => one - other);
  }

  private async indexAnewFrom(tree: string, index: number): Promise<void> {
    await this.table.deleteFrom(tree, index);
    this.indexed.set(tree, index);
  }

  private async replaceFew(few: readonly LeavesOf[]): Promise<void> {
    const { journal, compute } = this.options;
    await this.table.deleteLeaves(few.map(({ tree, indexes }) => ({ tree: tree.tree, indexes })));
    for (const { tree, indexes } of few)
      for (const index of indexes) {
        const token = `${tree.tree}:${index}:${randomUUID()}`;
        for (const block of await prepareBlocks(journal, compute, tree, index, 1))
          await this.table.insert(block, token, this.stop.signal);
      }
  }

  private async rebuild(): Promise<void> {
    // Nothing is searchable from here on, so that nobody derives from a table that goes or is empty.
    this.indexed.clear();
    await this.table.drop();
    this.rebuildWanted = false;
    this.compared = -1;
    this.rebuildGoal = this.sizes();
  }

  /** Makes `indexed` what the table holds, after healing it; the same code at every start and after every failure. */
  private async compare(): Promise<void> {
    const generation = this.options.home.generation();
    this.run = randomUUID();
    this.prepared = null;
    const { positions, created } = await reconcile(this.table, this.options.journal, this.trees(), this.stop.signal);
    this.indexed.clear();
    for (const [tree, count] of positions) this.indexed.set(tree, count);
    if (created && this.trees().some((tree) => tree.size > 0)) this.rebuildGoal ??= this.sizes();
    this.compared = generation;
    this.everReady = true;
    this.settle();
  }

  private settle(): void {
    if (this.rebuildGoal !== null && this.holds(this.rebuildGoal)) this.rebuildGoal = null;
    for (const waiter of this.waiters.slice()) waiter();
  }

  /** The tree whose turn comes first; among those whose turn has come, the one that has waited longest. */
  private nextTree(): Turn | null {
    const nowMs = this.options.clock.monotonicMs();
    const isBusy = this.lagRecords() >= BUSY_ROWS;
    let best = null as Turn | null;
    for (const tree of this.trees()) {
      if (this.lagOf(tree) <= 0) continue;
      const waitMs = Math.max(0, this.waitMs(tree, isBusy, nowMs));
      const earlier = best === null || waitMs < best.waitMs;
      if (earlier || (waitMs === best?.waitMs && this.lastMs(tree) < this.lastMs(best.tree))) best = { tree, waitMs };
    }
    return best;
  }

  private lastMs(tree: TreePosition): number {
    return (this.paces.get(tree.tree) ?? NO_PACE).lastMs;
  }

  /**
   * Small parts cost the engine dearly later: a lone record is shown at once, a trickle once a second, many in full
   * parts. While some tree has many, those with few are seldom shown.
   */
  private waitMs(tree: TreePosition, isBusy: boolean, nowMs: number): number {
    const lag = this.lagOf(tree);
    if (lag >= FULL_ROWS || tree.closed) return 0;
    const { lastMs, streak } = this.paces.get(tree.tree) ?? NO_PACE;
    const trickleMs = isBusy ? MINOR_INSERT_GAP_MS : Math.min(INSERT_GAP_MS * 2 ** streak, BUSY_INSERT_GAP_MS);
    return Math.ceil(lastMs + (lag < BUSY_ROWS ? trickleMs : BUSY_INSERT_GAP_MS) - nowMs);
  }

  private keepPace(tree: string): void {
    const nowMs = this.options.clock.monotonicMs();
    const { lastMs, streak } = this.paces.get(tree) ?? NO_PACE;
    this.paces.set(tree, { lastMs: nowMs, streak: nowMs - lastMs > QUIET_MS ? 0 : streak + 1 });
  }

  private prepare(tree: TreePosition, from: number): Prepared {
    const blocks = prepareBlocks(this.options.journal, this.options.compute, tree, from);
    // Awaited later, or dropped after a failure; a rejection in between is not lost on whoever awaits.
    blocks.catch(() => {});
    return { tree: tree.tree, from, blocks };
  }

  private async insertFrom(tree: TreePosition): Promise<void> {
    const from = this.indexed.get(tree.tree) ?? 0;
    const ready =
      this.prepared?.tree === tree.tree && this.prepared.from === from ? this.prepared : this.prepare(tree, from);
    this.prepared = null;
    this.keepPace(tree.tree);
    const blocks = await ready.blocks;
    const end = blocks.at(-1)?.to ?? from;
    if (tree.size - end >= FULL_ROWS) this.prepared = this.prepare(tree, end);
    for (const block of blocks) {
      if (this.closing) return;
      await this.table.insert(block, `${tree.tree}:${block.from}-${block.to}:${this.run}`, this.stop.signal);
      this.indexed.set(tree.tree, block.to);
      for (const listener of this.listeners) listener(tree.tree, block.from, block.to);
    }
    this.settle();
  }

  /** Until something changes; with a time, until it is over or a tree's turn has come. */
  private pause(ms: number | null): Promise<void> {
    return this.pauses.pause(ms, () => {
      const isAsked = this.pruned.length > 0 || this.replacements.length > 0;
      return ms === null || isAsked || this.nextTree()?.waitMs === 0;
    });
  }
}
