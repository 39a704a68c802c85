/**
 * Takes what becomes searchable into the `producers` table. Guarantees, whatever is killed and whenever:
 * - every leaf is taken in exactly once, in the order of its tree: a range and the position after it are one part;
 * - what is derived agrees with itself and with `records`, or is emptied and derived anew;
 * - memory is bounded: the engine does the work, one statement at a time, and only positions are held here.
 * Left out on purpose: what the rows mean, which producer-list.ts says when somebody asks.
 */
import type { Clock } from "../clock.ts";
import { isOwnLog } from "../control/own-logs.ts";
import type { Deriver } from "../index/derived-tables.ts";
import type { IndexFollower } from "../index/index-seam.ts";
import { Pauses } from "../index/pauses.ts";
import type { Journal } from "../journal/journal.ts";
import {
  DERIVE_MEMORY_BYTES,
  DERIVE_TIMEOUT_MS,
  FOLLOW_RETRY_MS,
  RANGE_LEAVES,
  STEP_GAP_MS,
} from "./producer-limits.ts";
import { logOf } from "../search/scope.ts";
import { PRODUCERS, sameLeaf, TAKEN_IN, takeInRange } from "./producer-table.ts";
import type { TreeTakenIn } from "./producer-table.ts";

export interface ProducerFollowerOptions {
  readonly deriver: Deriver;
  readonly index: Pick<IndexFollower, "positions" | "onIndexed" | "state">;
  readonly journal: Pick<Journal, "trees">;
  readonly clock: Clock;
  /** Told about failures that are being retried. Never holds content. */
  readonly onTrouble: (message: string) => void;
}

interface Range {
  readonly tree: string;
  readonly from: number;
  readonly to: number;
}

/** Sizes of the trees at a moment. */
interface Moment {
  readonly us: number;
  readonly sizes: ReadonlyMap<string, number>;
}

const LIMITS = { timeoutMs: DERIVE_TIMEOUT_MS, maxMemoryBytes: DERIVE_MEMORY_BYTES };

/** Empties the table where nobody follows: whoever opens it next derives it anew. */
export async function emptyProducers(deriver: Deriver): Promise<void> {
  await deriver.prepare([PRODUCERS]);
  await deriver.empty(PRODUCERS);
}

export class ProducerFollower {
  /** Since then producers could be heard: a server that was down has not heard anybody. */
  readonly listeningSinceUs: number;
  private readonly options: ProducerFollowerOptions;
  private readonly takenIn = new Map<string, number>();
  /** Positions as the table had them, until their last leaf was seen to be the one that was taken in. */
  private readonly unproven = new Map<string, TreeTakenIn>();
  private readonly unsubscribe: () => void;
  private readonly ended: Promise<void>;
  /** The engine's generation for which positions were read; another one may hold others. */
  private generation = -1;
  /** The engine's generation in which the table was seen to be there. */
  private preparedFor = -1;
  /** The number of the step that each tree had last. */
  private readonly turns = new Map<string, number>();
  private steps = 0;
  private lastStepMs = Number.NEGATIVE_INFINITY;
  /** All that was journaled up to then is taken in. */
  private wholeAtUs: number;
  private goal: Moment | null = null;
  private emptyWanted = false;
  private closing = false;
  private readonly pauses: Pauses;

  constructor(options: ProducerFollowerOptions) {
    this.options = options;
    this.listeningSinceUs = options.clock.nowUs();
    this.wholeAtUs = this.listeningSinceUs;
    this.pauses = new Pauses(options.clock);
    this.unsubscribe = options.index.onIndexed(() => this.pauses.wake());
    this.ended = this.follow();
  }

  /** Whether the table is there to be asked. */
  isReady(): boolean {
    const { deriver } = this.options;
    return deriver.isUp() && this.preparedFor === deriver.generation();
  }

  /** The latest moment of which all that was journaled is in the table. */
  asOfUs(): number {
    const now = this.now();
    return this.isReady() && this.holds(now) ? now.us : this.wholeAtUs;
  }

  /** Leaves that are searchable and not in the table yet. */
  lagLeaves(): number {
    return this.options.index
      .positions()
      .reduce((sum, { tree, indexed }) => sum + Math.max(0, indexed - this.positionOf(tree)), 0);
  }

  /** Empties the table; what is searchable is taken in again. */
  rebuild(): void {
    this.emptyWanted = true;
    this.pauses.wake();
  }

