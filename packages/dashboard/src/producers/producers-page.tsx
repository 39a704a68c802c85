import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ProducerRun, Producers } from "../client/status.ts";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { formatAge, formatCount } from "../page/format.ts";
import { SearchLink, ServiceLink, term } from "../page/links.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { SelectBox } from "../page/select-box.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments, type Moments } from "../page/zone.ts";
import { DataTable, type DataColumn } from "../table/data-table.tsx";

const STATES: readonly (readonly [string, string])[] = [
  ["", "all"],
  ["gap", "with gaps"],
  ["silent", "silent"],
  ["complete", "complete"],
  ["closed", "closed"],
];
const LIMIT = 500;
const EVERY_MS = 30_000;

/** Who reports, what is missing of them, and who fell silent. */
export function ProducersPage() {
  const { state, history } = useSearch({ from: "/producers" });
  const navigate = useNavigate({ from: "/producers" });
  const moments = useMoments();
  const found = useApi<Producers>(
    "/api/producers",
    { state, history: history === "true", limit: LIMIT, gaps: 20 },
    { everyMs: EVERY_MS, keep: true },
  );
  return (
    <Screen
      actions={
        <>
          <label className="flex cursor-pointer items-center gap-1.5">
            <input
              checked={history === "true"}
              onChange={(event) =>
                void navigate({ search: { state, history: event.target.checked ? "true" : undefined } })
              }
              type="checkbox"
            />
            earlier runs too
          </label>
          <SelectBox
            aria-label="State"
            choices={STATES}
            choose={(chosen) => void navigate({ search: { state: chosen || undefined, history } })}
            value={state ?? ""}
          />
        </>
      }
      says="Each producer numbers its records. What is missing, late or twice is found by the numbers, silence by the usual pause."
      title="Producers"
    >
      <Panel
        flush
        note={found.data === undefined ? undefined : `as of ${moments.clock(found.data.as_of)} ${moments.label}`}
        title="Runs"
      >
        <Answer lines={8} of={found}>
          {({ producers }) => (
            <DataTable
              columns={columns(moments)}
              empty={state === undefined ? "No producer has numbered records yet." : "None in this state."}
              keyOf={(run) => `${run.log}/${run.principal}/${run.producer_id}/${run.producer_epoch}`}
              label="Producers"
              rows={producers}
            />
          )}
        </Answer>
      </Panel>
      {found.data?.next !== null && found.data !== undefined && (
        <p className="text-quiet">There are more than {LIMIT}; `tallystick producers` lists all.</p>
      )}
    </Screen>
  );
}

const TONES = { gap: "bad", silent: "warn", complete: "good", closed: "quiet" } as const;

function columns({ clock, label }: Moments): readonly DataColumn<ProducerRun>[] {
  return [
    {
      title: "producer",
      sort: ({ producer_id: id }) => id,
      cell: ({ producer_id: id, recorder_id: recorder, superseded }) => (
        <>
          <span className="font-mono text-xs">{id}</span> of <ServiceLink name={recorder} />
          {superseded && <span className="text-quiet"> superseded</span>}
        </>
      ),
    },
    {
      title: "state",
      sort: ({ state }) => state,
      cell: ({ state, silent }) => (
        <span className="inline-flex gap-1">
          <Chip tone={TONES[state as keyof typeof TONES] ?? "quiet"}>{state}</Chip>
          {silent && state !== "silent" && <Chip tone="warn">silent</Chip>}
        </span>
      ),
    },
    { title: "records", numeric: true, sort: ({ count }) => count, cell: ({ count }) => formatCount(count) },
    {
      title: "missing",
      numeric: true,
      sort: ({ missing }) => missing,
      cell: ({ missing }) => (missing === 0 ? "0" : <span className="text-bad">{formatCount(missing)}</span>),
    },
    { title: "which", className: "max-w-64 font-mono text-xs", cell: (run) => <Gaps run={run} /> },
    {
      title: "twice",
      numeric: true,
      sort: ({ duplicates }) => duplicates,
      cell: ({ duplicates }) => formatCount(duplicates),
    },
    {
      title: "restarts",
      numeric: true,
      sort: ({ restarts }) => restarts,
      cell: ({ restarts }) => formatCount(restarts),
    },
    {
      title: `last heard of (${label})`,
      sort: ({ last_seen: seen }) => seen,
      className: "whitespace-nowrap",
      cell: (run) => (
        <SearchLink from="all" q={term("producer_id", run.producer_id)}>
          {clock(run.last_seen)}
        </SearchLink>
      ),
    },
    {
      title: "silent after",
      cell: ({ silent_after_s: seconds, silent_after_source: source }) => (
        <>
          {formatAge(seconds)} <span className="text-quiet">{source}</span>
        </>
      ),
    },
  ];
}

function Gaps({ run: { gaps, more_gaps: more } }: { readonly run: ProducerRun }) {
  return (
    <>
      {gaps.map(({ from, to }) => (from === to ? String(from) : `${from}–${to}`)).join(", ")}
      {more && " and more"}
    </>
  );
}
