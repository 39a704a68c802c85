/**
 * Which services of a large map belong together: those whose names begin with the same word, as `orders-api` and
 * `orders-worker` do; who shares his word with too few goes to those whom he mostly calls or is called by. The same
 * services and calls give the same groups.
 */
import type { LayoutEdge } from "./shape.ts";

export interface Group {
  /** What its members are said to be: their word, or `around` the busiest of them. */
  readonly name: string;
  /** What every member's name begins with, its separator too; empty: they have no word in common. */
  readonly prefix: string;
  readonly members: readonly string[];
}

const LEAST_MEMBERS = 3;
/** A word that more than this share of all names begin with tells nothing: it takes a second one. */
const TELLS_NOTHING = 0.6;
const MAX_WORDS = 3;
const ROUNDS = 8;

export function groupsOf(names: readonly string[], edges: readonly LayoutEdge[]): readonly Group[] {
  const words = wordsOf(names);
  const labels = spread(names, edges, words);
  const members = new Map<string, string[]>();
  for (const name of names) {
    const label = labels.get(name) ?? name;
    const found = members.get(label);
    if (found === undefined) members.set(label, [name]);
    else found.push(name);
  }
  const callsOf = new Map<string, number>();
  for (const { caller, callee, calls } of edges)
    for (const name of [caller, callee]) callsOf.set(name, (callsOf.get(name) ?? 0) + calls);
  return [...members].map(([label, found]): Group => {
    const isWord = found.some((name) => words.get(name) === label);
    if (isWord) {
      const prefix = found.every((name) => name.startsWith(label)) ? label : "";
      return { name: label.replace(/[-_.:/]+$/, ""), prefix, members: found };
    }
    const busiest = found.reduce((a, b) => ((callsOf.get(b) ?? 0) > (callsOf.get(a) ?? 0) ? b : a));
    return { name: found.length === 1 ? "" : `around ${busiest}`, prefix: "", members: found };
  });
}

/** The words that make groups, with their separator, by name; names without one are not in it. */
function wordsOf(names: readonly string[]): ReadonlyMap<string, string> {
  for (let count = 1; ; count++) {
    const words = new Map(names.map((name) => [name, firstWords(name, count)] as const));
    const sizes = new Map<string, number>();
    for (const word of words.values()) if (word !== "") sizes.set(word, (sizes.get(word) ?? 0) + 1);
    const most = Math.max(0, ...sizes.values());
    if (most > names.length * TELLS_NOTHING && count < MAX_WORDS) continue;
    return new Map([...words].filter(([, word]) => (sizes.get(word) ?? 0) >= LEAST_MEMBERS));
  }
}

function firstWords(name: string, count: number): string {
  return new RegExp(`^(?:[^-_.:/\\s]+[-_.:/]){${count}}`).exec(name)?.[0] ?? "";
}

/** Who has no word takes the label of those he has most to do with, until nobody changes his. */
function spread(
  names: readonly string[],
  edges: readonly LayoutEdge[],
  words: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const near = new Map<string, (readonly [string, number])[]>(names.map((name) => [name, []]));
  for (const { caller, callee, calls } of edges) {
    if (caller === callee) continue;
    near.get(caller)?.push([callee, Math.log1p(calls)]);
    near.get(callee)?.push([caller, Math.log1p(calls)]);
  }
  const labels = new Map(names.map((name) => [name, words.get(name) ?? name]));
  const loose = names.filter((name) => !words.has(name));
  for (let round = 0; round < ROUNDS; round++) {
    let changed = 0;
    for (const name of loose) {
      const weights = new Map<string, number>();
      for (const [other, weight] of near.get(name) ?? []) {
        const label = labels.get(other) ?? other;
        weights.set(label, (weights.get(label) ?? 0) + weight);
      }
      const [best] = [...weights].toSorted(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
      if (best === undefined || best[0] === labels.get(name)) continue;
      labels.set(name, best[0]);
      changed++;
    }
    if (changed === 0) break;
  }
  return labels;
}
