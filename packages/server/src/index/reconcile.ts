/**
 * Compares the table with the journal and makes it a prefix of it, tree by tree: count, minimum, maximum and sum of
 * the leaf indexes, and the leaf hash of the last one. What is not a whole prefix is deleted from the first fault on
 * and inserted again by normal work.
 */
import type { Journal, TreePosition } from "../journal/journal.ts";
import { HASH_BYTES } from "./limits.ts";
import { prefixSum } from "./table.ts";
import type { RecordsTable, TreeContent } from "./table.ts";

export interface Reconciled {
  /** Leaves that the table holds of each tree of the journal. */
  readonly positions: ReadonlyMap<string, number>;
  /** True when the table was made anew. */
  readonly created: boolean;
}

/** `wanted`: the trees that the index is to hold; rows of others are deleted. */
export async function reconcile(
  table: RecordsTable,
  journal: Journal,
  wanted: readonly TreePosition[],
  signal: AbortSignal,
): Promise<Reconciled> {
  while (await table.inserting()) signal.throwIfAborted();
  const state = await table.state();
  if (state === "other version") await table.drop();
  if (state !== "current") await table.create();
  else await table.dropDetached();
  await table.makeNewest();
  const trees = new Map(wanted.map((tree) => [tree.tree, tree]));
  const positions = new Map([...trees.keys()].map((tree) => [tree, 0]));
  for (const content of await table.contents()) {
    signal.throwIfAborted();
    const tree = trees.get(content.tree);
    if (tree === undefined) await table.deleteTree(content.tree);
    else positions.set(content.tree, await wholePrefix(table, journal, tree, content));
  }
  return { positions, created: state !== "current" };
}

/** Length of the prefix that the table holds after healing. */
async function wholePrefix(
  table: RecordsTable,
  journal: Journal,
  tree: TreePosition,
  content: TreeContent,
): Promise<number> {
  const length = isPrefix(content) ? content.count : await table.firstFault(tree.tree, content.max + 1);
  const within = Math.min(length, tree.size);
  const kept = within > 0 && (await sameLastLeaf(table, journal, tree.tree, within - 1)) ? within : 0;
  if (kept !== content.count || !isPrefix(content)) await table.deleteFrom(tree.tree, kept);
  return kept;
}

function isPrefix(content: TreeContent): boolean {
  return content.min === 0 && content.max === content.count - 1 && content.sum === prefixSum(content.count);
}

async function sameLastLeaf(table: RecordsTable, journal: Journal, tree: string, index: number): Promise<boolean> {
  const range = await journal.read(tree, index, 1);
  if (range === null) return false;
  const hash = Buffer.from(range.hashes.subarray(0, HASH_BYTES)).toString("hex");
  return hash === (await table.leafHash(tree, index));
}
