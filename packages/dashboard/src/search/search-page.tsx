import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";
import { RecordDrawer } from "../record/record-drawer.tsx";
import { HistogramView } from "./histogram-view.tsx";
import { QueryBar } from "./query-bar.tsx";
import { RecordTable } from "./record-table.tsx";
import { ResultLine } from "./result-line.tsx";
import { ProblemView } from "../page/problem-view.tsx";
import type { SearchState } from "./search-state.ts";
import { useHistogram, useRecords, useTotal } from "./use-search.ts";

/** Query, time range, histogram, table; a record opens beside them. The address holds all of it. */
export function SearchPage() {
  const state = useSearch({ from: "/" });
  const navigate = useNavigate({ from: "/" });
  const change = useCallback(
    (changes: Partial<SearchState>) => void navigate({ search: (before) => ({ ...before, ...changes }) }),
    [navigate],
  );
  const records = useRecords(state);
  const histogram = useHistogram(state);
  const total = useTotal(state);
  const all = records.data?.pages.flatMap((page) => page.records) ?? [];
  const closeRecord = useCallback(() => change({ record: undefined }), [change]);
  return (
    <main className="flex h-full min-h-0 flex-col gap-3 p-4">
      <h1 className="sr-only">Search</h1>
      <QueryBar
        state={state}
        change={change}
        refresh={() => void records.refetch().then(() => histogram.refetch())}
        problem={records.error}
      />
      {records.error === null ? (
        <div className="flex min-h-0 grow flex-col gap-3 lg:flex-row">
          <div className="flex min-h-0 min-w-0 grow flex-col gap-3">
            <HistogramView histogram={histogram.data} change={change} />
            <ResultLine
              state={state}
              change={change}
              histogram={histogram.data}
              total={total.data}
              first={records.data?.pages[0]}
              busy={records.isFetching}
            />
            <RecordTable
              records={all}
              loading={records.isPending}
              more={records.hasNextPage && !records.isFetchingNextPage ? () => void records.fetchNextPage() : null}
              selected={state.record}
              open={(record) => change({ record })}
            />
          </div>
          {state.record !== undefined && (
            <RecordDrawer record={state.record} close={closeRecord} search={(q) => change({ q, record: undefined })} />
          )}
        </div>
      ) : (
        <ProblemView problem={records.error} retry={() => void records.refetch()} />
      )}
    </main>
  );
}
