import { memo, useEffect, useMemo, useRef, useState, type RefObject } from "react";
import { formatCount, formatRate, formatShare } from "../page/format.ts";
import { layoutOf, MAX_LABELLED, NODE_HEIGHT, NODE_WIDTH, type Layout, type Place, type Room } from "./layout.ts";
import { curveOf } from "./curve.ts";
import { usePanZoom } from "./pan-zoom.ts";
import { edgeKey, strangersIn, type EdgeLook, type MapEdge, type ServiceMap } from "./use-map.ts";

interface MapDrawingProps {
  readonly map: ServiceMap;
  /** Key of the edge that is open. */
  readonly chosen: string | undefined;
  readonly choose: (key: string) => void;
  readonly openService: (name: string) => void;
}

const STROKES: Readonly<Record<EdgeLook, string>> = {
  broken: "stroke-bad",
  failing: "stroke-bar-bad",
  new: "stroke-accent",
  gone: "stroke-quiet [stroke-dasharray:4_5]",
  slower: "stroke-warn",
  well: "stroke-bar",
};
const MAX_NAME = 21;

/** Services in ranks, calls between them from left to right or down, as thick as they are many. */
export function MapDrawing({ map, chosen, choose, openService }: MapDrawingProps) {
  const frame = useRef<HTMLDivElement>(null);
  const room = useRoom(frame);
  const layout = useMemo(
    () =>
      layoutOf(
        map.services.map(({ name }) => name).toSorted(),
        map.edges.map(({ edge }) => edge),
        room,
      ),
    [map, room],
  );
  const seen = map.edges.find(({ edge }) => edgeKey(edge) === chosen)?.edge;
  const { svg, content, fit, zoom } = usePanZoom(layout, seen === undefined ? null : middleOf(layout, seen));
  return (
    <div
      className="relative h-[26rem] min-w-0 grow overflow-hidden rounded-lg border border-line lg:h-auto lg:min-h-[26rem]"
      ref={frame}
    >
      <svg
        aria-label={`Map of ${map.services.length} services and ${map.edges.length} edges`}
        className="size-full cursor-grab touch-none select-none active:cursor-grabbing"
        ref={svg}
        role="group"
      >
        <defs>
          <marker
            id="arrow"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            markerWidth="7"
            orient="auto"
            refX="6"
            refY="3.5"
          >
            <path className="fill-quiet" d="M 0 0 L 7 3.5 L 0 7 z" />
          </marker>
        </defs>
        <g ref={content}>
          <Edges choose={choose} chosen={chosen} layout={layout} map={map} />
          {map.services.map(({ name, kind }) => (
            <Node key={name} kind={kind} name={name} open={openService} place={layout.places.get(name)} />
          ))}
        </g>
      </svg>
      <div className="absolute right-3 bottom-3 flex overflow-hidden rounded border border-line bg-ground">
        {(
          [
            ["−", "Zoom out", () => zoom(1 / 1.3)],
            ["+", "Zoom in", () => zoom(1.3)],
            ["⤢", "Show all", fit],
          ] as const
        ).map(([sign, label, press]) => (
          <button
            aria-label={label}
            className="size-8 cursor-pointer hover:bg-raised"
            key={label}
            onClick={press}
            type="button"
          >
            {sign}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Of the frame, in steps, so that a map is laid out anew only where its room is another one. */
function useRoom(frame: RefObject<HTMLDivElement | null>): Room {
  const [room, setRoom] = useState<Room>({ width: 1_000, height: 600 });
  useEffect(() => {
    const box = frame.current;
    if (box === null) return undefined;
    const resized = new ResizeObserver(() => {
      const [width, height] = [box.clientWidth, box.clientHeight].map((px) => Math.max(1, Math.round(px / 100)) * 100);
      if (width === undefined || height === undefined) return;
      setRoom((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    resized.observe(box);
    return () => resized.disconnect();
  }, [frame]);
  return room;
}

function middleOf({ places }: Layout, { caller, callee }: MapEdge["edge"]): Place | null {
  const [from, to] = [places.get(caller), places.get(callee)];
  if (from === undefined || to === undefined) return null;
  return { x: (from.x + to.x + NODE_WIDTH) / 2, y: (from.y + to.y + NODE_HEIGHT) / 2 };
}

interface EdgesProps {
  readonly map: ServiceMap;
  readonly layout: Layout;
  readonly chosen: string | undefined;
  readonly choose: (key: string) => void;
}

/** Apart from the nodes, so that choosing one edge draws only edges. */
const Edges = memo(function Edges({ map, layout, chosen, choose }: EdgesProps) {
  const isLabelled = map.edges.length <= MAX_LABELLED;
  const most = Math.max(1, ...map.edges.map(({ edge }) => edge.calls));
  return map.edges.map((one) => {
    const [from, to] = [layout.places.get(one.edge.caller), layout.places.get(one.edge.callee)];
    if (from === undefined || to === undefined) return null;
    const key = edgeKey(one.edge);
    return (
      <Edge
        choose={choose}
        direction={layout.direction}
        from={from}
        isChosen={chosen === key}
        isLabelled={isLabelled || one.look === "broken"}
        key={key}
        one={one}
        to={to}
        width={1 + 3 * (Math.log1p(one.edge.calls) / Math.log1p(most))}
      />
    );
  });
});

interface EdgeProps {
  readonly one: MapEdge;
  readonly from: Place;
  readonly to: Place;
  readonly direction: Layout["direction"];
  readonly width: number;
  readonly isChosen: boolean;
  readonly isLabelled: boolean;
  readonly choose: (key: string) => void;
}

const Edge = memo(function Edge({ one, from, to, direction, width, isChosen, isLabelled, choose }: EdgeProps) {
  const { edge, look } = one;
  const key = edgeKey(edge);
  const { path, middle } = curveOf(direction, from, to);
  const said = saidOf(one);
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
        className={`fill-none group-hover:opacity-100 group-focus-visible:stroke-accent group-focus-visible:opacity-100 ${isChosen ? "stroke-accent" : STROKES[look]} ${look === "well" && !isChosen ? "opacity-65" : ""}`}
        d={path}
        markerEnd="url(#arrow)"
        strokeWidth={isChosen ? width + 1.5 : width}
      />
      {isLabelled && <Label isBad={look === "broken" || look === "failing"} place={middle} says={said} />}
    </g>
  );
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

interface NodeProps {
  readonly name: string;
  readonly kind: string;
  readonly place: Place | undefined;
  readonly open: (name: string) => void;
}

const Node = memo(function Node({ name, kind, place, open }: NodeProps) {
  if (place === undefined) return null;
  return (
    <g
      aria-label={`${name}${kind === "service" ? "" : ", records nothing itself"}`}
      className="group cursor-pointer outline-none"
      onClick={() => open(name)}
      onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && open(name)}
      role="button"
      tabIndex={0}
      transform={`translate(${place.x} ${place.y})`}
    >
      <title>{name}</title>
      <rect
        className={`fill-ground group-hover:stroke-accent group-focus-visible:stroke-accent group-focus-visible:stroke-2 ${kind === "service" ? "stroke-quiet" : "stroke-quiet [stroke-dasharray:4_4]"}`}
        height={NODE_HEIGHT}
        rx={6}
        width={NODE_WIDTH}
      />
      <text className="fill-ink text-[13px]" textAnchor="middle" x={NODE_WIDTH / 2} y={NODE_HEIGHT / 2 + 4.5}>
        {name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name}
      </text>
    </g>
  );
});
