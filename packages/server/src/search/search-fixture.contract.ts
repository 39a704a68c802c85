import type { StoredRecord } from "@tallystick/record";

import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import { NOW_US } from "./records.contract.ts";
import { NO_CALL_NAMES } from "./call-names.ts";
import { Search } from "./search.ts";

/** Search over a real engine and its follower, with a clock that stands still. */
export interface SearchFixture {
  readonly search: Search;
  /** All that was inserted, as it lies in the index. */
  readonly stored: readonly StoredRecord[];
  /** Appends the records to their trees and waits until they are searchable. */
  insert(records: readonly StoredRecord[]): Promise<void>;
  /** A tree that is no longer there for the follower. */
  forget(tree: string): void;
  /** What the follower says of itself. */
  become(state: "ready" | "rebuilding" | "failed"): void;
  listeners(): number;
  close(): Promise<void>;
}

export async function openSearchFixture(): Promise<SearchFixture> {
  const index = await openTemporaryIndex();
  const real = index.index.follower;
  const stored: StoredRecord[] = [];
  const forgotten = new Set<string>();
  let state: "ready" | "rebuilding" | "failed" = "ready";
  const listeners = new Set<unknown>();
  let elapsedMs = 0;
  const follower = {
    positions: () => real.positions().filter(({ tree }) => !forgotten.has(tree)),
    onIndexed: (listener: (tree: string, from: number, to: number) => void) => {
      const unsubscribe = real.onIndexed(listener);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        unsubscribe();
      };
    },
    state: () => state,
  };
  const clock = { nowUs: () => NOW_US, monotonicMs: () => elapsedMs++, after: () => () => undefined };
  return {
    search: new Search({ reader: index.index.reader, follower, clock, names: () => NO_CALL_NAMES }),
    stored,
    async insert(records) {
      for (const tree of new Set(records.map((record) => record.tree))) {
        const from = real.positions().find((position) => position.tree === tree)?.indexed ?? 0;
        const of = records.filter((record) => record.tree === tree);
        stored.push(...of.map((record, place) => ({ ...record, leaf_index: from + place })));
        await index.add(tree, of);
      }
    },
    become: (next) => (state = next),
    forget: (tree) => forgotten.add(tree),
    listeners: () => listeners.size,
    close: () => index.close(),
  };
}