  async close(): Promise<void> {
    this.closing = true;
    this.unsubscribe();
    this.pauses.close();
    await this.ended;
  }

  private positionOf(tree: string): number {
    return this.takenIn.get(tree) ?? 0;
  }

  private now(): Moment {
    const { clock, journal } = this.options;
    return { us: clock.nowUs(), sizes: new Map(journal.trees().map(({ tree, size }) => [tree, size])) };
  }

  private holds({ sizes }: Moment): boolean {
    return [...sizes].every(([tree, size]) => this.positionOf(tree) >= size);
  }

  private async follow(): Promise<void> {
    while (!this.closing) {
      try {
        await this.step();
      } catch (error) {
        if (this.closing) return;
        // Whether the rows arrived is not known: the table is asked before anything else.
        this.generation = -1;
        const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
        if (this.isThere()) this.options.onTrouble(`following producers failed: ${reason}`);
        await this.pauses.pause(FOLLOW_RETRY_MS);
      }
    }
  }

  /** While the engine is down or the index is built anew, failing is what is to be expected. */
  private isThere(): boolean {
    return this.options.deriver.isUp() && this.options.index.state() === "ready";
  }

  private async step(): Promise<void> {
    const { deriver, clock } = this.options;
    if (!deriver.isUp()) return this.pauses.pause(FOLLOW_RETRY_MS);
    if (this.generation !== deriver.generation()) await this.readPositions();
    if (this.emptyWanted) await this.empty();
    this.goal ??= this.now();
    if (this.holds(this.goal)) {
      this.wholeAtUs = this.goal.us;
      this.goal = null;
    }
    const range = this.nextRange();
    if (range === null) return this.pauses.pause(null);
    const waitMs = this.lastStepMs + STEP_GAP_MS - clock.monotonicMs();
    if (waitMs > 0 && range.to - range.from < RANGE_LEAVES) return this.pauses.pause(waitMs);
    this.lastStepMs = clock.monotonicMs();
    await this.takeIn(range);
  }

  private async readPositions(): Promise<void> {
    const { deriver } = this.options;
    const generation = deriver.generation();
    await deriver.prepare([PRODUCERS]);
    this.preparedFor = generation;
    const found = await deriver.select<TreeTakenIn>(TAKEN_IN, LIMITS);
    const sizes = this.now().sizes;
    const isSound = found.every(({ tree, leaves, through }) => leaves === through && through <= (sizes.get(tree) ?? 0));
    this.takenIn.clear();
    this.unproven.clear();
    if (!isSound) await this.beginAnew("a part of it is gone");
    for (const position of isSound ? found : []) {
      this.takenIn.set(position.tree, position.through);
      this.unproven.set(position.tree, position);
    }
    this.generation = generation;
  }

  private beginAnew(reason: string): Promise<void> {
    this.options.onTrouble(`the table of producers is derived anew: ${reason}`);
    return this.empty();
  }

  private async empty(): Promise<void> {
    this.takenIn.clear();
    this.unproven.clear();
    await this.options.deriver.empty(PRODUCERS);
    this.emptyWanted = false;
  }

  /** Of the trees with something new, the one whose turn was longest ago. */
  private nextRange(): Range | null {
    let best = null as Range | null;
    const turnOf = (tree: string): number => this.turns.get(tree) ?? 0;
    for (const { tree, indexed } of this.options.index.positions()) {
      // Nobody but we write there, and we are no producer.
      if (isOwnLog(logOf(tree))) this.takenIn.set(tree, indexed);
      const from = this.positionOf(tree);
      if (indexed > from && (best === null || turnOf(tree) < turnOf(best.tree)))
        best = { tree, from, to: Math.min(indexed, from + RANGE_LEAVES) };
    }
    return best;
  }

  private async takeIn({ tree, from, to }: Range): Promise<void> {
    const { deriver } = this.options;
    const unproven = this.unproven.get(tree);
    if (unproven !== undefined) {
      if ((await deriver.select(sameLeaf(unproven), LIMITS)).length !== 1)
        return this.beginAnew("another leaf stands where it had come to");
      this.unproven.delete(tree);
    }
    this.turns.set(tree, ++this.steps);
    await deriver.derive(takeInRange(tree, from, to), LIMITS);
    this.takenIn.set(tree, to);
  }
}
