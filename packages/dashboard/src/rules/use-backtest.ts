import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ApiProblem, postJson } from "../client/api.ts";
import type { Backtest } from "../client/rules.ts";
import type { Histogram } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";

/** What is tried: a rule that there is, or a text. */
export type Subject = { readonly id: string } | { readonly text: string };

export interface BacktestPeriod {
  readonly from: string;
  readonly to: string | undefined;
}

const NOT_YET: Backtest = {
  hits: 0,
  per_day: 0,
  width_ms: 0,
  buckets: [],
  sample: [],
  from: "",
  to: "",
  elapsed_ms: 0,
};

/** A rule over the past, and all records of the same period; leaving the page, or another text, stops it. */
export function useBacktest(subject: Subject, { from, to }: BacktestPeriod, enabled: boolean) {
  const tried = useQuery({
    queryKey: ["backtest", subject, from, to],
    queryFn: async ({ signal }) =>
      (await postJson<Backtest>(
        "/api/rules/test",
        { ...subject, from, ...(to === undefined ? {} : { to }) },
        signal,
      )) ?? NOT_YET,
    enabled,
    placeholderData: keepPreviousData,
    // What the server says of the rule it will say again.
    retry: (times, error) => !(error instanceof ApiProblem && error.status === 400) && times < 1,
  });
  const period = tried.data ?? NOT_YET;
  const all = useApi<Histogram>(
    "/api/histogram",
    { from: period.from, to: period.to, own: true },
    { enabled: tried.data !== undefined, keep: true },
  );
  return { tried, all: all.data };
}
