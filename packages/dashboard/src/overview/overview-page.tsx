import { useMemo } from "react";
import { Panel, Screen } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { SearchLink, ServiceLink } from "../page/links.tsx";
import { HistogramView } from "../search/histogram-view.tsx";
import { useNavigate } from "@tanstack/react-router";
import { FleetFacts, LogFacts } from "./overview-facts.tsx";
import { ServiceTable } from "./fleet-table.tsx";
import { failsMuch } from "../service/onset.ts";
import { useOverview } from "./use-overview.ts";

/** Is the fleet well, is the log whole? Each figure leads to what is behind it. */
export function OverviewPage() {
  const found = useOverview();
  const navigate = useNavigate();
  const failing = useMemo(
    () => found.services.filter(({ calls, errors }) => failsMuch(calls, errors)),
    [found.services],
  );
  return (
    <Screen
      says={
        found.services.length > 0 && failing.length === 0 ? (
          <span className="text-good">No service failing in the last hour.</span>
        ) : (
          failing.length > 0 && (
            <span>
              Failing in the last hour:{" "}
              {failing.slice(0, 5).map(({ name }, at) => (
                <span key={name}>
                  {at > 0 && ", "}
                  <ServiceLink className="text-bad!" name={name} />
                </span>
              ))}
              {failing.length > 5 && ` and ${failing.length - 5} more`}
            </span>
          )
        )
      }
      title="Overview"
    >
      <FleetFacts found={found} />
      <Panel
        actions={<SearchLink q="">Search</SearchLink>}
        note="the last hour by timestamp, failures in their own colour"
        title="Records"
      >
        <HistogramView
          change={({ from, to }) => void navigate({ to: "/search", search: { from, to } })}
          histogram={found.histogram.data}
        />
      </Panel>
      <Panel
        flush
        note="calls received in the last hour, as their callers saw them; those that fail most first"
        title="Services"
      >
        <Answer lines={8} of={found.graph}>
          {() => <ServiceTable services={found.services} />}
        </Answer>
      </Panel>
      <LogFacts found={found} />
    </Screen>
  );
}
