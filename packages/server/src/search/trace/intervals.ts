/** Half-open, in microseconds. */
export interface Interval {
  readonly fromUs: number;
  readonly toUs: number;
}

/** How much of `within` the intervals cover together. */
export function coveredUs(within: Interval, intervals: readonly Interval[]): number {
  const sorted = intervals.toSorted((a, b) => a.fromUs - b.fromUs);
  let covered = 0;
  let edge = within.fromUs;
  for (const { fromUs, toUs } of sorted) {
    const [from, to] = [Math.max(fromUs, edge), Math.min(toUs, within.toUs)];
    if (to > from) {
      covered += to - from;
      edge = to;
    }
  }
  return covered;
}

/** By how much `inner` sticks out of `outer` at its worse end. */
export function outsideUs(outer: Interval, inner: Interval): number {
  return Math.max(outer.fromUs - inner.fromUs, inner.toUs - outer.toUs, 0);
}
