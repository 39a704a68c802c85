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

/**
 * A hold that keeps one of these leaves, with how many of them; else one of which that cannot be asked now, where
 * `records` is null; null when none does.
 */
export async function heldBy(
  { holds, sources }: Pick<HeldParts, "holds" | "sources">,
  tree: string,
  indexes: readonly number[],
): Promise<TreeHold | null> {
  // Of a tree that goes on growing the index never holds all, and these leaves are what is asked for.
  const size = indexes.reduce((most, index) => Math.max(most, index + 1), 0);
  let unsure: TreeHold | null = null;
  for (const { id, name, query, scope, placedAt } of holds.on(logOf(tree))) {
    const question = { tree, size, query, scope, nowUs: timestampUs(placedAt), indexes };
    const hold = { id, name, records: await countHeld(sources, question) };
    if (hold.records === null) unsure ??= hold;
    else if (hold.records > 0) return hold;
  }
  return unsure;
}
