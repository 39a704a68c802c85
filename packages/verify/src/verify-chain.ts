import { equalBytes } from "@tallystick/tlog";
import type { EpochLink } from "./own-leaf.ts";
import type { Fault, FaultList } from "./result.ts";
import { openCheckpoint } from "./verify-tree.ts";
import type { TreeOutcome } from "./verify-tree.ts";

/**
 * The epoch chain of one log (DESIGN §7): leaf 0 of each tree names the tree before, its size and its last leaf hash;
 * the final checkpoint of each closed tree stands as an EPOCH_LINK leaf in a newer one. So whoever holds the newest
 * checkpoint holds the whole past, and a tree cannot be taken out, cut short or exchanged. A tree that retention has
 * deleted is among the outcomes by what stays of it (deletion.ts).
 *
 * Trees must have been read newest first: a closed tree's checkpoint is final only once the next tree has one.
 */
export async function verifyChain(outcomes: readonly TreeOutcome[], faults: FaultList): Promise<void> {
  const published = outcomes.filter(({ checkpoint }) => checkpoint !== null && checkpoint.size > 0);
  const byTree = new Map(published.map((outcome) => [outcome.result.tree, outcome]));
  const chain = published.filter(({ found }) => found.opening !== null);
  const oldest = oldestOf(chain);
  const followers = new Map<string, TreeOutcome>();
  for (const outcome of chain) {
    const fault = openingFault(outcome, byTree, oldest) ?? secondFollower(outcome, followers);
    if (fault !== null) faults.add(fault);
  }
  const linked = await checkLinks(published, byTree, faults);
  // The link may wait in a newer tree that has no checkpoint yet.
  if (published.length === outcomes.length) checkAllLinked(linked, followers, byTree, faults);
}

/** By the time of leaf 0. */
function oldestOf(chain: readonly TreeOutcome[]): TreeOutcome | undefined {
  return [...chain].sort((a, b) => (openedAt(a) < openedAt(b) ? -1 : openedAt(a) > openedAt(b) ? 1 : 0))[0];
}

function openedAt({ found }: TreeOutcome): string {
  return found.opening?.receivedAt ?? "";
}

function openingFault(
  outcome: TreeOutcome,
  byTree: ReadonlyMap<string, TreeOutcome>,
  oldest: TreeOutcome | undefined,
): Fault | null {
  const { tree } = outcome.result;
  const previous = outcome.found.opening?.previous ?? null;
  if (previous === null)
    return outcome === oldest ? null : opening(tree, "leaf 0 names no tree before, and there are older ones");
  const before = byTree.get(previous.tree);
  if (before === undefined) {
    const message = `${tree} follows ${previous.tree}, which is not there, and nothing shows that it was deleted`;
    return { code: "tree_missing", message, tree: previous.tree };
  }
  if (before.checkpoint?.size !== previous.size) {
    return opening(
      tree,
      `leaf 0 says that ${previous.tree} has ${previous.size} leaves, and it has ${before.checkpoint?.size}`,
    );
  }
  const last = before.found.lastLeafHash;
  if (last === null || equalBytes(last, previous.lastLeafHash)) return null;
  return opening(tree, `leaf 0 names another last leaf of ${previous.tree} than it has`);
}

function opening(tree: string, message: string): Fault {
  return { code: "tree_opening", message, tree, index: 0 };
}

function secondFollower(outcome: TreeOutcome, followers: Map<string, TreeOutcome>): Fault | null {
  const previous = outcome.found.opening?.previous?.tree;
  if (previous === undefined) return null;
  const other = followers.get(previous);
  if (other !== undefined) return opening(outcome.result.tree, `${other.result.tree} follows ${previous} as well`);
  followers.set(previous, outcome);
  return null;
}

/** The closed trees that some leaf links. */
async function checkLinks(
  published: readonly TreeOutcome[],
  byTree: ReadonlyMap<string, TreeOutcome>,
  faults: FaultList,
): Promise<ReadonlySet<string>> {
  const linked = new Set<string>();
  for (const outcome of published) {
    for (const link of outcome.found.links) {
      linked.add(link.closedTree);
      const message = await linkProblem(link, outcome, byTree.get(link.closedTree));
      if (message !== null) faults.add({ code: "epoch_link", message, tree: outcome.result.tree, index: link.index });
    }
  }
  return linked;
}

function checkAllLinked(
  linked: ReadonlySet<string>,
  followers: ReadonlyMap<string, TreeOutcome>,
  byTree: ReadonlyMap<string, TreeOutcome>,
  faults: FaultList,
): void {
  for (const [closed, follower] of followers) {
    if (linked.has(closed) || !byTree.has(closed)) continue;
    const message = `no leaf of a newer tree links the final checkpoint of ${closed}`;
    faults.add({ code: "epoch_link", message, tree: follower.result.tree });
  }
}

async function linkProblem(
  { closedTree, checkpoint }: EpochLink,
  outcome: TreeOutcome,
  closed: TreeOutcome | undefined,
): Promise<string | null> {
  if (closed === undefined) return null;
  if (closed === outcome) return "the tree links itself";
  const parsed = await openCheckpoint(checkpoint, closed.verifiers);
  if (parsed.kind === "refused") return `the link to ${closedTree} holds no checkpoint of it: ${parsed.reason}`;
  const { origin, size, root } = parsed.value;
  if (origin !== closed.result.origin) return `the link to ${closedTree} holds a checkpoint of ${origin}`;
  const final = closed.checkpoint;
  if (final !== null && size === final.size && equalBytes(root, final.root)) return null;
  return `the link to ${closedTree} holds another checkpoint than its final one`;
}
