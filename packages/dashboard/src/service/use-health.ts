import { useEffect, useState } from "react";
import type { Graph } from "../client/graph.ts";
import type { Bottlenecks } from "../client/search.ts";
import type { Histogram } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { term } from "../page/links.tsx";
import { onsetOf, totalsOf } from "./onset.ts";
import { shiftedBy, type Period } from "./window.ts";

const WEEK_MS = 7 * 86_400_000;
const BUCKETS = 60;

/** The time, a new one every half minute; nothing on the screen moves in between. */
export function useNowMs(everyMs = 30_000): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}

/** Calls to a service, each once: by its own records, where it keeps none by its callers'. */
export function callsTo(name: string, recordsItself: boolean): string {
  return `${term("callee", name)} AND side:${recordsItself ? "callee" : "caller"}`;
}

export function useService(name: string, period: Period) {
  const graph = useApi<Graph>(
    "/api/graph",
    { service: name, from: period.from, to: period.to, operations: true },
    { keep: true },
  );
  const kind = graph.data?.services.find((service) => service.name === name)?.kind;
  const q = callsTo(name, kind !== "counterpart");
  const before = shiftedBy(period, -WEEK_MS);
  const asked = { q, buckets: BUCKETS, durations: true };
  const enabled = graph.data !== undefined || graph.error !== null;
  const now = useApi<Histogram>(
    "/api/histogram",
    { ...asked, from: period.from, to: period.to },
    { keep: true, enabled },
  );
  const lastWeek = useApi<Histogram>(
    "/api/histogram",
    { ...asked, from: before.from, to: before.to },
    { keep: true, enabled },
  );
  // How it is comes first; what is asked beside it would only make that wait.
  const isToldHow = now.data !== undefined || now.error !== null;
  const bottlenecks = useApi<Bottlenecks>(
    "/api/bottlenecks",
    { service: name, from: period.from, to: period.to, limit: 50 },
    { keep: true, enabled: isToldHow },
  );
  const usual = lastWeek.data === undefined ? null : totalsOf(lastWeek.data.buckets).ratio;
  const onset = now.data === undefined ? null : onsetOf(now.data.buckets, usual);
  return { graph, kind, q, now, lastWeek, bottlenecks, onset, isToldHow };
}

export type ServiceFound = ReturnType<typeof useService>;
