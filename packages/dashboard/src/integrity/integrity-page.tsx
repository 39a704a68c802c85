import { useNavigate, useSearch } from "@tanstack/react-router";
import type { Status } from "../client/status.ts";
import type { SearchPage, Tree } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { LIFE_OF_LOG, SearchLink } from "../page/links.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { CompareCheckpoints } from "./compare-checkpoints.tsx";
import { LastFsck } from "./last-fsck.tsx";
import { StrangerView } from "./stranger-view.tsx";
import { TreeTable } from "./tree-table.tsx";

/** What the log proves of itself, checked in this browser, and what a stranger needs to check it. */
export function IntegrityPage() {
  const { tree } = useSearch({ from: "/integrity" });
  const navigate = useNavigate({ from: "/integrity" });
  const trees = useApi<readonly Tree[]>("/api/trees", {}, { everyMs: 15_000, keep: true });
  const status = useApi<Status>("/api/status", {}, { everyMs: 15_000, keep: true });
  const chosen =
    trees.data?.find((one) => one.tree === tree) ?? trees.data?.find(({ tree: name }) => name.startsWith("default/"));
  return (
    <Screen
      says="Nothing here has to be believed: signatures, roots and paths are checked in this browser."
      title="Integrity"
    >
      <Panel flush note="each newest checkpoint against the one that this browser saw before" title="Trees">
        <Answer lines={4} of={trees}>
          {(found) => (
            <TreeTable
              choose={(name) => void navigate({ search: { tree: name } })}
              chosen={chosen?.tree}
              status={status.data}
              trees={found}
            />
          )}
        </Answer>
      </Panel>
      {chosen !== undefined && (
        <div className="grid gap-4 xl:grid-cols-2">
          <CompareCheckpoints key={chosen.tree} tree={chosen} />
          <StrangerView tree={chosen} />
        </div>
      )}
      <div className="grid items-start gap-4 xl:grid-cols-[1fr_2fr]">
        <LastFsck status={status} />
        <Lifecycle />
      </div>
    </Screen>
  );
}

/** What happened to the log itself: starts, cuts, deletions, keys that followed each other. */
function Lifecycle() {
  const { clock, label } = useMoments();
  const found = useApi<SearchPage>("/api/search", { q: LIFE_OF_LOG, own: true, limit: 20 });
  return (
    <Panel
      actions={
        <SearchLink from="all" own q={LIFE_OF_LOG}>
          all of them
        </SearchLink>
      }
      flush
      note={`the newest 20, times in ${label}`}
      title="Life of the log"
    >
      <Answer of={found}>
        {({ records }) => (
          <DataTable
            columns={[
              {
                title: "time",
                className: "whitespace-nowrap tabular-nums",
                cell: ({ tree, leaf_index: index, record }) => (
                  <SearchLink from="all" own q={LIFE_OF_LOG} record={`${tree}/${index}`}>
                    {clock(record.timestamp)}
                  </SearchLink>
                ),
              },
              { title: "what", className: "font-mono text-xs", cell: ({ record }) => record.operation },
              { title: "of", className: "font-mono text-xs", cell: ({ record }) => record.resource ?? "" },
              { title: "by", cell: ({ record }) => record.auth_subject ?? record.service_id },
              { title: "outcome", cell: ({ record }) => record.status },
            ]}
            empty="Nothing but ordinary days: no cut, no deletion, no new key."
            keyOf={({ tree, leaf_index: index }) => `${tree}/${index}`}
            label="Life of the log"
            rows={records}
          />
        )}
      </Answer>
    </Panel>
  );
}
