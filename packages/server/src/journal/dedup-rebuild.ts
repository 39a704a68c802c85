/**
 * The duplicate window of a log as it was before the stop: from the last leaves of the journal, opened in workers, a
 * few runs at a time.
 */
import type { Compute } from "../compute/compute.ts";
import { journalCorrupt } from "./corrupt.ts";
import type { DedupWindow } from "./dedup-window.ts";
import { words } from "./dedup-window.ts";
import { identitiesTask } from "./identities-task.ts";
import { MAX_RUNS_UNDER_WAY, REBUILD_RUN_BYTES } from "./limits.ts";
import type { SegmentStore } from "./segment-store.ts";

export async function rebuildWindow(
  store: SegmentStore,
  compute: Compute,
  log: string,
  window: DedupWindow,
  records: number,
): Promise<void> {
  const underWay: Promise<() => void>[] = [];
  for (const { tree, from, to } of lastLeaves(store, log, records)) {
    for (let next = from; next < to;) {
      const run = await store.run(tree, next, REBUILD_RUN_BYTES);
      next = run.nextIndex;
      const opening = remember(compute, run, tree, window);
      // It is awaited in its turn; until then a failure must not count as unheard.
      opening.catch(() => {});
      underWay.push(opening);
      if (underWay.length >= MAX_RUNS_UNDER_WAY) (await underWay.shift()!)();
    }
  }
  for (const opening of underWay) (await opening)();
}

/** The ranges that together are the log's last `records` leaves, oldest first. */
function lastLeaves(store: SegmentStore, log: string, records: number) {
  const ranges: { readonly tree: string; readonly from: number; readonly to: number }[] = [];
  let left = records;
  const trees = store.trees().filter((tree) => tree.log === log);
  for (const { tree } of trees.toReversed()) {
    const size = store.sizeOf(tree);
    const from = Math.max(0, size - left);
    if (left > 0) ranges.unshift({ tree, from, to: size });
    left -= size - from;
  }
  return ranges;
}

async function remember(
  compute: Compute,
  run: Awaited<ReturnType<SegmentStore["run"]>>,
  tree: string,
  window: DedupWindow,
): Promise<() => void> {
  const { path, offset, input } = run;
  const { firstIndex } = input;
  const found = await compute.run(identitiesTask, input, [input.frames.buffer as ArrayBuffer]);
  if (found.bad !== null) {
    const { reason, number: frame, offset: within } = found.bad;
    throw journalCorrupt(reason, { file: path, offset: offset + within, frame });
  }
  return () => {
    const identities = words(found.identities);
    const digests = words(found.digests);
    for (let i = 0; i < found.count; i++) window.add(identities, digests, i);
    window.settle(found.count, tree, firstIndex);
  };
}
