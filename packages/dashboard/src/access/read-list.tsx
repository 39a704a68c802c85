import type { StoredRecord } from "@tallystick/record";
import type { Facets } from "../client/search.ts";
import type { Histogram, SearchPage } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { formatCount } from "../page/format.ts";
import { SearchLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { PeriodPicker } from "../page/period-picker.tsx";
import { Answer } from "../page/states.tsx";
import { StatusChip } from "../page/status-chip.tsx";
import { ValueBars } from "../page/value-bars.tsx";
import { useMoments } from "../page/zone.ts";
import { HistogramView } from "../search/histogram-view.tsx";
import { DataTable } from "../table/data-table.tsx";

interface ReadListProps {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly by: string | undefined;
  readonly change: (changes: Partial<Record<"from" | "to" | "by", string | undefined>>) => void;
}

const READS = "event_type:ACCESS";

/** Reads of the log over time, by whom, and each of them with what was asked. */
export function ReadList({ from = "now-1d", to, by, change }: ReadListProps) {
  const { label } = useMoments();
  const q = by === undefined ? READS : `${READS} AND ${term("auth_subject", by)}`;
  const period = { from, to };
  const people = useApi<Facets>(
    "/api/facets",
    { q: READS, own: true, ...period, fields: "auth_subject", limit: 20 },
    { keep: true },
  );
  const histogram = useApi<Histogram>("/api/histogram", { q, own: true, ...period }, { keep: true });
  const found = useApi<SearchPage>("/api/search", { q, own: true, ...period, limit: 100 }, { keep: true });
  return (
    <>
      <div className="grid gap-4 xl:grid-cols-[1fr_2fr]">
        <Panel title="By whom">
          <ValueBars
            empty="Nobody read the log in this period, as far as you may see."
            facet={people.data?.facets[0]}
            shown={(name) => (
              <button
                aria-pressed={by === name}
                className="cursor-pointer text-accent underline decoration-line aria-pressed:font-semibold"
                onClick={() => change({ by: by === name ? undefined : name })}
                type="button"
              >
                {name}
              </button>
            )}
          />
        </Panel>
        <Panel
          actions={
            <PeriodPicker
              choose={(chosen) => change({ from: chosen.from ?? "now-1h", to: chosen.to })}
              from={from}
              to={to}
            />
          }
          title="Over time"
        >
          <HistogramView change={(picked) => change({ from: picked.from, to: picked.to })} histogram={histogram.data} />
        </Panel>
      </div>
      <Panel
        actions={
          <SearchLink from={from} own q={q} to={to}>
            as records
          </SearchLink>
        }
        flush
        note={`the newest 100${by === undefined ? "" : ` of ${by}`}, times in ${label}`}
        title="Reads"
      >
        <Answer lines={8} of={found}>
          {({ records }) => <Reads period={period} q={q} records={records} />}
        </Answer>
      </Panel>
    </>
  );
}

interface ReadsProps {
  readonly records: readonly StoredRecord[];
  readonly q: string;
  readonly period: { readonly from: string; readonly to: string | undefined };
}

function Reads({ records, q, period }: ReadsProps) {
  const { clock } = useMoments();
  return (
    <DataTable
      columns={[
        {
          title: "time",
          className: "whitespace-nowrap tabular-nums",
          cell: (stored) => (
            <SearchLink from={period.from} own q={q} record={keyOf(stored)} to={period.to}>
              {clock(stored.record.timestamp)}
            </SearchLink>
          ),
        },
        { title: "who", cell: ({ record }) => record.auth_subject ?? "nobody" },
        { title: "from", className: "font-mono text-xs", cell: ({ record }) => record.client_address ?? "" },
        { title: "what", className: "font-mono text-xs", cell: ({ record }) => record.operation },
        { title: "asked for", className: "max-w-md truncate font-mono text-xs", cell: asked },
        {
          title: "records",
          numeric: true,
          cell: ({ record }) => formatCount(Number(record.attributes?.["access.records"] ?? 0)),
        },
        {
          title: "",
          cell: ({ record }) => record.status !== "success" && <StatusChip status={record.status} />,
        },
      ]}
      empty="None in this period, as far as you may see."
      keyOf={keyOf}
      label="Reads"
      rows={records}
    />
  );
}

const keyOf = ({ tree, leaf_index: index }: StoredRecord) => `${tree}/${index}`;

function asked({ record }: StoredRecord): string {
  const query = record.attributes?.["access.query"];
  const reason = record.attributes?.["access.reason"];
  return [query, reason === undefined ? undefined : `because: ${reason}`]
    .filter((text) => text !== undefined)
    .join(" ");
}
