import { Link } from "@tanstack/react-router";
import { edgeName } from "../client/edge-name.ts";
import { formatCount, formatDuration, formatRate, formatShare } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import type { MapEdge, ServiceMap } from "./use-map.ts";

/** The map in words and figures, for who reads better than he looks. */
export function EdgeTable({ map, chosen }: { readonly map: ServiceMap; readonly chosen: string | undefined }) {
  return (
    <Panel className="grow overflow-y-auto" flush title="Edges">
      <DataTable
        columns={COLUMNS}
        isChosen={({ edge }) => edgeName(edge) === chosen}
        keyOf={({ edge }) => edgeName(edge)}
        label="Edges"
        rows={map.edges}
      />
    </Panel>
  );
}

const COLUMNS: readonly DataColumn<MapEdge>[] = [
  {
    title: "edge",
    sort: ({ edge }) => edgeName(edge),
    cell: ({ edge }) => (
      <Link
        className="text-accent underline decoration-line"
        from="/map"
        search={(before) => ({ ...before, edge: edgeName(edge) })}
        to="/map"
      >
        {edge.caller} → {edge.callee}
      </Link>
    ),
  },
  {
    title: "is",
    sort: ({ look }) => look,
    cell: ({ look }) => <span className={look === "well" ? "text-quiet" : "text-bad"}>{look}</span>,
  },
  { title: "calls", numeric: true, sort: ({ edge }) => edge.calls, cell: ({ edge }) => formatCount(edge.calls) },
  {
    title: "rate",
    numeric: true,
    cell: ({ edge: { calls_per_second: rate } }) => (rate === null ? "–" : formatRate(rate)),
  },
  {
    title: "fail",
    numeric: true,
    sort: ({ edge }) => edge.error_ratio,
    cell: ({ edge }) => formatShare(edge.error_ratio),
  },
  {
    title: "p95",
    numeric: true,
    sort: ({ edge }) => edge.p95_us ?? -1,
    cell: ({ edge: { p95_us: us } }) => (us === null ? "–" : formatDuration(us)),
  },
  {
    title: "match",
    numeric: true,
    sort: ({ edge }) => edge.match_rate ?? 2,
    cell: ({ edge: { match_rate: rate } }) => (rate === null ? "one side" : formatShare(rate)),
  },
];
