import { memo } from "react";
import { edgeName } from "../client/edge-name.ts";
import { formatCount, formatRate, formatShare } from "../page/format.ts";
import { curveOf } from "./curve.ts";
import { wayOf } from "./lanes.ts";
import type { Layout, Place } from "./shape.ts";
import { strangersIn, type EdgeLook, type MapEdge } from "./use-map.ts";

const STROKES: Readonly<Record<EdgeLook, string>> = {
  broken: "stroke-bad",
  failing: "stroke-bar-bad",
  new: "stroke-accent",
  gone: "stroke-quiet [stroke-dasharray:4_5]",
  slower: "stroke-warn",
  well: "stroke-bar",
};

interface EdgesProps {
  readonly edges: readonly MapEdge[];
  readonly layout: Layout;
  readonly chosen: string | undefined;
  /** Whose calls are looked at. */
  readonly services: readonly string[];
  readonly isLabelled: boolean;
  /** Calls of the edge that has most. */
  readonly most: number;
  readonly choose: (key: string) => void;
}

/** Calls, each of which can be chosen. */
export const Edges = memo(function Edges({ edges, layout, chosen, services, isLabelled, most, choose }: EdgesProps) {
  const isLooking = services.length > 0 || chosen !== undefined;
  const isFine = layout.groups.length > 0;
  return edges.map((one) => {
    const [from, to] = [layout.places.get(one.edge.caller), layout.places.get(one.edge.callee)];
    if (from === undefined || to === undefined) return null;
    const key = edgeName(one.edge);
    const isOwn = services.includes(one.edge.caller) || services.includes(one.edge.callee);
    const share = Math.log1p(one.edge.calls) / Math.log1p(most);
    return (
      <Edge
        choose={choose}
        from={from}
        isChosen={chosen === key}
        isFaint={isFine && isLooking && !isOwn && chosen !== key}
        isLabelled={isLabelled || one.look === "broken"}
        isOwn={isFine && isOwn}
        key={key}
        layout={layout}
        one={one}
        to={to}
        width={isFine ? 1.25 : 1 + 3 * share}
      />
    );
  });
});

interface EdgeProps {
  readonly one: MapEdge;
  readonly layout: Layout;
  readonly from: Place;
  readonly to: Place;
  readonly width: number;
  readonly isChosen: boolean;
  readonly isOwn: boolean;
  readonly isFaint: boolean;
  readonly isLabelled: boolean;
  readonly choose: (key: string) => void;
}

const Edge = memo(function Edge(props: EdgeProps) {
  const { one, layout, from, to, width, isChosen, isOwn, isFaint, isLabelled, choose } = props;
  const { edge, look } = one;
  const key = edgeName(edge);
  const { path, middle } = curveOf(layout, from, to, layout.ways.get(wayOf(edge.caller, edge.callee)));
  const said = saidOf(one);
  const stroke = isChosen || (isOwn && look === "well") ? "stroke-accent" : STROKES[look];
  const isQuiet = (look === "well" || layout.groups.length > 0) && !isChosen && !isOwn;
  const quiet = isFaint ? "opacity-25" : isQuiet ? "opacity-65" : "";
  return (
    <g
      aria-label={`${edge.caller} calls ${edge.callee}: ${formatCount(edge.calls)} calls, ${said}`}
      className="group cursor-pointer outline-none"
      onClick={() => choose(key)}
      onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && choose(key)}
      role="button"
      tabIndex={0}
    >
      <path className="fill-none stroke-transparent" d={path} strokeWidth={14} />
      <path
        className={`fill-none group-hover:opacity-100 group-focus-visible:stroke-accent group-focus-visible:opacity-100 ${stroke} ${quiet}`}
        d={path}
        markerEnd="url(#arrow)"
        strokeWidth={isChosen ? width + 1.5 : width}
      />
      {isLabelled && <Label isBad={look === "broken" || look === "failing"} place={middle} says={said} />}
    </g>
  );
});

/** Many calls as one line each and nothing more: no part of them is drawn, or found under a pointer, by itself. */
export const Strokes = memo(function Strokes({ edges, layout }: Pick<EdgesProps, "edges" | "layout">) {
  const paths = new Map<EdgeLook, string[]>();
  for (const { edge, look } of edges) {
    const [from, to] = [layout.places.get(edge.caller), layout.places.get(edge.callee)];
    if (from === undefined || to === undefined) continue;
    const { path } = curveOf(layout, from, to);
    const lines = paths.get(look);
    if (lines === undefined) paths.set(look, [path]);
    else lines.push(path);
  }
  return [...paths].map(([look, lines]) => (
    <path
      aria-hidden="true"
      className={`pointer-events-none fill-none opacity-40 ${STROKES[look]}`}
      d={lines.join(" ")}
      key={look}
    />
  ));
});

function saidOf({ edge, look }: MapEdge): string {
  const strangers = strangersIn(edge);
  if (look === "gone") return "gone";
  if (strangers > 0) return `${formatCount(strangers)} not known to ${edge.caller}`;
  const rate = edge.calls_per_second === null ? "" : formatRate(edge.calls_per_second);
  const words = [
    rate,
    edge.error_ratio > 0 ? `${formatShare(edge.error_ratio)} fail` : "",
    look === "new" || look === "slower" ? look : "",
  ];
  return words.filter((word) => word !== "").join(" · ");
}

function Label({ says, place, isBad }: { readonly says: string; readonly place: Place; readonly isBad: boolean }) {
  const width = says.length * 6.2 + 12;
  return (
    <g aria-hidden="true" transform={`translate(${place.x - width / 2} ${place.y - 9})`}>
      <rect
        className={isBad ? "fill-bad-ground stroke-bad" : "fill-ground stroke-line"}
        height={18}
        rx={9}
        width={width}
      />
      <text className={`text-[11px] ${isBad ? "fill-bad" : "fill-quiet"}`} textAnchor="middle" x={width / 2} y={12.5}>
        {says}
      </text>
    </g>
  );
}
