/**
 * Which trees are anchored. Leaf 0 of a tree names the tree before it, and the final checkpoint of that one stands as a
 * leaf in a newer tree: so a tree that was compared with something known stands for those that it is chained to, of
 * the same log. Another log's trees it says nothing of.
 */
export interface TreeInChain {
  readonly tree: string;
  /** The tree that leaf 0 names as the one before; null when that was not read, or did not fit. */
  readonly previous: string | null;
}

/** `compared`: trees that were compared with what the verifier knew; returned with all that are chained to them. */
export function anchoredTrees(compared: ReadonlySet<string>, chain: readonly TreeInChain[]): ReadonlySet<string> {
  const anchored = new Set(compared);
  const joined = chain.flatMap(({ tree, previous }) => (previous === null ? [] : [{ tree, previous }]));
  let before: number;
  do {
    before = anchored.size;
    for (const { tree, previous } of joined) {
      if (anchored.has(tree)) anchored.add(previous);
      else if (anchored.has(previous)) anchored.add(tree);
    }
  } while (anchored.size > before);
  return anchored;
}
