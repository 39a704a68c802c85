import type { Coverage } from "../client/tally.ts";
import { useApi } from "../client/use-api.ts";
import { formatCount, formatShare } from "../page/format.ts";
import { ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import type { Period } from "../service/window.ts";
import { DataTable } from "../table/data-table.tsx";

/** Who records nothing, which edges lack a side, who is unknown, and what closes each gap. */
export function CoverageView({ period: { from, to } }: { readonly period: Period }) {
  const found = useApi<Coverage>("/api/coverage", { from, to }, { keep: true });
  return (
    <Answer lines={10} of={found}>
      {(coverage) => (
        <>
          <Edges edges={coverage.edges} />
          <div className="grid gap-4 xl:grid-cols-2">
            <Services services={coverage.services} />
            <UnknownCallers callers={coverage.unknown_callers} />
          </div>
        </>
      )}
    </Answer>
  );
}

const ADVICE = "min-w-56 max-w-md text-quiet";

function Edges({ edges }: { readonly edges: Coverage["edges"] }) {
  const { clock, label } = useMoments();
  return (
    <Panel
      flush
      note={`one side's records are missing, in whole or in more than a tenth; times in ${label}`}
      title="Edges"
    >
      <DataTable
        columns={[
          {
            title: "edge",
            className: "min-w-48",
            cell: ({ caller, callee }) => (
              <>
                <ServiceLink name={caller} /> → <ServiceLink name={callee} />
              </>
            ),
          },
          { title: "missing", className: "whitespace-nowrap", cell: ({ missing }) => `the ${missing}’s half` },
          { title: "calls", numeric: true, sort: ({ calls }) => calls, cell: ({ calls }) => formatCount(calls) },
          { title: "alone", numeric: true, sort: ({ alone }) => alone, cell: ({ alone }) => formatCount(alone) },
          {
            title: "covered",
            numeric: true,
            sort: ({ coverage }) => coverage,
            cell: ({ coverage }) => formatShare(coverage),
          },
          { title: "since", cell: ({ since }) => clock(since) },
          {
            title: "what closes it",
            className: ADVICE,
            cell: ({ declared, advice }) => advice ?? declaredText(declared),
          },
        ]}
        empty="Every edge is recorded from both sides."
        keyOf={({ caller, callee, missing }) => `${caller}:${callee}:${missing}`}
        label="Edges"
        rows={edges}
      />
    </Panel>
  );
}

function declaredText(party: { readonly name: string; readonly reason: string | null } | null): string {
  return party === null ? "" : `declared: ${party.reason ?? `${party.name} never records`}`;
}

function Services({ services }: { readonly services: Coverage["services"] }) {
  return (
    <Panel flush note="only others name them" title="Services that record nothing">
      <DataTable
        columns={[
          { title: "service", className: "min-w-32", cell: ({ service }) => <ServiceLink name={service} /> },
          { title: "calls", numeric: true, sort: ({ calls }) => calls, cell: ({ calls }) => formatCount(calls) },
          {
            title: "what closes it",
            className: ADVICE,
            cell: ({ declared, advice }) => advice ?? declaredText(declared),
          },
        ]}
        empty="Every service that is named records."
        keyOf={({ service }) => service}
        label="Services that record nothing"
        rows={services}
      />
    </Panel>
  );
}

function UnknownCallers({ callers }: { readonly callers: Coverage["unknown_callers"] }) {
  return (
    <Panel flush note="calls that nobody is known to have made" title="Unknown callers">
      <DataTable
        columns={[
          { title: "of", cell: ({ callee }) => <ServiceLink name={callee} /> },
          { title: "from", className: "font-mono text-xs", cell: ({ network }) => network || "no address" },
          { title: "calls", numeric: true, sort: ({ calls }) => calls, cell: ({ calls }) => formatCount(calls) },
          { title: "what closes it", className: ADVICE, cell: ({ advice }) => advice },
        ]}
        empty="Every caller is known."
        keyOf={({ callee, network }) => `${callee} ${network}`}
        label="Unknown callers"
        rows={callers}
      />
    </Panel>
  );
}
