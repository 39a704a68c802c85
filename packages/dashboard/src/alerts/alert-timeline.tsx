import { useNavigate } from "@tanstack/react-router";
import type { Histogram } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { SearchLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { HistogramView } from "../search/histogram-view.tsx";

const FIRED = 'event_type:ALERT AND operation:"alert fired"';
const SINCE = "now-1d";

/** When alerts fired, over the last day: whether it is one bad hour or every night. */
export function AlertTimeline() {
  const navigate = useNavigate();
  const asked = { q: FIRED, from: SINCE, to: "now", own: true };
  const found = useApi<Histogram>("/api/histogram", asked, { everyMs: 30_000, keep: true });
  return (
    <div className="flex min-w-0 flex-col gap-4">
      <Panel
        actions={
          <SearchLink from={SINCE} own q={FIRED}>
            as records
          </SearchLink>
        }
        note="the last day; drag over it to see them"
        title="When alerts fired"
      >
        <HistogramView
          change={({ from, to }) => void navigate({ to: "/search", search: { q: FIRED, own: true, from, to } })}
          histogram={found.data}
        />
      </Panel>
      <p className="hidden text-center text-quiet xl:block">Choose an alert to see what shows it.</p>
    </div>
  );
}
