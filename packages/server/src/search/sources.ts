import type { Clock } from "../clock.ts";
import type { CallNames } from "./call-names.ts";
import type { IndexFollower, IndexReader } from "../index/index-seam.ts";

/** What all of search reads from. */
export interface SearchSources {
  readonly reader: IndexReader;
  readonly follower: Pick<IndexFollower, "positions" | "onIndexed" | "state">;
  readonly clock: Clock;
  /** As of this moment. */
  readonly names: () => CallNames;
}

/** The index is still being filled with what the journal has had for long. */
export function isFilling({ follower }: SearchSources): boolean {
  const state = follower.state();
  return state === "starting" || state === "rebuilding";
}

/** What the journal has had for long may be missing: the index is being filled, or cannot be (a full disk). */
export function isIncomplete({ follower }: SearchSources): boolean {
  return follower.state() !== "ready";
}
