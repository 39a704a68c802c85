/**
 * Where a request's time went: from its end back to its beginning, always along the call that ended last before the
 * moment looked at. What no call accounts for is the parent's own. The parts add up to the request's duration.
 */
import type { Interval } from "./intervals.ts";

export interface Timed {
  /** Null: its duration is not known, so nothing can be said of what it took. */
  readonly interval: Interval | null;
  /** Places of the calls that it waits for. */
  readonly children: readonly number[];
}

/** Microseconds on the critical path, by place; a call that is not on it is absent. */
export function criticalPath(calls: readonly Timed[], root: number): ReadonlyMap<number, number> {
  const spent = new Map<number, number>();
  const whole = calls[root]?.interval ?? null;
  const open: { readonly place: number; readonly within: Interval }[] =
    whole === null ? [] : [{ place: root, within: whole }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { place, within } = next;
    const parts = lastFirst(calls, calls[place]?.children ?? [], within);
    const below = parts.reduce((sum, part) => sum + part.within.toUs - part.within.fromUs, 0);
    spent.set(place, (spent.get(place) ?? 0) + within.toUs - within.fromUs - below);
    open.push(...parts);
  }
  return spent;
}

function lastFirst(calls: readonly Timed[], children: readonly number[], within: Interval) {
  const ending = children
    .flatMap((place) => {
      const { fromUs, toUs } = calls[place]?.interval ?? { fromUs: 0, toUs: 0 };
      const cut = { fromUs: Math.max(fromUs, within.fromUs), toUs: Math.min(toUs, within.toUs) };
      return cut.toUs > cut.fromUs ? [{ place, within: cut }] : [];
    })
    .toSorted((a, b) => b.within.toUs - a.within.toUs || b.place - a.place);
  let edge = within.toUs;
  return ending.filter((part) => {
    if (part.within.toUs > edge) return false;
    edge = part.within.fromUs;
    return true;
  });
}
