import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import { edgeName } from "../client/edge-name.ts";
import { Edges, Strokes } from "./edges.tsx";
import { nearOf, ownOf, toldOf, united } from "./emphasis.ts";
import { layoutOf, MAX_LABELLED } from "./layout.ts";
import { Groups, Nodes } from "./nodes.tsx";
import { usePanZoom } from "./pan-zoom.ts";
import type { Layout, Place, Room } from "./shape.ts";
import type { MapEdge, ServiceMap } from "./use-map.ts";

interface MapDrawingProps {
  readonly map: ServiceMap;
  /** Key of the edge that is open. */
  readonly edge: string | undefined;
  /** The service that is open. */
  readonly service: string | undefined;
  /** Services with it in their names stand out. */
  readonly find: string;
  readonly chooseEdge: (key: string) => void;
  readonly chooseService: (name: string) => void;
}

const POINTS_AFTER_MS = 70;

/**
 * A small map: services in ranks, every call between them. A large one: services in groups, bands between those, and
 * of calls those that are not well and those of the service that is looked at or pointed to.
 */
export function MapDrawing({ map, edge, service, find, chooseEdge, chooseService }: MapDrawingProps) {
  const [room, setRoom] = useState<Room>({ width: 1_000, height: 600 });
  const [pointedTo, setPointedTo] = useState<string>();
  const layout = useMemo(
    () =>
      layoutOf(
        map.services.map(({ name }) => name).toSorted(),
        map.edges.map(({ edge: { caller, callee, calls } }) => ({ caller, callee, calls })),
        room,
      ),
    [map, room],
  );
  const isLarge = layout.groups.length > 0;
  const { chosen, near, lookedAt, told, edges } = useLooks(map, { edge, service, find }, isLarge, pointedTo);
  const most = useMemo(() => Math.max(1, ...map.edges.map(({ edge: { calls } }) => calls)), [map]);
  const { frame, content, fit, zoom } = usePanZoom(
    layout,
    placeOf(layout, chosen, find === "" ? service : lookedAt[0]),
  );
  const point = usePointer(setPointedTo);
  useRoom(frame, setRoom);
  useMarks(frame, isLarge || find !== "" ? near : null, service, map);
  return (
    <div
      className="group/map relative h-[26rem] min-w-0 grow cursor-grab touch-none overflow-hidden rounded-lg border border-line select-none active:cursor-grabbing lg:h-auto lg:min-h-[26rem]"
      ref={frame}
    >
      <div className="absolute top-0 left-0 origin-top-left" ref={content}>
        <svg
          aria-label={`Map of ${map.services.length} services and ${map.edges.length} edges`}
          className="block overflow-visible"
          height={layout.height}
          onPointerLeave={() => point(undefined)}
          onPointerOver={(event) => isLarge && point(serviceUnder(event.target))}
          role="group"
          width={layout.width}
        >
          <Arrow />
          {isLarge && <Groups layout={layout} map={map} />}
          <Strokes edges={told.others} layout={layout} />
          <Edges
            choose={chooseEdge}
            chosen={edge}
            edges={edges}
            isLabelled={map.edges.length <= MAX_LABELLED}
            layout={layout}
            most={most}
            services={lookedAt}
          />
          <Nodes choose={chooseService} layout={layout} map={map} />
        </svg>
      </div>
      <Buttons fit={fit} zoom={zoom} />
    </div>
  );
}

/** What stands out, and which calls are drawn by themselves. */
function useLooks(
  map: ServiceMap,
  { edge, service, find }: Pick<MapDrawingProps, "edge" | "service" | "find">,
  isLarge: boolean,
  pointedTo: string | undefined,
) {
  const told = useMemo(() => toldOf(map, isLarge), [map, isLarge]);
  const chosen = useMemo(() => map.edges.find((one) => edgeName(one.edge) === edge), [map, edge]);
  const near = useMemo(
    () => nearOf(map, { find, edge: pointedTo === undefined ? chosen : undefined, service: pointedTo ?? service }),
    [map, find, service, chosen, pointedTo],
  );
  const lookedAt = useMemo(() => {
    // Found as the only one is as good as chosen.
    if (find !== "") return near?.size === 1 ? [...near] : [];
    const name = pointedTo ?? (chosen === undefined ? service : undefined);
    return name === undefined ? [] : [name];
  }, [find, near, pointedTo, chosen, service]);
  const edges = useMemo(
    () => (isLarge ? united(told.each, chosen === undefined ? [] : [chosen], ownOf(map, lookedAt)) : told.each),
    [isLarge, told, chosen, map, lookedAt],
  );
  return { chosen, near, lookedAt, told, edges };
}

function serviceUnder(target: EventTarget): string | undefined {
  return (target as Element).closest("[data-service]")?.getAttribute("data-service") ?? undefined;
}

/** A pointer that only passes points to nothing. */
function usePointer(set: (name: string | undefined) => void): (name: string | undefined) => void {
  const waits = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(waits.current), []);
  return (name) => {
    clearTimeout(waits.current);
    waits.current = setTimeout(() => set(name), POINTS_AFTER_MS);
  };
}

function Arrow() {
  return (
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
  );
}

function Buttons({ fit, zoom }: { readonly fit: () => void; readonly zoom: (factor: number) => void }) {
  const buttons = [
    ["−", "Zoom out", () => zoom(1 / 1.3)],
    ["+", "Zoom in", () => zoom(1.3)],
    ["⤢", "Show all", fit],
  ] as const;
  return (
    <div className="absolute bottom-3 left-3 flex overflow-hidden rounded border border-line bg-ground">
      {buttons.map(([sign, label, press]) => (
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
  );
}

/** Of the frame, in steps, so that a map is laid out anew only where its room is another one. */
function useRoom(frame: RefObject<HTMLDivElement | null>, set: (change: (before: Room) => Room) => void): void {
  useEffect(() => {
    const box = frame.current;
    if (box === null) return undefined;
    const resized = new ResizeObserver(() => {
      const [width, height] = [box.clientWidth, box.clientHeight].map((px) => Math.max(1, Math.round(px / 100)) * 100);
      if (width === undefined || height === undefined) return;
      set((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    resized.observe(box);
    return () => resized.disconnect();
  }, [frame, set]);
}

/** Said to the drawing by attributes, so that hundreds of services are not rendered again for it. */
function useMarks(
  frame: RefObject<HTMLDivElement | null>,
  near: ReadonlySet<string> | null,
  chosen: string | undefined,
  map: ServiceMap,
): void {
  useEffect(() => {
    frame.current?.toggleAttribute("data-looking", near !== null);
    for (const part of frame.current?.querySelectorAll("[data-service]") ?? []) {
      const name = part.getAttribute("data-service") ?? "";
      part.toggleAttribute("data-near", near?.has(name) === true);
      part.toggleAttribute("data-chosen", name === chosen);
    }
  }, [frame, near, chosen, map]);
}

function placeOf({ places, node }: Layout, chosen: MapEdge | undefined, service: string | undefined): Place | null {
  const ends = chosen === undefined ? [service, service] : [chosen.edge.caller, chosen.edge.callee];
  const [from, to] = ends.map((name) => (name === undefined ? undefined : places.get(name)));
  if (from === undefined || to === undefined) return null;
  return { x: (from.x + to.x + node.width) / 2, y: (from.y + to.y + node.height) / 2 };
}
