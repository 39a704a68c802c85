import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getJson } from "../client/api.ts";
import { partiesOf } from "../client/edge-name.ts";
import type { Facets } from "../client/search.ts";
import type { Breaks } from "../client/tally.ts";
import type { Histogram } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { term } from "../page/links.tsx";
import type { Period } from "../service/window.ts";

const PAGE_BREAKS = 100;

/** Breaks of the period with their counts over time; each page goes on where the one before ended. */
export function useBreaks(period: Period, kind: string | undefined, edge: string | undefined) {
  const { from, to } = period;
  const list = useInfiniteQuery({
    queryKey: ["breaks", from, to, kind, edge],
    queryFn: ({ pageParam, signal }) =>
      getJson<Breaks>("/api/tally", { from, to, kind, edge, limit: PAGE_BREAKS, cursor: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
  });
  const { caller, callee } = partiesOf(edge ?? "") ?? { caller: "", callee: "" };
  const ofEdge = edge === undefined ? "" : ` AND ${term("tally.caller", caller)} AND ${term("tally.callee", callee)}`;
  const verdicts = `event_type:TALLY_VERDICT AND status:error${ofEdge}`;
  const q = kind === undefined ? verdicts : `${verdicts} AND ${term("operation", kind)}`;
  const histogram = useApi<Histogram>("/api/histogram", { q, from, to, own: true, buckets: 60 }, { keep: true });
  const kinds = useApi<Facets>(
    "/api/facets",
    { q: verdicts, from, to, own: true, fields: "operation", limit: 20 },
    { keep: true },
  );
  return { list, histogram, kinds, q };
}
