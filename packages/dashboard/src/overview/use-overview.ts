import { useMemo } from "react";
import type { Alerts } from "../client/alerts.ts";
import type { Graph } from "../client/graph.ts";
import type { Producers, Status } from "../client/status.ts";
import type { Histogram } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";

const EVERY_MS = 30_000;

/** A service as its callers saw it in the last hour. */
export interface ServiceHealth {
  readonly name: string;
  readonly kind: string;
  readonly calls: number;
  readonly rate: number | null;
  readonly errors: number;
  readonly errorRatio: number;
  /** The slowest edge's. */
  readonly p95Us: number | null;
  /** Of calls to it that could be compared; null: of none. */
  readonly matchRate: number | null;
  readonly broken: number;
}

export function useOverview() {
  const options = { everyMs: EVERY_MS, keep: true };
  const status = useApi<Status>("/api/status", {}, { everyMs: 5_000, keep: true });
  const graph = useApi<Graph>("/api/graph", { from: "now-1h" }, options);
  const histogram = useApi<Histogram>("/api/histogram", { from: "now-1h", to: "now" }, options);
  const recent = useApi<Histogram>(
    "/api/histogram",
    { from: "now-1m", to: "now", time: "received_at", buckets: 1 },
    options,
  );
  const numbering = useApi<Producers>("/api/producers", { limit: 1, gaps: 1 }, options);
  const silent = useApi<Producers>("/api/producers", { state: "silent", limit: 100, gaps: 1 }, options);
  const gaps = useApi<Producers>("/api/producers", { state: "gap", limit: 100, gaps: 1 }, options);
  const alerts = useApi<Alerts>(
    "/api/alerts",
    { state: "open", quiet: "false", suppressed: "false", limit: 1 },
    options,
  );
  const services = useMemo(() => (graph.data === undefined ? [] : healthOf(graph.data)), [graph.data]);
  return { status, graph, histogram, recent, numbering, silent, gaps, alerts, services };
}

export type OverviewFound = ReturnType<typeof useOverview>;

function healthOf({ services, edges }: Graph): readonly ServiceHealth[] {
  const found = services.map(({ name, kind }): ServiceHealth => {
    const into = edges.filter(({ callee }) => callee === name);
    const sum = (value: (edge: (typeof into)[number]) => number) => into.reduce((all, edge) => all + value(edge), 0);
    const calls = sum((edge) => edge.calls);
    const errors = sum((edge) => edge.errors);
    const matched = sum(({ states }) => states["matched"] ?? 0);
    const broken = sum(brokenCalls);
    return {
      name,
      kind,
      calls,
      rate: into.length === 0 ? null : sum((edge) => edge.calls_per_second ?? 0),
      errors,
      errorRatio: calls === 0 ? 0 : errors / calls,
      p95Us: into.reduce<number | null>((most, { p95_us: us }) => (us === null ? most : Math.max(most ?? 0, us)), null),
      matchRate: matched + broken === 0 ? null : matched / (matched + broken),
      broken,
    };
  });
  // Five failures of ten thousand calls are more to act on than one of one, and less than fifty.
  return found.toSorted((a, b) => b.errors - a.errors || b.calls - a.calls);
}

/** Calls whose halves could be compared and do not agree. */
export function brokenCalls({ states }: { readonly states: Readonly<Record<string, number>> }): number {
  return (states["discrepant"] ?? 0) + (states["unpaired_caller"] ?? 0) + (states["unpaired_callee"] ?? 0);
}
