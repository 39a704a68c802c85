import type { PlannedTree } from "../client/keeping.ts";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { formatBytes, formatCount } from "../page/format.ts";
import { SearchLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";

const TONES = { open: "good", kept: "quiet", held: "warn", waiting: "warn", due: "bad" } as const;

/** Each epoch of each log: how long it stays, by which rule, and what would go with the next clean-up. */
export function RetentionPlan() {
  const { clock, label } = useMoments();
  const found = useApi<{ readonly trees: readonly PlannedTree[] }>("/api/retention/plan");
  return (
    <Panel flush note={`a dry run of the clean-up, times in ${label}`} title="Logs and retention">
      <Answer lines={5} of={found}>
        {({ trees }) => (
          <DataTable
            columns={[
              {
                title: "epoch",
                sort: ({ tree }) => tree,
                cell: ({ tree }) => (
                  <SearchLink className="font-mono" from="all" own q={term("tree", tree)}>
                    {tree}
                  </SearchLink>
                ),
              },
              { title: "is", cell: ({ state }) => <Chip tone={TONES[state]}>{state}</Chip> },
              {
                title: "records",
                numeric: true,
                sort: ({ records }) => records,
                cell: ({ records }) => formatCount(records),
              },
              { title: "size", numeric: true, sort: ({ bytes }) => bytes, cell: ({ bytes }) => formatBytes(bytes) },
              { title: "from", cell: ({ first_received_at: at }) => clock(at) },
              { title: "to", cell: ({ last_received_at: at }) => clock(at) },
              {
                title: "kept for",
                cell: ({ keep, asked_keep: asked, clause }) => (
                  <>
                    {keep}
                    {asked !== null && <span className="text-quiet">, until somebody approves {asked}</span>}
                    {clause !== null && <span className="text-quiet"> {clause}</span>}
                  </>
                ),
              },
              { title: "goes", cell: ({ due_at: at }) => (at === null ? "never" : clock(at).slice(0, 10)) },
              {
                title: "why it stays",
                cell: ({ why, holds, indexed }) =>
                  [why, ...holds.map(({ name }) => `hold ${name}`), indexed ? null : "not searchable any more"]
                    .filter((text) => text !== null)
                    .join(", "),
              },
            ]}
            empty="There is no log yet."
            keyOf={({ tree }) => tree}
            label="Logs and retention"
            rows={trees}
          />
        )}
      </Answer>
    </Panel>
  );
}
