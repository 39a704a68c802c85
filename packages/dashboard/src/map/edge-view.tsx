import { Link } from "@tanstack/react-router";
import { edgeName } from "../client/edge-name.ts";
import type { GraphEdge } from "../client/graph.ts";
import { useApi } from "../client/use-api.ts";
import type { Graph } from "../client/graph.ts";
import { Button } from "../page/button.tsx";
import { formatCount, formatDuration, formatRate, formatShare } from "../page/format.ts";
import { CredentialLink, SearchLink, ServiceLink, term } from "../page/links.tsx";
import { useMoments } from "../page/zone.ts";
import { ExampleButton } from "../service/example-button.tsx";
import type { Period } from "../service/window.ts";
import { strangersIn, type MapEdge } from "./use-map.ts";

interface EdgeViewProps {
  readonly found: MapEdge;
  readonly period: Period;
  readonly close: () => void;
}

/** One edge: how it is against before, whose credentials it uses, what it does, and an example. */
export function EdgeView({ found: { edge, before, look }, period, close }: EdgeViewProps) {
  const { clock, label } = useMoments();
  const strangers = strangersIn(edge);
  const calls = `${term("caller", edge.caller)} AND ${term("callee", edge.callee)}`;
  return (
    <>
      <div className="flex items-center gap-2 border-b border-line px-4 py-2">
        <h2 className="min-w-0 font-semibold break-words">
          <ServiceLink name={edge.caller} /> → <ServiceLink name={edge.callee} />
        </h2>
        <Button className="ml-auto" onClick={close}>
          Close
        </Button>
      </div>
      <div className="flex flex-col gap-4 p-4">
        {look === "gone" && (
          <p className="rounded bg-raised px-3 py-2">
            Nobody called along it in this period; the figures are from before.
          </p>
        )}
        {strangers > 0 && (
          <p className="rounded bg-bad-ground px-3 py-2 text-bad">
            {formatCount(strangers)} {strangers === 1 ? "call that" : "calls that"} {edge.callee} saw in the name of{" "}
            {edge.caller}, and {edge.caller} knows nothing of.{" "}
            <Link className="underline" search={{ edge: edgeName(edge), kind: "unpaired_callee" }} to="/tally">
              Show them
            </Link>
          </p>
        )}
        <FigureTable before={look === "gone" ? null : before} edge={edge} />
        <p className="flex flex-wrap gap-x-4">
          <ExampleButton
            period={period}
            q={`${calls}${edge.errors > 0 ? " AND status:(error OR timeout)" : ""}`}
            says="An example call"
          />
          <SearchLink from={period.from} q={calls} to={period.to}>
            its records
          </SearchLink>
          <Link className="text-accent underline" search={{ edge: edgeName(edge) }} to="/tally">
            its breaks
          </Link>
        </p>
        <p className="text-quiet">
          First call {clock(edge.first_seen)}, last {clock(edge.last_seen)} {label}
        </p>
        <section aria-label="Credentials">
          <h3 className="mb-1 text-xs text-quiet">Credentials that its callers confirm</h3>
          {edge.credentials.length === 0 && <p className="text-quiet">None was recorded.</p>}
          <ul>
            {edge.credentials.map((one) => (
              <li className="flex gap-3" key={one.credential_id}>
                <CredentialLink id={one.credential_id} />
                <span className="ml-auto text-quiet">since {clock(one.first_seen)}</span>
              </li>
            ))}
          </ul>
        </section>
        <EdgeOperations edge={edge} period={period} />
      </div>
    </>
  );
}

function FigureTable({ edge, before }: { readonly edge: GraphEdge; readonly before: GraphEdge | null }) {
  const rows: readonly (readonly [string, (one: GraphEdge) => string])[] = [
    ["calls", (one) => formatCount(one.calls)],
    ["rate", (one) => (one.calls_per_second === null ? "–" : formatRate(one.calls_per_second))],
    ["fail", (one) => formatShare(one.error_ratio)],
    ["denied", (one) => formatCount(one.denied)],
    ["p50", (one) => (one.p50_us === null ? "–" : formatDuration(one.p50_us))],
    ["p95", (one) => (one.p95_us === null ? "–" : formatDuration(one.p95_us))],
    ["both halves agree", (one) => (one.match_rate === null ? "one side only" : formatShare(one.match_rate))],
  ];
  return (
    <table aria-label="Figures" className="w-full text-left">
      {before !== null && (
        <thead className="text-xs text-quiet">
          <tr>
            <th className="font-normal" scope="col">
              figure
            </th>
            <th className="text-right font-normal" scope="col">
              now
            </th>
            <th className="text-right font-normal" scope="col">
              before
            </th>
          </tr>
        </thead>
      )}
      <tbody>
        {rows.map(([title, value]) => (
          <tr key={title}>
            <th className="py-0.5 font-normal text-quiet" scope="row">
              {title}
            </th>
            <td className="text-right tabular-nums">{value(edge)}</td>
            {before !== null && <td className="text-right tabular-nums text-quiet">{value(before)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function EdgeOperations({ edge, period }: { readonly edge: GraphEdge; readonly period: Period }) {
  const found = useApi<Graph>(
    "/api/graph",
    { edge: edgeName(edge), from: period.from, to: period.to, operations: true },
    { keep: true },
  );
  const operations = found.data?.edges[0]?.operations ?? [];
  return (
    <section aria-label="Operations">
      <h3 className="mb-1 text-xs text-quiet">Operations</h3>
      <ul>
        {operations.map((one) => (
          <li className="flex gap-3" key={one.operation}>
            <span className="min-w-0 truncate font-mono text-xs leading-5">{one.operation}</span>
            <span className="ml-auto whitespace-nowrap tabular-nums text-quiet">
              {formatCount(one.calls)}
              {one.errors > 0 && <span className="text-bad"> · {formatShare(one.error_ratio)} fail</span>}
            </span>
          </li>
        ))}
        {operations.length === 0 && (
          <li className="text-quiet">{found.isPending ? "…" : "None settled in this period."}</li>
        )}
      </ul>
    </section>
  );
}
