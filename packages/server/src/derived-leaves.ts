/** What an erasure has to take out of what is derived from records. */
import { purgeFacts } from "./detect/detectors/purge-facts.ts";
import type { Detectors } from "./detector-parts.ts";
import type { DerivedLeaves } from "./retain/eraser.ts";
import { PURGE_LIMITS } from "./retain/erasure-limits.ts";
import type { Stores } from "./stores.ts";
import type { Producers } from "./tally/producers.ts";
import { purgeCalls } from "./tally/purge.ts";

/** Tables of what is switched off now hold what they took in before. */
export function derivedLeaves({ index }: Stores, producers: Producers, detectors: Detectors | null): DerivedLeaves {
  return {
    async purge(records) {
      await purgeCalls(index.deriver, records, PURGE_LIMITS);
      // What it took in before the leaf was gone is in its tables then.
      await detectors?.follower.settled();
      await purgeFacts(index.deriver, records, PURGE_LIMITS);
    },
    async replace(records) {
      const indexesOf = (tree: string) => records.filter((record) => record.tree === tree).map((one) => one.leaf_index);
      const trees = [...new Set(records.map(({ tree }) => tree))];
      await Promise.all(trees.map((tree) => index.replaceLeaves(tree, indexesOf(tree))));
      if (records.some(({ producer_id: producer }) => producer !== "")) producers.rebuild();
      // Whose names are not known any more, after a stop in between, are looked for by nobody: all is derived again.
      if (records.some(({ producer_id: producer }) => producer === null)) detectors?.follower.rebuild();
    },
  };
}
