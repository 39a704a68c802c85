import type { Clock } from "../clock.ts";
import type { IndexFollower, IndexReader } from "../index/index-seam.ts";

/** What all of search reads from. */
export interface SearchSources {
  readonly reader: IndexReader;
  readonly follower: Pick<IndexFollower, "positions" | "onIndexed" | "state">;
  readonly clock: Clock;
}

/** The index is still being filled with what the journal has had for long, so every answer is only a part. */
export function isFilling({ follower }: SearchSources): boolean {
  const state = follower.state();
  return state === "starting" || state === "rebuilding";
}
