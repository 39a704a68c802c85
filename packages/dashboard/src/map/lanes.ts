/**
 * Room for calls that pass by ranks between caller and callee: in each such rank a lane of their own, so that their
 * line goes beside the services there and not through them, and their label covers no other.
 */
import type { Forward } from "./ranks.ts";
import type { Place } from "./shape.ts";

/** A rank's part through which calls pass. */
export interface Lane {
  readonly way: string;
  /** Where the label of the calls stands. */
  readonly isLabelled: boolean;
}

export interface Laned {
  readonly ranks: ReadonlyMap<string, number>;
  /** As `forward`, with lanes in place of what they are between. */
  readonly forward: Forward;
  /** By their name, which is none of a service's. */
  readonly lanes: ReadonlyMap<string, Lane>;
}

/** Names calls from one service to another. */
export function wayOf(caller: string, callee: string): string {
  return `${caller}\n${callee}`;
}

export function withLanes(ranks: ReadonlyMap<string, number>, forward: Forward): Laned {
  const lanes = new Map<string, Lane>();
  const all = new Map(ranks);
  const next = new Map<string, string[]>([...forward].map(([caller]) => [caller, []]));
  for (const [caller, callees] of forward)
    for (const callee of callees) {
      const way = wayOf(caller, callee);
      const [first, last] = [(ranks.get(caller) ?? 0) + 1, ranks.get(callee) ?? 0];
      let before = caller;
      for (let rank = first; rank < last; rank++) {
        const name = `${way}\n${rank}`;
        lanes.set(name, { way, isLabelled: rank === Math.floor((first + last) / 2) });
        all.set(name, rank);
        next.get(before)?.push(name);
        next.set(name, []);
        before = name;
      }
      next.get(before)?.push(callee);
    }
  return { ranks: all, forward: next, lanes };
}

/** The middles of the lanes of each way, from caller to callee. */
export function waysOf(
  lanes: ReadonlyMap<string, Lane>,
  middles: ReadonlyMap<string, Place>,
): ReadonlyMap<string, readonly Place[]> {
  const ways = new Map<string, Place[]>();
  for (const [name, { way }] of lanes) {
    const middle = middles.get(name);
    if (middle !== undefined) ways.set(way, [...(ways.get(way) ?? []), middle]);
  }
  return ways;
}
