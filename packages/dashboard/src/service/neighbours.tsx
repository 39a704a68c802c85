import type { GraphEdge } from "../client/graph.ts";
import { formatCount, formatDuration, formatRate, formatShare } from "../page/format.ts";
import { SearchLink, ServiceLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import type { ServiceFound } from "./use-health.ts";

/** The bounds of the screen, as its address has them. */
interface Bounds {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

interface NeighboursProps extends Bounds {
  readonly found: ServiceFound;
  readonly name: string;
}

/** Who calls it, and whom it calls. */
export function Neighbours({ found, name, from, to }: NeighboursProps) {
  const columns = columnsOf({ from, to });
  const shown = { found, columns };
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Side {...shown} of={(edge) => edge.caller} title="Callers" wanted={(edge) => edge.callee === name} />
      <Side {...shown} of={(edge) => edge.callee} title="Callees" wanted={(edge) => edge.caller === name} />
    </div>
  );
}

interface SideProps {
  readonly title: string;
  readonly found: ServiceFound;
  readonly columns: readonly DataColumn<GraphEdge>[];
  readonly wanted: (edge: GraphEdge) => boolean;
  readonly of: (edge: GraphEdge) => string;
}

function Side({ title, found, columns, wanted, of }: SideProps) {
  return (
    <Panel flush title={title}>
      <Answer of={found.graph}>
        {(graph) => (
          <DataTable
            columns={[{ title: "service", cell: (edge) => <ServiceLink name={of(edge)} />, sort: of }, ...columns]}
            empty={`No ${title.toLowerCase()} in this period.`}
            keyOf={of}
            label={title}
            rows={graph.edges.filter(wanted)}
          />
        )}
      </Answer>
    </Panel>
  );
}

const columnsOf = (bounds: Bounds): readonly DataColumn<GraphEdge>[] => [
  {
    title: "calls",
    numeric: true,
    sort: ({ calls }) => calls,
    cell: ({ caller, callee, calls }) => (
      <SearchLink {...bounds} q={`${term("caller", caller)} AND ${term("callee", callee)}`}>
        {formatCount(calls)}
      </SearchLink>
    ),
  },
  {
    title: "rate",
    numeric: true,
    cell: ({ calls_per_second: rate }) => (rate === null ? "–" : formatRate(rate)),
  },
  {
    title: "errors",
    numeric: true,
    sort: ({ error_ratio: ratio }) => ratio,
    cell: ({ error_ratio: ratio }) => <span className={ratio > 0.01 ? "text-bad" : ""}>{formatShare(ratio)}</span>,
  },
  {
    title: "p95",
    numeric: true,
    sort: ({ p95_us: us }) => us ?? -1,
    cell: ({ p95_us: us }) => (us === null ? "–" : formatDuration(us)),
  },
  {
    title: "match",
    numeric: true,
    sort: ({ match_rate: rate }) => rate ?? 2,
    cell: ({ match_rate: rate }) =>
      rate === null ? (
        <span className="text-quiet">one side</span>
      ) : (
        <span className={rate < 0.99 ? "text-bad" : ""}>{formatShare(rate)}</span>
      ),
  },
];
