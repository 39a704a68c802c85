/** Which holds keep what: each is asked of the index, and one that cannot be asked now is taken to keep it. */
import { timestampUs } from "@tallystick/record";
import type { Holds } from "../control/hold.ts";
import { countHeld } from "../search/held.ts";
import { logOf } from "../search/scope.ts";
import type { SearchSources } from "../search/sources.ts";
import type { TreeHold } from "./plan.ts";

export interface HeldParts {
  readonly holds: Holds;
  readonly sources: SearchSources;
  readonly sizeOf: (tree: string) => number;
}

/** Holds that keep a tree, with the records that each is for; `records` is null when it cannot be asked now. */
export async function holdsOn({ holds, sources, sizeOf }: HeldParts, tree: string): Promise<readonly TreeHold[]> {
  const found: TreeHold[] = [];
  for (const { id, name, query, scope, placedAt } of holds.on(logOf(tree))) {
    const records = await countHeld(sources, { tree, size: sizeOf(tree), query, scope, nowUs: timestampUs(placedAt) });
    if (records !== 0) found.push({ id, name, records });
  }
  return found;
}

/** The name of a hold that keeps one of these leaves, or may; null when none does. */
export async function heldBy(
  { holds, sources }: Pick<HeldParts, "holds" | "sources">,
  tree: string,
  indexes: readonly number[],
): Promise<string | null> {
  // Of a tree that goes on growing the index never holds all, and these leaves are what is asked for.
  const size = indexes.reduce((most, index) => Math.max(most, index + 1), 0);
  for (const { name, query, scope, placedAt } of holds.on(logOf(tree))) {
    const question = { tree, size, query, scope, nowUs: timestampUs(placedAt), indexes };
    if ((await countHeld(sources, question)) !== 0) return name;
  }
  return null;
}
