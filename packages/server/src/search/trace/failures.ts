/**
 * Failures and the attempts to get around them. The first failure is what to look at first: the failed call none of
 * whose own calls failed, and of these the one that ended first.
 */
import type { Call } from "./call.ts";
import { isFailed, partiesOf } from "./call.ts";
import type { Interval } from "./intervals.ts";

export interface TreeShape {
  readonly calls: readonly Call[];
  readonly parents: readonly (number | null)[];
  readonly children: readonly (readonly number[])[];
  readonly intervals: readonly Interval[];
}

export interface Attempts {
  /** Place of the first attempt, of each later one. */
  readonly retryOf: ReadonlyMap<number, number>;
  /** Failed attempts after which a later one succeeded. */
  readonly recovered: ReadonlySet<number>;
}

export function findAttempts(shape: TreeShape): Attempts {
  const retryOf = new Map<number, number>();
  const recovered = new Set<number>();
  for (const group of repeatedCalls(shape)) {
    let chain: number[] = [];
    for (const place of group) {
      const last = chain.at(-1);
      if (last !== undefined && isRetry(shape, last, place)) retryOf.set(place, chain[0]!);
      else chain = [];
      chain.push(place);
      if (!isFailed(shape.calls[place]!)) for (const earlier of chain.slice(0, -1)) recovered.add(earlier);
    }
  }
  return { retryOf, recovered: new Set([...recovered].filter((place) => isFailed(shape.calls[place]!))) };
}

/** Calls of one operation from one parent, or without a parent under one request id, in the order of their beginning. */
function repeatedCalls({ calls, parents, intervals }: TreeShape): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [place, call] of calls.entries()) {
    const { service, target } = partiesOf(call);
    const parent = parents[place] ?? `request ${call.main.request_id}`;
    const key = JSON.stringify([parent, service, target, call.main.event_type, call.main.operation]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [place]);
    else group.push(place);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => group.toSorted((a, b) => intervals[a]!.fromUs - intervals[b]!.fromUs || a - b));
}

/** The record says so, or the one before had failed by then. */
function isRetry({ calls, intervals }: TreeShape, before: number, place: number): boolean {
  if (calls[place]!.main.attempt > 0) return true;
  return isFailed(calls[before]!) && intervals[before]!.toUs <= intervals[place]!.fromUs;
}

export function firstFailure(shape: TreeShape, root: number, { recovered }: Attempts): number | null {
  const failed = [...shape.calls.keys()].filter((place) => isFailed(shape.calls[place]!));
  const lasting = new Set(failed.filter((place) => !recovered.has(place)));
  const fromRoot = lasting.has(root) ? failuresBelow(shape, root, lasting) : [];
  const among = [fromRoot, [...lasting], failed].find((places) => places.length > 0) ?? [];
  const counted = new Set(among);
  return earliest(
    shape,
    among.filter((place) => !shape.children[place]!.some((child) => counted.has(child))),
  );
}

/** The root and what failed below it, each through a failed parent. */
function failuresBelow({ children }: TreeShape, root: number, failed: ReadonlySet<number>): readonly number[] {
  const found = [root];
  for (const place of found) for (const child of children[place]!) if (failed.has(child)) found.push(child);
  return found;
}

function earliest({ intervals }: TreeShape, places: readonly number[]): number | null {
  return places.reduce<number | null>((best, place) => {
    if (best === null) return place;
    const [a, b] = [intervals[place]!, intervals[best]!];
    return a.toUs < b.toUs || (a.toUs === b.toUs && a.fromUs > b.fromUs) ? place : best;
  }, null);
}
