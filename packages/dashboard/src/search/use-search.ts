import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getJson } from "../client/api.ts";
import type { Histogram, SearchPage } from "../client/types.ts";
import { bounds, type SearchState } from "./search-state.ts";

const PAGE_RECORDS = 200;

/** Pages of records, newest first; the next is asked for when the table nears its end. */
export function useRecords(state: SearchState) {
  const { q, own } = state;
  const { from, to } = bounds(state);
  return useInfiniteQuery({
    queryKey: ["records", q, from, to, own],
    queryFn: ({ pageParam, signal }) =>
      getJson<SearchPage>(
        "/api/search",
        { q, from, to, limit: PAGE_RECORDS, cursor: pageParam, ...ownRecords(own) },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
  });
}

export function useHistogram(state: SearchState) {
  const { q, own } = state;
  const { from, to } = bounds(state);
  return useQuery({
    queryKey: ["histogram", q, from, to, own],
    queryFn: ({ signal }) => getJson<Histogram>("/api/histogram", { q, from, to, ...ownRecords(own) }, signal),
    placeholderData: keepPreviousData,
  });
}

/** How many match at any time; asked for only while a range hides some, and after the rows. */
export function useTotal(state: SearchState, isShown: boolean) {
  const { q, own } = state;
  const { from, to } = bounds(state);
  return useQuery({
    queryKey: ["total", q, own],
    queryFn: ({ signal }) => getJson<Histogram>("/api/histogram", { q, buckets: 1, ...ownRecords(own) }, signal),
    enabled: isShown && (from !== undefined || to !== undefined),
    select: (histogram) => histogram.total,
  });
}

/** How many of Tallystick's own match in the range and are left out. */
export function useOwnCount(state: SearchState, isShown: boolean): number | null {
  const { q, own } = state;
  const { from, to } = bounds(state);
  const { data } = useQuery({
    queryKey: ["own count", q, from, to],
    queryFn: ({ signal }) => getJson<Histogram>("/api/histogram", { q, from, to, buckets: 1, own: true }, signal),
    enabled: isShown && own !== true,
    select: (histogram) => histogram.total,
  });
  const without = useHistogram(state).data?.total;
  return own === true || data === undefined || without === undefined ? null : Math.max(data - without, 0);
}

function ownRecords(own: boolean | undefined): { readonly own?: string } {
  return own === true ? { own: "true" } : {};
}
