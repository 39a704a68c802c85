import { memo } from "react";
import { bandsOf, failingOf } from "./emphasis.ts";
import type { GroupBox, Layout } from "./shape.ts";
import type { ServiceMap } from "./use-map.ts";

const MAX_NAME = 21;
/** So long a name has room to be written larger where the map is small. */
const SHORT_NAME = 12;

interface PartProps {
  readonly map: ServiceMap;
  readonly layout: Layout;
}

/** Groups, and between them bands, as wide as there are edges: what there is, beneath what is looked at. */
export const Groups = memo(function Groups({ map, layout: { groups } }: PartProps) {
  const bands = bandsOf(map, groups);
  const most = Math.max(1, ...bands.map(({ edges }) => edges));
  const middle = ({ x, y, width, height }: GroupBox) => ({ x: x + width / 2, y: y + height / 2 });
  return (
    <g aria-hidden="true">
      {bands.map(({ from, to, edges }) => {
        const [a, b] = [middle(from), middle(to)];
        const bend = (b.x - a.x) / 2;
        return (
          <path
            className="pointer-events-none fill-none stroke-line opacity-70"
            d={`M ${a.x} ${a.y} C ${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`}
            key={`${a.x} ${a.y} ${b.x} ${b.y}`}
            strokeWidth={1 + 5 * (edges / most)}
          />
        );
      })}
      {groups.map((group) => (
        <g key={`${group.x} ${group.y}`} transform={`translate(${group.x} ${group.y})`}>
          <rect className="fill-raised stroke-line" height={group.height} rx={10} width={group.width} />
          {group.name !== "" && (
            <text className="fill-ink text-[13px] font-semibold group-data-far/map:text-[30px]" x={12} y={20}>
              {group.name}
              <tspan className="fill-quiet font-normal group-data-far/map:hidden" dx={6}>
                {group.members.length}
              </tspan>
            </text>
          )}
        </g>
      ))}
    </g>
  );
});

interface NodesProps extends PartProps {
  readonly choose: (name: string) => void;
}

export const Nodes = memo(function Nodes({ map, layout, choose }: NodesProps) {
  const failing = failingOf(map);
  const isGrouped = layout.groups.length > 0;
  return map.services.map(({ name, kind }) => {
    const place = layout.places.get(name);
    if (place === undefined) return null;
    const shown = layout.shown.get(name) ?? name;
    const isFailing = failing.has(name);
    const { width, height } = layout.node;
    return (
      <g
        aria-label={`${name}${isFailing ? ", fails" : ""}${kind === "service" ? "" : ", records nothing itself"}`}
        className="group/node cursor-pointer outline-none group-data-looking/map:opacity-35 data-near:opacity-100!"
        data-service={name}
        key={name}
        onClick={() => choose(name)}
        onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && choose(name)}
        role="button"
        tabIndex={0}
        transform={`translate(${place.x} ${place.y})`}
      >
        <title>{name}</title>
        <rect
          className={`group-hover/node:stroke-accent group-focus-visible/node:stroke-accent group-focus-visible/node:stroke-2 group-data-chosen/node:stroke-accent group-data-chosen/node:stroke-2 ${isFailing ? "fill-bad-ground stroke-bar-bad" : "fill-ground stroke-quiet"} ${kind === "service" ? "" : "[stroke-dasharray:4_4]"}`}
          height={height}
          rx={6}
          strokeWidth={isGrouped && !isFailing ? 0.6 : 1}
          width={width}
        />
        <text
          className={`group-data-far/map:hidden ${isFailing ? "fill-bad" : "fill-ink"} ${isGrouped ? "text-[12px]" : "text-[13px]"} ${!isGrouped && shown.length <= SHORT_NAME ? "group-data-small/map:text-[20px]" : ""}`}
          textAnchor="middle"
          x={width / 2}
          dominantBaseline="central"
          y={height / 2}
        >
          {shown.length > MAX_NAME ? `${shown.slice(0, MAX_NAME - 1)}…` : shown}
        </text>
      </g>
    );
  });
});
