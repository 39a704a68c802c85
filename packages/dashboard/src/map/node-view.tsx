import { Link } from "@tanstack/react-router";
import { edgeName } from "../client/edge-name.ts";
import { Button } from "../page/button.tsx";
import { formatCount, formatDuration, formatRate, formatShare } from "../page/format.ts";
import type { MapEdge, ServiceMap } from "./use-map.ts";

interface NodeViewProps {
  readonly name: string;
  readonly map: ServiceMap;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly close: () => void;
}

const LINK = "text-accent underline decoration-line underline-offset-2 hover:decoration-accent";

/** One service: who calls it and whom it calls, each of which can be chosen. */
export function NodeView({ name, map, from, to, close }: NodeViewProps) {
  const sides = [
    ["Called by", map.edges.filter(({ edge }) => edge.callee === name), ({ edge }: MapEdge) => edge.caller],
    ["Calls", map.edges.filter(({ edge }) => edge.caller === name), ({ edge }: MapEdge) => edge.callee],
  ] as const;
  return (
    <>
      <div className="flex items-center gap-2 border-b border-line px-4 py-2">
        <h2 className="min-w-0 font-semibold break-words">{name}</h2>
        <Button className="ml-auto" onClick={close}>
          Close
        </Button>
      </div>
      <div className="flex flex-col gap-4 p-4">
        <p className="flex flex-wrap gap-x-4">
          <Link className={LINK} search={{ name, from, to }} to="/service">
            Open the service
          </Link>
          <Link
            className={LINK}
            from="/map"
            search={(before) => ({ ...before, service: name, at: undefined, find: undefined })}
            to="/map"
          >
            only what is around it
          </Link>
        </p>
        {sides.map(([title, edges, other]) => (
          <section aria-label={title} key={title}>
            <h3 className="mb-1 text-xs text-quiet">
              {title} {edges.length > 0 && formatCount(edges.length)}
            </h3>
            {edges.length === 0 && <p className="text-quiet">{title === "Calls" ? "Nobody." : "Nobody calls it."}</p>}
            <ul>
              {edges.toSorted(byTrouble).map((one) => (
                <li className="flex gap-3" key={edgeName(one.edge)}>
                  <Link
                    className={`min-w-0 truncate py-0.5 leading-6 ${LINK}`}
                    from="/map"
                    search={(before) => ({ ...before, edge: edgeName(one.edge) })}
                    title={other(one)}
                    to="/map"
                  >
                    {other(one)}
                  </Link>
                  <span className="ml-auto py-0.5 leading-6 whitespace-nowrap tabular-nums text-quiet">
                    {figuresOf(one)}
                    {one.look !== "well" && <span className="text-bad"> · {saidOf(one)}</span>}
                  </span>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  );
}

function byTrouble(one: MapEdge, other: MapEdge): number {
  return Number(one.look === "well") - Number(other.look === "well") || other.edge.calls - one.edge.calls;
}

function figuresOf({ edge: { calls_per_second: rate, p95_us: us } }: MapEdge): string {
  return [rate === null ? "" : formatRate(rate), us === null ? "" : formatDuration(us)].filter(Boolean).join(" · ");
}

function saidOf({ edge, look }: MapEdge): string {
  return look === "failing" ? `${formatShare(edge.error_ratio)} fail` : look === "broken" ? "one half only" : look;
}
