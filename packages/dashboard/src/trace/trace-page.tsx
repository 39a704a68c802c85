import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Trace } from "../client/trace.ts";
import { useApi } from "../client/use-api.ts";
import { formatCount, formatDuration } from "../page/format.ts";
import { ServiceLink } from "../page/links.tsx";
import { Screen } from "../page/panel.tsx";
import { Answer, Empty } from "../page/states.tsx";
import { useMoments } from "../page/zone.ts";
import { NodeView } from "./node-view.tsx";
import { TraceFacts } from "./trace-facts.tsx";
import { shownNodes, type TraceView } from "./shown-nodes.ts";
import { Waterfall } from "./waterfall.tsx";

/** All calls that belong to an id, over time, with both halves of each. */
export function TracePage() {
  const state = useSearch({ from: "/trace" });
  const navigate = useNavigate({ from: "/trace" });
  const { id = "", call } = state;
  const trace = useApi<Trace>(`/api/traces/${encodeURIComponent(id)}`, {}, { enabled: id !== "" });
  const moments = useMoments();
  const view: TraceView = state.view === "errors" || state.view === "critical" ? state.view : "all";
  const change = (changes: { readonly call?: string | undefined; readonly view?: string | undefined }) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true });
  if (id === "")
    return (
      <Screen title="Trace">
        <Empty>The address names no trace. Ctrl K opens one by its id.</Empty>
      </Screen>
    );
  const found = trace.data;
  return (
    <main
      className="relative flex h-full min-h-0 flex-col gap-3 overflow-y-auto p-4 lg:overflow-hidden lg:px-6"
      tabIndex={-1}
    >
      <div>
        <h1 className="text-xl font-semibold">
          {found === undefined
            ? "Trace"
            : `${found.nodes[found.root]?.operation ?? "Trace"}, ${formatDuration(found.duration_us)}`}
        </h1>
        <p className="text-quiet">
          <span className="font-mono text-xs break-all">{id}</span>
          {found !== undefined &&
            ` · ${moments.moment(found.started)} ${moments.label} · ${formatCount(found.counts.calls)} calls in ${formatCount(found.counts.records)} records`}
        </p>
      </div>
      <Answer lines={12} of={trace}>
        {(shown) => <Found call={call} change={change} trace={shown} view={view} />}
      </Answer>
    </main>
  );
}

interface FoundProps {
  readonly trace: Trace;
  readonly call: string | undefined;
  readonly view: TraceView;
  readonly change: (changes: { readonly call?: string | undefined; readonly view?: string | undefined }) => void;
}

function Found({ trace, call, view, change }: FoundProps) {
  const nodes = useMemo(() => shownNodes(trace, view), [trace, view]);
  const chosen = trace.nodes.find((node) => node.call_id === call);
  return (
    <>
      <TraceFacts change={change} trace={trace} view={view} />
      <div className="flex grow flex-col gap-3 lg:min-h-0 lg:flex-row">
        <Waterfall choose={(callId) => change({ call: callId })} chosen={call} nodes={nodes} trace={trace} />
        {chosen !== undefined && <NodeView close={() => change({ call: undefined })} node={chosen} trace={trace} />}
      </div>
      <p className="flex shrink-0 flex-wrap gap-x-4 text-xs text-quiet">
        <span>Above: the caller’s half. Below: the callee’s. Between their ends: the network.</span>
        <span>
          <span aria-hidden="true" className="mr-1 inline-block h-0.5 w-5 bg-accent align-middle" />
          critical path
        </span>
        <span>
          <span aria-hidden="true" className="mr-1 inline-block h-2 w-5 border border-dashed border-bad align-middle" />
          a half that is missing
        </span>
      </p>
      <p className="shrink-0 text-quiet">
        {trace.services.map((name, at) => (
          <span key={name}>
            {at > 0 && " · "}
            <ServiceLink name={name} />
          </span>
        ))}
      </p>
    </>
  );
}
