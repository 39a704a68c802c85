import { keepPreviousData, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { getJson, type Query } from "./api.ts";

interface ApiOptions {
  /** False: not asked yet. */
  readonly enabled?: boolean;
  /** Asked again after so long. */
  readonly everyMs?: number;
  /** Show what was there before while another question is under way. */
  readonly keep?: boolean;
}

/** The answer of one address of the API; what is asked is its name in the cache, and leaving the page stops it. */
export function useApi<T>(path: string, query: Query = {}, options: ApiOptions = {}): UseQueryResult<T> {
  return useQuery({
    queryKey: [path, query],
    queryFn: ({ signal }) => getJson<T>(path, query, signal),
    enabled: options.enabled ?? true,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
    ...(options.keep === true ? { placeholderData: keepPreviousData } : {}),
  });
}
