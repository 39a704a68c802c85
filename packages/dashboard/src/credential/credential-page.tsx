import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { withQuery } from "../client/api.ts";
import { Allowed } from "../page/allowed.tsx";
import { Button } from "../page/button.tsx";
import { SearchLink, ServiceLink, term } from "../page/links.tsx";
import { Panel, Screen } from "../page/panel.tsx";
import { Answer, Empty } from "../page/states.tsx";
import { ValueBars } from "../page/value-bars.tsx";
import { HistogramView } from "../search/histogram-view.tsx";
import { TimeRange } from "../search/time-range.tsx";
import { BlockForm } from "./block-form.tsx";
import { CredentialFacts } from "./credential-facts.tsx";
import { HoldForm } from "./hold-form.tsx";
import { useCredential } from "./use-credential.ts";

/** Who used a credential, from where, for what, since when; and what can be done about it. */
export function CredentialPage() {
  const { id, from = "all", to } = useSearch({ from: "/credential" });
  const navigate = useNavigate({ from: "/credential" });
  if (id === undefined || id === "")
    return (
      <Screen title="Credential">
        <Empty>The address names no credential.</Empty>
      </Screen>
    );
  const change = (period: { readonly from?: string | undefined; readonly to?: string | undefined }) =>
    void navigate({ search: (before) => ({ id: before.id, from: period.from, to: period.to }) });
  return <Found change={change} from={from} id={id} to={to} />;
}

interface FoundProps {
  readonly id: string;
  readonly from: string;
  readonly to: string | undefined;
  readonly change: (period: { readonly from?: string | undefined; readonly to?: string | undefined }) => void;
}

const PARTS: readonly (readonly [string, string, boolean])[] = [
  ["caller", "Services that used it", true],
  ["callee", "Services that took it", true],
  ["operation", "Operations", false],
  ["resource", "Resources", false],
  ["peer_address", "Addresses it came from", false],
  ["peer_network", "Networks", false],
  ["auth_subject", "Subjects", false],
  ["status", "Outcomes", false],
];

function Found({ id, from, to, change }: FoundProps) {
  const found = useCredential(id, from, to);
  const [doing, setDoing] = useState<"hold" | "block" | null>(null);
  const period = { from, ...(to === undefined ? {} : { to }) };
  return (
    <Screen
      actions={
        <>
          <TimeRange change={change} state={period} />
          <a
            className="rounded border border-line bg-raised px-3 py-1.5 hover:border-quiet"
            download="credential.ndjson"
            href={withQuery("/api/timeline/export", { credential: id, format: "ndjson" })}
          >
            Export
          </a>
          <Allowed to="hold">
            <Button onClick={() => setDoing("hold")}>Hold its records</Button>
          </Allowed>
          <Allowed to="respond">
            <Button kind="danger" onClick={() => setDoing("block")}>
              Block
            </Button>
          </Allowed>
        </>
      }
      says={<span className="font-mono text-xs break-all">{id}</span>}
      title="Credential"
    >
      {doing === "hold" && <HoldForm close={() => setDoing(null)} id={id} query={found.q} />}
      {doing === "block" && <BlockForm close={() => setDoing(null)} id={id} />}
      <CredentialFacts found={found} />
      <Panel note="records that name it, failures in their own colour" title="Use over time">
        <HistogramView change={(picked) => change(picked)} histogram={found.histogram.data} />
      </Panel>
      <Answer lines={8} of={found.facets}>
        {({ facets }) => (
          <div className="grid gap-4 md:grid-cols-2 xl:grid-cols-4">
            {PARTS.map(([field, title, isService]) => (
              <Panel key={field} title={title}>
                <ValueBars
                  facet={facets.find((facet) => facet.field === field)}
                  shown={(value) =>
                    isService ? (
                      <ServiceLink name={value} />
                    ) : (
                      <SearchLink from={from} q={`${found.q} AND ${term(field, value)}`} to={to}>
                        {value}
                      </SearchLink>
                    )
                  }
                />
              </Panel>
            ))}
          </div>
        )}
      </Answer>
    </Screen>
  );
}
