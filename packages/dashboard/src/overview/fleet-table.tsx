import { formatCount, formatDuration, formatRate, formatShare } from "../page/format.ts";
import { SearchLink, ServiceLink, term } from "../page/links.tsx";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import type { ServiceHealth } from "./use-overview.ts";

/** Those that fail most; of a fleet of hundreds nobody reads on, and all of them would take long to draw. */
const FEW = 20;

export function ServiceTable({ services }: { readonly services: readonly ServiceHealth[] }) {
  return (
    <DataTable
      columns={COLUMNS}
      empty="No call was settled in the last hour. Send records, and they show up here within a minute."
      few={FEW}
      keyOf={({ name }) => name}
      label="Services"
      rows={services}
    />
  );
}

/** A number that opens what it counts. */
function found(name: string, more: string, says: string, count: number) {
  if (count === 0) return says;
  return (
    <SearchLink className="text-inherit!" q={`${term("callee", name)}${more}`}>
      {says}
    </SearchLink>
  );
}

const COLUMNS: readonly DataColumn<ServiceHealth>[] = [
  {
    title: "service",
    sort: ({ name }) => name,
    className: "max-w-80 break-words",
    cell: ({ name, kind }) => (
      <>
        <ServiceLink name={name} />
        {kind !== "service" && (
          <span className="pl-2 text-xs text-quiet">
            {kind === "counterpart" ? "records nothing" : "unknown callers"}
          </span>
        )}
      </>
    ),
  },
  {
    title: "calls",
    numeric: true,
    sort: ({ calls }) => calls,
    cell: ({ name, calls }) => found(name, "", formatCount(calls), calls),
  },
  {
    title: "rate",
    numeric: true,
    sort: ({ rate }) => rate ?? -1,
    cell: ({ rate }) => (rate === null ? "–" : formatRate(rate)),
  },
  {
    title: "errors",
    numeric: true,
    sort: ({ errors }) => errors,
    cell: ({ name, errors, errorRatio, calls }) =>
      calls === 0 ? (
        "–"
      ) : (
        <span className={errorRatio > 0.02 ? "font-medium text-bad" : ""}>
          {found(name, " AND status:(error OR timeout)", formatCount(errors), errors)} · {formatShare(errorRatio)}
        </span>
      ),
  },
  {
    title: "slowest p95",
    numeric: true,
    sort: ({ p95Us }) => p95Us ?? -1,
    cell: ({ p95Us }) => (p95Us === null ? "–" : formatDuration(p95Us)),
  },
  {
    title: "match",
    numeric: true,
    sort: ({ matchRate }) => matchRate ?? 2,
    cell: ({ matchRate, broken }) =>
      matchRate === null ? (
        <span className="text-quiet">one side</span>
      ) : (
        <span className={broken > 0 ? "text-warn" : ""}>{formatShare(matchRate)}</span>
      ),
  },
];
