import type { IndexPosition } from "../index/index-seam.ts";
import { sees } from "./scope.ts";
import type { Scope } from "./scope.ts";

/**
 * How much of every tree a run of pages reads: fixed by its first page, so that later arrivals never appear in it.
 */
export type TreeSizes = ReadonlyMap<string, number>;

export function treeSizes(positions: readonly IndexPosition[], scope: Scope): TreeSizes {
  const visible = positions.filter(({ tree, indexed }) => indexed > 0 && sees(scope, tree));
  return new Map(visible.map(({ tree, indexed }) => [tree, indexed]));
}

/** True when the index does not hold all of it any more: it is being rebuilt, or a tree is gone. */
export function isMissing(sizes: TreeSizes, positions: readonly IndexPosition[]): boolean {
  const indexed = new Map(positions.map((position) => [position.tree, position.indexed]));
  return [...sizes].some(([tree, size]) => (indexed.get(tree) ?? 0) < size);
}
