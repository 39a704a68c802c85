/**
 * Up to which time of receipt the index holds everything that may be of a call: the journal is asked how far time has
 * come and how large its trees are, and when the index holds so much, that time is the horizon. The logs of our own
 * records hold no half of any call and are not waited for.
 */
import type { Clock } from "../clock.ts";
import { isOwnLog } from "../control/own-logs.ts";
import type { IndexFollower } from "../index/index-seam.ts";
import type { Journal } from "../journal/journal.ts";
import { MAX_SAMPLES, SAMPLE_MS } from "./limits.ts";

interface Sample {
  readonly beforeUs: number;
  readonly sizes: ReadonlyMap<string, number>;
}

export class Horizon {
  readonly #journal: Pick<Journal, "trees" | "receivedBeforeUs">;
  readonly #index: IndexFollower;
  readonly #clock: Clock;
  #samples: readonly Sample[] = [];
  #cancel: () => void = () => {};

  constructor(journal: Pick<Journal, "trees" | "receivedBeforeUs">, index: IndexFollower, clock: Clock) {
    this.#journal = journal;
    this.#index = index;
    this.#clock = clock;
    this.#follow();
  }

  /** However long a step takes, the horizon is as near as the index lets it be. */
  #follow(): void {
    this.#cancel = this.#clock.after(SAMPLE_MS, () => {
      this.look();
      this.#follow();
    });
  }

  close(): void {
    this.#cancel();
  }

  /** Something was journaled before the last look that the index did not hold then. */
  get isBehind(): boolean {
    return this.#samples.length > 1;
  }

  /** Microseconds; 0 while the index holds less than it once did, and until it has first caught up. */
  look(): number {
    // The time before the sizes: whatever came in between makes the sizes larger than they need be.
    const beforeUs = this.#journal.receivedBeforeUs();
    const trees = this.#journal.trees().filter(({ log }) => !isOwnLog(log));
    const sizes = new Map(trees.map(({ tree, size }) => [tree, size]));
    // The one that was reached before comes first: an index that was healed may hold less than it did.
    const samples = [...this.#samples, { beforeUs, sizes }];
    const indexed = new Map(this.#index.positions().map((position) => [position.tree, position.indexed]));
    const isReached = (sample: Sample) => [...sample.sizes].every(([tree, size]) => (indexed.get(tree) ?? 0) >= size);
    const reached = samples.findLastIndex(isReached);
    const us = reached < 0 ? 0 : samples[reached]!.beforeUs;
    const waiting = samples.slice(Math.max(reached, 0));
    // Every second one is enough to go on by when there are many.
    this.#samples = waiting.length > MAX_SAMPLES ? waiting.filter((_, place) => place % 2 === 0) : waiting;
    return us;
  }
}
