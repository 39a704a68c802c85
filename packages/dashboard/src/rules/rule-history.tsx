import { Link } from "@tanstack/react-router";
import { SearchLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { DataTable } from "../table/data-table.tsx";
import { useRuleHistory } from "./use-rule-history.ts";

/** Who changed the rule, and each text that it had. */
export function RuleHistory({ id, version }: { readonly id: string; readonly version: string | undefined }) {
  const { clock, label } = useMoments();
  const { found, changesOf } = useRuleHistory(id);
  return (
    <Panel flush note={`each a record of the control log; times in ${label}`} title="History">
      <Answer lines={3} of={found}>
        {(page) => (
          <DataTable
            columns={[
              {
                title: "when",
                className: "whitespace-nowrap tabular-nums",
                cell: ({ at, tree, leafIndex }) => (
                  <SearchLink
                    from="all"
                    own
                    q={`${term("tree", tree)} AND leaf_index:${leafIndex}`}
                    record={`${tree}/${leafIndex}`}
                  >
                    {clock(at)}
                  </SearchLink>
                ),
              },
              { title: "who", cell: ({ by }) => by },
              { title: "what", cell: ({ does }) => does },
              {
                title: "version",
                cell: ({ version: written }) =>
                  written !== null && (
                    <Link
                      className="text-accent underline decoration-line underline-offset-2"
                      search={(before) => ({ ...before, id, version: written === version ? undefined : written })}
                      to="/rule"
                    >
                      {written === version ? `${written}, shown; back` : `show ${written}`}
                    </Link>
                  ),
              },
            ]}
            empty="Nobody has changed it, as far as you may see."
            isChosen={({ version: written }) => written !== null && written === version}
            keyOf={({ tree, leafIndex }) => `${tree}/${leafIndex}`}
            label="Changes of the rule"
            rows={changesOf(page)}
          />
        )}
      </Answer>
    </Panel>
  );
}
