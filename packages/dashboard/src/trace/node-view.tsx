import type { ReactNode } from "react";
import type { Trace, TraceHalf, TraceNode } from "../client/trace.ts";
import { Button } from "../page/button.tsx";
import { formatDuration } from "../page/format.ts";
import { CallLink, SearchLink, ServiceLink, term } from "../page/links.tsx";
import { StatusChip } from "../page/status-chip.tsx";

interface NodeViewProps {
  readonly node: TraceNode;
  readonly trace: Trace;
  readonly close: () => void;
}

const EVIDENCE: Readonly<Record<string, string>> = {
  trace: "by its parent span",
  message: "by its message",
  causation: "by the id that caused it",
  request_id: "by its request id",
  enclosed: "because it lies within the only call that its recorder had open",
  call: "by its call id",
  correlation: "by its correlation id",
};

/** One call of the trace: where its time went, and what each side said. */
export function NodeView({ node, trace, close }: NodeViewProps) {
  const retried = node.retry_of === null ? undefined : trace.nodes[node.retry_of];
  return (
    <aside
      aria-label="Call"
      className="w-full shrink-0 overflow-y-auto rounded-lg border border-line lg:w-96"
      tabIndex={0}
    >
      <div className="flex items-center gap-2 border-b border-line px-4 py-2">
        <h2 className="min-w-0 truncate font-semibold">{node.operation}</h2>
        <Button className="ml-auto" onClick={close}>
          Close
        </Button>
      </div>
      <div className="flex flex-col gap-4 p-4">
        <p>
          <ServiceLink name={node.service_id} />
          {node.target_id !== "" && (
            <>
              {" → "}
              <ServiceLink name={node.target_id} />
            </>
          )}{" "}
          <StatusChip status={node.status} />
        </p>
        <p>
          <CallLink id={node.call_id}>Both halves, and their proofs</CallLink>
        </p>
        {node.error_type !== null && (
          <p className="rounded bg-bad-ground px-3 py-2 text-bad [overflow-wrap:anywhere]">
            {node.error_type}
            {node.error_message === null ? "" : `: ${node.error_message}`}
          </p>
        )}
        {node.status_differs && <p className="text-bad">The two sides tell of different outcomes.</p>}
        {node.missing.map((side) => (
          <p className="text-bad" key={side}>
            The {side} should have recorded it and did not.
          </p>
        ))}
        <Times node={node} />
        <Half half={node.caller} title="Caller" />
        <Half half={node.callee} title="Callee" />
        <p className="text-xs text-quiet">
          It belongs here {EVIDENCE[node.evidence] ?? `by its ${node.evidence}`}.
          {node.orphan && " Its parent span was recorded by nobody."}
          {retried !== undefined && ` It is a retry of ${retried.operation}.`}
          {node.recovered && " A later attempt went well."}
        </p>
      </div>
    </aside>
  );
}

function Times({ node }: { readonly node: TraceNode }) {
  const times: readonly (readonly [string, number | null])[] = [
    ["took", node.duration_us],
    ["its own time", node.self_us],
    ["network", node.network_us],
    ["on the critical path", node.critical_us === 0 ? null : node.critical_us],
    ["callee’s clock ahead by", node.clock_offset_us],
  ];
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5">
      {times.map(([name, us]) =>
        us === null ? null : (
          <Pair key={name} name={name}>
            {us < 0 ? `−${formatDuration(-us)}` : formatDuration(us)}
          </Pair>
        ),
      )}
    </dl>
  );
}

function Half({ half, title }: { readonly half: TraceHalf | null; readonly title: string }) {
  if (half === null) return null;
  const place = `${half.tree}/${half.leaf_index}`;
  return (
    <section aria-label={title}>
      <h3 className="mb-1 text-xs text-quiet">
        {title}, as {half.recorder_id} recorded it
      </h3>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5">
        <Pair name="status">
          {half.status} {half.status_code ?? ""}
        </Pair>
        {half.duration_us !== null && <Pair name="took">{formatDuration(half.duration_us)}</Pair>}
        {half.host !== null && <Pair name="host">{half.host}</Pair>}
        <Pair name="record">
          <SearchLink from="all" q={`${term("tree", half.tree)} AND leaf_index:${half.leaf_index}`} record={place}>
            {place}
          </SearchLink>
        </Pair>
      </dl>
    </section>
  );
}

function Pair({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt className="text-quiet">{name}</dt>
      <dd className="min-w-0 tabular-nums [overflow-wrap:anywhere]">{children}</dd>
    </>
  );
}
