/**
 * Counters of the map that only grow while the process lives. What the map says of an edge may fall when a late half
 * changes it; then its counter stands still until the map has passed it. Only so many edges have series of their own;
 * what the others add goes into one more, so that an edge which comes or goes moves no counter back.
 */
import { edgeName } from "./deadlines.ts";
import type { Edge } from "./reading.ts";

/** Counters of one edge, by position. */
export type Totals = readonly number[];

export interface MappedEdge extends Edge {
  readonly totals: Totals;
  /** When it was last called, in microseconds. */
  readonly lastUs: number;
}

export interface EdgeSeries<One> {
  /** Null: all edges without series of their own. */
  readonly edge: One | null;
  readonly totals: Totals;
}

interface Held {
  /** The most that the map ever said. */
  readonly high: number[];
  /** What was added while the edge had series of its own. */
  readonly own: number[];
}

const HOUR_US = 3_600_000_000;

export class EdgeTotals<One extends MappedEdge> {
  readonly #maxSeries: number;
  readonly #held = new Map<string, Held>();
  #rest: number[] = [];

  constructor(maxSeries: number) {
    this.#maxSeries = maxSeries;
  }

  /** Takes in what the map says of all edges; the most recently called ones first, the rest last. */
  update(edges: readonly One[]): readonly EdgeSeries<One>[] {
    const ranked = edges.toSorted(newestFirst);
    const series = ranked.slice(0, this.#maxSeries).map((edge) => ({ edge, totals: this.#added(edge, true) }));
    const others = ranked.slice(this.#maxSeries);
    for (const edge of others) this.#added(edge, false);
    return this.#rest.length === 0 ? series : [...series, { edge: null, totals: [...this.#rest] }];
  }

  #added(edge: One, hasSeries: boolean): Totals {
    const name = edgeName(edge.caller, edge.callee);
    const zeros = () => edge.totals.map(() => 0);
    const held = this.#held.get(name) ?? { high: zeros(), own: zeros() };
    this.#held.set(name, held);
    if (!hasSeries && this.#rest.length === 0) this.#rest = zeros();
    const into = hasSeries ? held.own : this.#rest;
    for (const [at, total] of edge.totals.entries()) {
      into[at]! += Math.max(0, total - held.high[at]!);
      held.high[at] = Math.max(total, held.high[at]!);
    }
    return [...held.own];
  }
}

/** By the hour of the last call and then by the first counter, so that edges do not change places all the time. */
function newestFirst(a: MappedEdge, b: MappedEdge): number {
  const hours = Math.floor(b.lastUs / HOUR_US) - Math.floor(a.lastUs / HOUR_US);
  if (hours !== 0) return hours;
  return b.totals[0]! - a.totals[0]! || (edgeName(a.caller, a.callee) < edgeName(b.caller, b.callee) ? -1 : 1);
}
