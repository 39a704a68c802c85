import { useMemo } from "react";
import { edgeName } from "../client/edge-name.ts";
import type { Graph, GraphEdge, ServiceKind } from "../client/graph.ts";
import { useApi } from "../client/use-api.ts";
import { shiftedBy, type Period } from "../service/window.ts";

/** How an edge is, worst first: this gives it its colour. */
export type EdgeLook = "broken" | "failing" | "new" | "gone" | "slower" | "well";

export interface MapEdge {
  readonly edge: GraphEdge;
  readonly look: EdgeLook;
  /** The same edge in the window that is compared with. */
  readonly before: GraphEdge | null;
}

export interface ServiceMap {
  readonly services: readonly { readonly name: string; readonly kind: ServiceKind }[];
  readonly edges: readonly MapEdge[];
}

export const COMPARISONS: readonly (readonly [string, string])[] = [
  ["", "Nothing"],
  ["before", "The time right before"],
  ["day", "The same time yesterday"],
  ["week", "The same time last week"],
];

const DAY_MS = 86_400_000;
const FAILING = 0.02;
const SLOWER = 1.5;
const SLOWER_BY_US = 5_000;

export function useMap(period: Period, service: string | undefined, compare: string | undefined) {
  const asked = service === undefined ? {} : { service };
  const now = useApi<Graph>("/api/graph", { ...asked, from: period.from, to: period.to }, { keep: true });
  const backMs = { before: period.toMs - period.fromMs, day: DAY_MS, week: 7 * DAY_MS }[compare ?? ""];
  const earlier = shiftedBy(period, -(backMs ?? 0));
  const other = useApi<Graph>(
    "/api/graph",
    { ...asked, from: earlier.from, to: earlier.to },
    { keep: true, enabled: backMs !== undefined },
  );
  const compared = backMs === undefined ? undefined : other.data;
  const map = useMemo(() => (now.data === undefined ? null : mapOf(now.data, compared)), [now.data, compared]);
  return { now, map };
}

function mapOf(now: Graph, then: Graph | undefined): ServiceMap {
  const before = new Map(then?.edges.map((edge) => [edgeName(edge), edge]));
  const edges = now.edges.map((edge): MapEdge => {
    const earlier = before.get(edgeName(edge)) ?? null;
    return { edge, before: earlier, look: lookOf(edge, earlier, then !== undefined) };
  });
  const known = new Set(now.edges.map(edgeName));
  const gone = (then?.edges ?? []).filter((edge) => !known.has(edgeName(edge)));
  const names = new Set(now.services.map(({ name }) => name));
  const lost = (then?.services ?? []).filter(({ name }) => !names.has(name));
  return {
    services: [...now.services, ...lost],
    edges: [...edges, ...gone.map((edge): MapEdge => ({ edge, before: edge, look: "gone" }))],
  };
}

function lookOf(edge: GraphEdge, before: GraphEdge | null, isCompared: boolean): EdgeLook {
  if (strangersIn(edge) > 0) return "broken";
  if (edge.error_ratio > FAILING) return "failing";
  if (isCompared && before === null) return "new";
  const [now, then] = [edge.p95_us, before?.p95_us ?? null];
  if (now !== null && then !== null && now > then * SLOWER && now - then > SLOWER_BY_US) return "slower";
  return "well";
}

/** Calls that the callee saw and the caller it names knows nothing of: somebody else may have made them. */
export function strangersIn({ states }: GraphEdge): number {
  return states["unpaired_callee"] ?? 0;
}
