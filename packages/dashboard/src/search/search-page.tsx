import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Popover } from "../page/popover.tsx";
import { ProblemView } from "../page/problem-view.tsx";
import { RecordDrawer } from "../record/record-drawer.tsx";
import { ColumnPicker } from "./column-picker.tsx";
import { ExportMenu } from "./export-menu.tsx";
import { FacetList } from "./facet-list.tsx";
import { HistogramView } from "./histogram-view.tsx";
import { QueryBar } from "./query-bar.tsx";
import { keyOf, RecordTable } from "./record-table.tsx";
import { ResultLine } from "./result-line.tsx";
import { SavedSearches } from "./saved-searches.tsx";
import { columnsOf, type SearchState } from "./search-state.ts";
import { MAX_ROWS, useFarRows } from "./use-far-rows.ts";
import { useHistogram, useOwnCount, useRecords, useTotal } from "./use-search.ts";
import { useTail } from "./use-tail.ts";

/** Query, time range, values, histogram, table; a record opens beside them. The address holds all of it. */
export function SearchPage() {
  const state = useSearch({ from: "/search" });
  const navigate = useNavigate({ from: "/search" });
  const change = useCallback(
    (changes: Partial<SearchState>) => void navigate({ search: (before) => ({ ...before, ...changes }) }),
    [navigate],
  );
  const records = useRecords(state);
  // Opening a record or another column asks nothing anew, and so draws nothing of this anew.
  const { q, own, from, to } = state;
  const asked = useMemo(() => ({ q, own, from, to }), [q, own, from, to]);
  const isShown = areShown(records);
  const closeRecord = useCallback(() => change({ record: undefined }), [change]);
  return (
    <main className="relative flex h-full min-h-0 flex-col gap-3 overflow-y-auto p-4 lg:overflow-hidden">
      <h1 className="sr-only">Search</h1>
      <QueryBar change={change} problem={records.error} refresh={() => void records.refetch()} state={state}>
        <div className={state.record === undefined ? "xl:hidden" : "2xl:hidden"}>
          <Popover className="max-h-[70vh] w-64 overflow-y-auto" label="Values">
            {() => <FacetList change={change} isAsked={isShown} state={asked} />}
          </Popover>
        </div>
        <SavedSearches change={change} state={state} />
        <ColumnPicker change={change} state={state} />
        <ExportMenu state={state} />
      </QueryBar>
      {records.error !== null && records.data === undefined ? (
        <ProblemView problem={records.error} retry={() => void records.refetch()} />
      ) : (
        <div className="flex min-h-0 grow flex-col gap-3 lg:flex-row">
          <div
            className={`hidden w-52 shrink-0 overflow-y-auto pr-1 ${state.record === undefined ? "xl:block" : "2xl:block"}`}
          >
            <FacetList change={change} isAsked={isShown} state={asked} />
          </div>
          <Results change={change} records={records} state={state} />
          {state.record !== undefined && (
            <RecordDrawer close={closeRecord} record={state.record} search={(q) => change({ q, record: undefined })} />
          )}
        </div>
      )}
    </main>
  );
}

interface ResultsProps {
  readonly state: SearchState;
  readonly change: (changes: Partial<SearchState>) => void;
  readonly records: ReturnType<typeof useRecords>;
}

function Results({ state, change, records }: ResultsProps) {
  const histogram = useHistogram(state);
  const isShown = areShown(records);
  const total = useTotal(state, isShown);
  const ownCount = useOwnCount(state, isShown);
  const [isPaused, setIsPaused] = useState(false);
  // When the first page was asked for: rows further down are those of that moment.
  const [askedAtMs, setAskedAtMs] = useState(0);
  const firstPage = records.data?.pages[0];
  useEffect(() => setAskedAtMs(Date.now()), [firstPage]);
  const tail = useTail(state, isPaused);
  const { columns } = state;
  const fields = useMemo(() => columnsOf({ columns }), [columns]);
  const pages = records.data?.pages;
  const all = useMemo(() => joined(tail.records, pages?.flatMap((page) => page.records) ?? []), [tail.records, pages]);
  const table = useRef<HTMLDivElement>(null);
  // The newest are at the top; being there again is what goes on.
  const toTop = () => table.current?.scrollTo({ top: 0 });
  const open = useCallback((record: string) => change({ record }), [change]);
  const [far, setFar] = useState<readonly [number, number] | null>(null);
  const isWhole = state.live !== true && histogram.data?.partial !== true && pages?.[0]?.partial !== true;
  const count = isWhole ? Math.min(histogram.data?.total ?? 0, MAX_ROWS) : all.length;
  const { rowAt } = useFarRows(state, count, askedAtMs, far);
  return (
    <div className="flex min-h-[32rem] min-w-0 grow flex-col gap-3 lg:min-h-0">
      <HistogramView change={change} histogram={histogram.data} />
      <ResultLine
        busy={records.isFetching}
        change={change}
        first={pages?.[0]}
        histogram={histogram.data}
        ownCount={ownCount}
        resume={toTop}
        state={state}
        tail={tail}
        total={total.data}
      />
      <RecordTable
        frame={table}
        count={count}
        farRow={rowAt}
        sees={setFar}
        atTop={(isAtTop) => setIsPaused(!isAtTop)}
        fields={fields}
        loading={records.isPending}
        more={records.hasNextPage && !records.isFetchingNextPage ? () => void records.fetchNextPage() : null}
        open={open}
        records={all}
        selected={state.record}
        since={histogram.data?.buckets[0]?.from}
      />
    </div>
  );
}

/** The rows of this very question are there: what stands beside them is asked for after them, and does not slow them. */
function areShown({ data, isPlaceholderData }: ReturnType<typeof useRecords>): boolean {
  return data !== undefined && !isPlaceholderData;
}

/** What came live, then what was found; a record that is both stands once. */
function joined<Stored extends Parameters<typeof keyOf>[0]>(live: readonly Stored[], found: readonly Stored[]) {
  if (live.length === 0) return found;
  const seen = new Set(live.map(keyOf));
  return [...live, ...found.filter((stored) => !seen.has(keyOf(stored)))];
}
