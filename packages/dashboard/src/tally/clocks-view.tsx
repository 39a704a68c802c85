import type { Breaks, Coverage } from "../client/tally.ts";
import { useApi } from "../client/use-api.ts";
import { formatCount, formatDuration } from "../page/format.ts";
import { SearchLink, ServiceLink, term } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import type { Period } from "../service/window.ts";
import { DataTable } from "../table/data-table.tsx";

/** How far each recorder's clock is from those of the others, and what was found of it. */
export function ClocksView({ period: { from, to } }: { readonly period: Period }) {
  const found = useApi<Coverage>("/api/coverage", { from, to }, { keep: true });
  return (
    <>
      <Panel flush note="by calls that both recorded; no difference is wrong by itself" title="Skew by recorder">
        <Answer lines={8} of={found}>
          {({ skews }) => <Recorders skews={skews} />}
        </Answer>
      </Panel>
      <Found from={from} to={to} />
    </>
  );
}

function Recorders({ skews }: Pick<Coverage, "skews">) {
  return (
    <DataTable
      columns={[
        { title: "recorder", cell: ({ recorder }) => <ServiceLink name={recorder} /> },
        {
          title: "its clock",
          numeric: true,
          sort: ({ ahead_us: us }) => Math.abs(us),
          cell: ({ ahead_us: us }) => aheadText(us),
        },
        { title: "spread", numeric: true, sort: (one) => one.spread_us, cell: (one) => formatDuration(one.spread_us) },
        { title: "calls", numeric: true, sort: ({ calls }) => calls, cell: ({ calls }) => formatCount(calls) },
        { title: "against", numeric: true, sort: ({ others }) => others, cell: ({ others }) => formatCount(others) },
        {
          title: "furthest from",
          cell: ({ furthest }) => (
            <>
              <ServiceLink name={furthest.recorder} />{" "}
              <span className="text-quiet tabular-nums">{aheadText(furthest.ahead_us)}</span>
            </>
          ),
        },
      ]}
      empty="No call was recorded from both sides in this time."
      keyOf={({ recorder }) => recorder}
      label="Skew by recorder"
      rows={skews}
      sortBy="its clock"
    />
  );
}

function aheadText(us: number): string {
  return us === 0 ? "0" : `${formatDuration(Math.abs(us))} ${us > 0 ? "ahead" : "behind"}`;
}

/** What the tally found and recorded. */
function Found({ from, to }: Pick<Period, "from" | "to">) {
  const { clock } = useMoments();
  const found = useApi<Breaks>("/api/tally", { from, to, kind: "clock_skew", limit: 50 }, { keep: true });
  return (
    <Panel flush note="found by calls that both recorded" title="Clocks that differ more than is allowed">
      <Answer of={found}>
        {({ breaks }) => (
          <DataTable
            columns={[
              { title: "found", cell: ({ timestamp }) => clock(timestamp) },
              { title: "caller", cell: ({ caller }) => <ServiceLink name={caller} /> },
              { title: "callee", cell: ({ callee }) => <ServiceLink name={callee} /> },
              { title: "what", cell: (one) => [one.caller_value, one.callee_value].filter(Boolean).join(" against ") },
              { title: "allowed", cell: ({ tolerance }) => tolerance ?? "" },
              {
                title: "",
                cell: ({ verdict: { tree, leaf_index: index } }) => (
                  <SearchLink
                    from="all"
                    own
                    q={`${term("tree", tree)} AND leaf_index:${index}`}
                    record={`${tree}/${index}`}
                  >
                    verdict
                  </SearchLink>
                ),
              },
            ]}
            empty="The clocks of all recorders agree within what is allowed."
            keyOf={({ verdict }) => `${verdict.tree}/${verdict.leaf_index}`}
            label="Clocks that differ more than is allowed"
            rows={breaks}
          />
        )}
      </Answer>
    </Panel>
  );
}
