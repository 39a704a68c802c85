import { Link } from "@tanstack/react-router";
import type { Alerts } from "../client/alerts.ts";
import { useApi } from "../client/use-api.ts";
import { Chip } from "../page/chip.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";

const SHOWN = 5;

/** The newest alerts that came of it. */
export function RuleAlerts({ id }: { readonly id: string }) {
  const { clock } = useMoments();
  const found = useApi<Alerts>("/api/alerts", { match: `rule_id="${id}"`, limit: SHOWN });
  return (
    <Panel flush note="the newest" title="What it found">
      <Answer
        empty={{ when: ({ alerts }) => alerts.length === 0, says: "No alert that is kept came of it." }}
        lines={2}
        of={found}
      >
        {({ alerts }) => (
          <ul role="list">
            {alerts.map((alert) => (
              <li className="flex items-baseline gap-3 border-b border-line px-4 py-1.5 last:border-0" key={alert.id}>
                <Chip tone={alert.state === "resolved" ? "good" : alert.state === "firing" ? "bad" : "warn"}>
                  {alert.state}
                </Chip>
                <Link
                  className="min-w-0 text-accent underline decoration-line underline-offset-2 [overflow-wrap:anywhere]"
                  search={{ id: alert.id, state: alert.state === "resolved" ? "resolved" : undefined }}
                  to="/alerts"
                >
                  {alert.summary}
                </Link>
                <span className="ml-auto shrink-0 text-xs text-quiet">{clock(alert.starts_at)}</span>
              </li>
            ))}
          </ul>
        )}
      </Answer>
    </Panel>
  );
}
