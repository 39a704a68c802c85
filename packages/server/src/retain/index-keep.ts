/**
 * Which trees the index holds: all, but those whose `index_keep` is over. They stay proven in the journal, and
 * `reindex --epoch` brings them back for a time.
 */
import type { Clock } from "../clock.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import { isIndexKept } from "./plan.ts";
import type { Retention } from "./retention.ts";
import type { FactReader } from "./tree-facts.ts";

export interface IndexKeepParts {
  readonly facts: FactReader;
  readonly clock: Clock;
  readonly retentionOf: (log: string) => Retention;
  readonly policyOf: (log: string) => EpochPolicy;
  /** Microseconds until when somebody wants the tree back; null: nobody does. */
  readonly wantedUntilUs: (tree: string) => number | null;
}

export class IndexKeep {
  readonly #parts: IndexKeepParts;
  #left: ReadonlySet<string> = new Set();

  constructor(parts: IndexKeepParts) {
    this.#parts = parts;
  }

  holds(tree: string): boolean {
    return !this.#left.has(tree);
  }

  /** Looks at the clock; true when some tree has left or come back. */
  async refresh(): Promise<boolean> {
    const { facts, clock, retentionOf, policyOf, wantedUntilUs } = this.#parts;
    const nowUs = clock.nowUs();
    const left = new Set<string>();
    for (const tree of await facts.journaled()) {
      const isKept = isIndexKept(tree, retentionOf(tree.log), policyOf(tree.log), nowUs);
      if (!isKept && (wantedUntilUs(tree.tree) ?? 0) <= nowUs) left.add(tree.tree);
    }
    const isSame = left.size === this.#left.size && [...left].every((tree) => this.#left.has(tree));
    this.#left = left;
    return !isSame;
  }
}
