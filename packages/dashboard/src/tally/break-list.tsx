import { breakMeaning, stateMeaning } from "../call/call-words.ts";
import { edgeName, partiesOf } from "../client/edge-name.ts";
import type { Break } from "../client/tally.ts";
import { Button } from "../page/button.tsx";
import { Fact, Facts } from "../page/fact.tsx";
import { formatCount, shortId } from "../page/format.ts";
import { CallLink, SearchLink, ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { ProblemView } from "../page/problem-view.tsx";
import { Loading } from "../page/states.tsx";
import { ValueBars } from "../page/value-bars.tsx";
import { useMoments, type Moments } from "../page/zone.ts";
import { HistogramView } from "../search/histogram-view.tsx";
import type { Period } from "../service/window.ts";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import type { ChangeTally, TallyState } from "./tally-page.tsx";
import { useBreaks } from "./use-breaks.ts";

interface BreakListProps {
  readonly state: TallyState;
  readonly change: ChangeTally;
  readonly period: Period;
}

const COUNTED = ["matched", "discrepant", "unpaired_caller", "unpaired_callee", "one_sided", "unknown_caller"];

/** Breaks over time and by kind, and each of them, to the call. */
export function BreakList({ state, change, period }: BreakListProps) {
  const { list, histogram, kinds, q } = useBreaks(period, state.kind, state.edge);
  const pages = list.data?.pages;
  const counts = pages?.[0]?.counts ?? {};
  return (
    <>
      <Facts label="Calls by state">
        {COUNTED.map((name) => {
          const { title, tone } = stateMeaning(name);
          const count = counts[name] ?? 0;
          const isBad = count > 0 && tone === "bad";
          return (
            <Fact
              key={name}
              says={stateMeaning(name).says}
              title={title}
              value={pages === undefined ? "…" : formatCount(count)}
              {...(isBad ? { tone } : {})}
            />
          );
        })}
      </Facts>
      <Chosen change={change} state={state} />
      <div className="grid gap-4 xl:grid-cols-[2fr_1fr]">
        <Panel note="breaks as they were found, also those that a late half resolved" title="Over time">
          <HistogramView change={(picked) => change({ from: picked.from, to: picked.to })} histogram={histogram.data} />
        </Panel>
        <Panel note="the same" title="By kind">
          <ValueBars
            empty="No break in this period."
            facet={kinds.data?.facets[0]}
            shown={(kind) => (
              <button
                className="cursor-pointer text-left text-accent underline decoration-line"
                onClick={() => change({ kind })}
                type="button"
              >
                {breakMeaning(kind)}
              </button>
            )}
          />
        </Panel>
      </div>
      <Panel
        actions={
          <SearchLink from={period.from} own q={q} to={period.to}>
            as records
          </SearchLink>
        }
        flush
        note="newest first"
        title="Breaks"
      >
        {list.error !== null && <ProblemView problem={list.error} retry={() => void list.refetch()} />}
        {pages === undefined && list.error === null && <Loading lines={6} />}
        {pages !== undefined && <Table breaks={pages.flatMap(({ breaks }) => breaks)} change={change} />}
        {list.hasNextPage && (
          <p className="border-t border-line p-3 text-center">
            <Button disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              Older ones
            </Button>
          </p>
        )}
      </Panel>
    </>
  );
}

function Chosen({ state, change }: Pick<BreakListProps, "state" | "change">) {
  if (state.kind === undefined && state.edge === undefined) return null;
  return (
    <p className="flex flex-wrap gap-2">
      {state.kind !== undefined && (
        <Button onClick={() => change({ kind: undefined })}>{breakMeaning(state.kind)} ×</Button>
      )}
      {state.edge !== undefined && (
        <Button onClick={() => change({ edge: undefined })}>edge {shown(state.edge)} ×</Button>
      )}
    </p>
  );
}

function Table({ breaks, change }: { readonly breaks: readonly Break[]; readonly change: ChangeTally }) {
  const moments = useMoments();
  return (
    <DataTable
      columns={columns(moments, change)}
      empty="No break in this period: every call that could be compared agrees."
      keyOf={(one) => `${one.verdict.tree}/${one.verdict.leaf_index}/${one.kind}/${one.field ?? ""}`}
      label="Breaks"
      rows={breaks}
    />
  );
}

function shown(edge: string): string {
  const parties = partiesOf(edge);
  return parties === null ? edge : `${parties.caller}:${parties.callee}`;
}

function told(value: string | null): string {
  return value === null ? "–" : value.startsWith("sha256:") ? shortId(value) : value;
}

function columns({ clock, label }: Moments, change: ChangeTally): readonly DataColumn<Break>[] {
  return [
    {
      title: `due (${label})`,
      className: "whitespace-nowrap tabular-nums",
      cell: ({ timestamp, call_id: id }) =>
        id === null ? clock(timestamp) : <CallLink id={id}>{clock(timestamp)}</CallLink>,
    },
    {
      title: "what",
      cell: ({ kind, holds }) => (
        <>
          <span className={holds ? "" : "text-quiet line-through"}>{breakMeaning(kind)}</span>
          {!holds && <span className="text-quiet"> resolved later</span>}
        </>
      ),
    },
    {
      title: "edge",
      className: "whitespace-nowrap",
      cell: ({ caller, callee }) => (
        <>
          <ServiceLink name={caller} /> → <ServiceLink name={callee} />{" "}
          <button
            aria-label={`Only ${caller} to ${callee}`}
            className="ml-1 cursor-pointer rounded border border-line px-1 text-xs text-quiet hover:border-quiet hover:text-ink"
            onClick={() => change({ edge: edgeName({ caller, callee }) })}
            type="button"
          >
            only
          </button>
        </>
      ),
    },
    { title: "field", className: "font-mono text-xs", cell: ({ field }) => field ?? "" },
    {
      title: "caller says",
      className: "max-w-56 truncate font-mono text-xs",
      cell: ({ caller_value: value }) => told(value),
    },
    {
      title: "callee says",
      className: "max-w-56 truncate font-mono text-xs",
      cell: ({ callee_value: value }) => told(value),
    },
  ];
}
