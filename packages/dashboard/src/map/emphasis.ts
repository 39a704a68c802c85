/** What of a map is drawn by itself: all of a small one; of a large one what is not well, and what is looked at. */
import { edgeName } from "../client/edge-name.ts";
import type { GroupBox } from "./shape.ts";
import type { EdgeLook, MapEdge, ServiceMap } from "./use-map.ts";

/** Of more, somebody sees only that they are many. */
const MAX_TOLD = 150;
const ORDER: readonly EdgeLook[] = ["broken", "failing", "new", "slower", "gone", "well"];

export interface Told {
  /** The worst, each by itself. */
  readonly each: readonly MapEdge[];
  /** The others that are not well, only as lines. */
  readonly others: readonly MapEdge[];
}

export function toldOf(map: ServiceMap, isLarge: boolean): Told {
  if (!isLarge) return { each: map.edges, others: [] };
  const unwell = map.edges
    .filter(({ look }) => look !== "well")
    .toSorted((a, b) => ORDER.indexOf(a.look) - ORDER.indexOf(b.look) || b.edge.errors - a.edge.errors);
  return { each: unwell.slice(0, MAX_TOLD), others: unwell.slice(MAX_TOLD) };
}

/** Calls of and to services that are looked at. */
export function ownOf(map: ServiceMap, services: readonly string[]): readonly MapEdge[] {
  return map.edges.filter(({ edge }) => services.includes(edge.caller) || services.includes(edge.callee));
}

/** Each edge once, in their order. */
export function united(...lists: readonly (readonly MapEdge[])[]): readonly MapEdge[] {
  return [...new Map(lists.flat().map((one) => [edgeName(one.edge), one])).values()];
}

interface Looks {
  readonly find: string;
  readonly service: string | undefined;
  readonly edge: MapEdge | undefined;
}

/** Which services stand out; null: none of them more than others. */
export function nearOf(map: ServiceMap, { find, service, edge }: Looks): ReadonlySet<string> | null {
  if (find !== "") return new Set(map.services.map(({ name }) => name).filter((name) => isFound(name, find)));
  if (edge !== undefined) return new Set([edge.edge.caller, edge.edge.callee]);
  if (service === undefined) return null;
  return new Set([service, ...ownOf(map, [service]).flatMap(({ edge: own }) => [own.caller, own.callee])]);
}

export function isFound(name: string, find: string): boolean {
  return name.toLowerCase().includes(find.toLowerCase());
}

/** Services of whose calls too many fail. */
export function failingOf(map: ServiceMap): ReadonlySet<string> {
  const into = new Map<string, { calls: number; errors: number }>();
  for (const { edge, look } of map.edges) {
    if (look === "gone") continue;
    const before = into.get(edge.callee) ?? { calls: 0, errors: 0 };
    into.set(edge.callee, { calls: before.calls + edge.calls, errors: before.errors + edge.errors });
  }
  return new Set([...into].filter(([, { calls, errors }]) => errors > calls * FAILING).map(([name]) => name));
}

const FAILING = 0.02;

export interface Band {
  readonly from: GroupBox;
  readonly to: GroupBox;
  readonly edges: number;
}

/** Between any two groups one band, both ways in it. */
export function bandsOf(map: ServiceMap, groups: readonly GroupBox[]): readonly Band[] {
  const groupOf = new Map(groups.flatMap((group, at) => group.members.map((name) => [name, at] as const)));
  const counts = new Map<string, number>();
  for (const { edge } of map.edges) {
    const ends = [groupOf.get(edge.caller) ?? -1, groupOf.get(edge.callee) ?? -1].toSorted((a, b) => a - b);
    if (ends[0] !== ends[1]) counts.set(ends.join(" "), (counts.get(ends.join(" ")) ?? 0) + 1);
  }
  return [...counts].flatMap(([key, edges]) => {
    const [from, to] = key.split(" ").map((at) => groups[Number(at)]);
    return from === undefined || to === undefined ? [] : [{ from, to, edges }];
  });
}
