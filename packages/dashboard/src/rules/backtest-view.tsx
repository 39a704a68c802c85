import { ApiProblem } from "../client/api.ts";
import type { Backtest } from "../client/rules.ts";
import { formatCount, formatDuration } from "../page/format.ts";
import { CallLink, SearchLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { SelectBox, type Choice } from "../page/select-box.tsx";
import { Answer, Busy, Empty } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import { BacktestChart } from "./backtest-chart.tsx";
import { FiredList } from "./fired-list.tsx";
import { useBacktest, type BacktestPeriod, type Subject } from "./use-backtest.ts";

interface BacktestViewProps {
  readonly subject: Subject;
  readonly period: BacktestPeriod;
  readonly choose: (period: { readonly from?: string | undefined; readonly to?: string | undefined }) => void;
  /** Null: it can be tried. */
  readonly waits: string | null;
}

const PERIODS: readonly (readonly [string, string])[] = [
  ["now-1h", "last hour"],
  ["now-1d", "last day"],
  ["now-7d", "last 7 days"],
  ["now-30d", "last 30 days"],
];
export const DEFAULT_PERIOD = "now-1d";

/** What a rule would have found: how often, when, and the latest records. */
export function BacktestView({ subject, period, choose, waits }: BacktestViewProps) {
  const { tried, all } = useBacktest(subject, period, waits === null);
  return (
    <Panel
      actions={
        <>
          <Busy queryKey={["backtest"]} />
          <PastPicker choose={choose} period={period} />
        </>
      }
      note={tried.data === undefined ? undefined : `tried in ${formatDuration(tried.data.elapsed_ms * 1_000)}`}
      title="On the past"
    >
      {waits !== null ? (
        <Empty>{waits}</Empty>
      ) : isRefused(tried.error) ? (
        <Empty>{tried.error.message}</Empty>
      ) : (
        <Answer lines={6} of={tried}>
          {(found) => (
            <div className={`flex flex-col gap-4 ${tried.isPlaceholderData ? "opacity-60" : ""}`}>
              <p>
                <span className="text-xl font-semibold tabular-nums">{formatCount(found.hits)}</span> {hitWord(found)}
                <span className="text-quiet">, {formatCount(found.per_day)} a day</span>
              </p>
              <BacktestChart all={all} pick={(from, to) => choose({ from, to })} tried={found} />
              {found.fired === undefined ? <Sample found={found} /> : <FiredList fired={found.fired} />}
            </div>
          )}
        </Answer>
      )}
    </Panel>
  );
}

function hitWord({ hits, fired }: Backtest): string {
  if (fired !== undefined) return hits === 1 ? "time it would have fired" : "times it would have fired";
  return hits === 1 ? "hit" : "hits";
}

/** Trying again gives no other answer. */
function isRefused(error: Error | null): error is ApiProblem {
  return error instanceof ApiProblem && error.status === 400;
}

function PastPicker({ period, choose }: Pick<BacktestViewProps, "period" | "choose">) {
  const { clock, label } = useMoments();
  const isPicked = period.to !== undefined || !PERIODS.some(([name]) => name === period.from);
  const said =
    period.to === undefined ? `since ${period.from}` : `${clock(period.from)} – ${clock(period.to)} ${label}`;
  const own: readonly Choice[] = isPicked ? [["picked", said]] : [];
  return (
    <SelectBox
      aria-label="Tried on"
      choices={[...own, ...PERIODS]}
      choose={(chosen) => {
        if (chosen !== "picked") choose({ from: chosen, to: undefined });
      }}
      low
      value={isPicked ? "picked" : period.from}
    />
  );
}

function Sample({ found: { sample, hits } }: { readonly found: Backtest }) {
  const { moment, label } = useMoments();
  if (hits === 0) return <p className="text-quiet">It would have found nothing.</p>;
  const columns: readonly DataColumn<Backtest["sample"][number]>[] = [
    {
      title: `when, ${label}`,
      className: "whitespace-nowrap tabular-nums",
      cell: ({ timestamp, tree, leaf_index: index }) => (
        <SearchLink from="all" own q={`${term("tree", tree)} AND leaf_index:${index}`} record={`${tree}/${index}`}>
          {moment(timestamp).replace(/\.\d+$/, "")}
        </SearchLink>
      ),
    },
    {
      title: "call",
      cell: ({ call_id: id, caller, callee }) => {
        const says = callee === "" ? caller : `${caller} → ${callee}`;
        return id === "" ? says : <CallLink id={id}>{says}</CallLink>;
      },
    },
    { title: "operation", className: "[overflow-wrap:anywhere]", cell: ({ operation }) => operation },
  ];
  return (
    <section aria-label="The latest ones" className="-mx-4 -mb-4 border-t border-line">
      <DataTable
        columns={columns}
        keyOf={({ tree, leaf_index: index }) => `${tree}/${index}`}
        label="Records that it finds"
        rows={sample}
      />
    </section>
  );
}
