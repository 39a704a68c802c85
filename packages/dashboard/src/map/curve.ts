import type { Layout, Place } from "./shape.ts";

/** The way of a call from one service to another, and where its label stands. */
export interface Curve {
  readonly path: string;
  readonly middle: Place;
}

type Drawn = Pick<Layout, "direction" | "node">;

/** `way`: the middles of the lanes that it goes through. */
export function curveOf(layout: Drawn, from: Place, to: Place, way: readonly Place[] = []): Curve {
  const label = way[Math.floor(way.length / 2)];
  if (label !== undefined) return { path: pathThrough(layout, from, to, way), middle: label };
  if (layout.direction === "any") return curveAny(layout, from, to);
  return layout.direction === "right" ? curveRight(layout, from, to) : curveDown(layout, from, to);
}

/** From the caller bending into each lane, straight through it, and bending to the callee. */
function pathThrough({ direction, node }: Drawn, from: Place, to: Place, way: readonly Place[]): string {
  const isDown = direction === "down";
  const half = { x: node.width / 2, y: node.height / 2 };
  const [before, behind] = isDown
    ? [
        { x: 0, y: -half.y },
        { x: 0, y: half.y },
      ]
    : [
        { x: -half.x, y: 0 },
        { x: half.x, y: 0 },
      ];
  const moved = (place: Place, by: Place): Place => ({ x: place.x + by.x, y: place.y + by.y });
  const bent = (one: Place, other: Place): string => {
    const [x, y] = isDown ? [0, (other.y - one.y) / 2] : [(other.x - one.x) / 2, 0];
    return `C ${one.x + x} ${one.y + y} ${other.x - x} ${other.y - y} ${other.x} ${other.y}`;
  };
  let last = moved(moved(from, half), behind);
  const parts = [`M ${last.x} ${last.y}`];
  for (const middle of way) {
    const [into, out] = [moved(middle, before), moved(middle, behind)];
    parts.push(bent(last, into), `L ${out.x} ${out.y}`);
    last = out;
  }
  const end = moved(moved(to, half), before);
  parts.push(bent(last, isDown ? { x: end.x, y: end.y - 3 } : { x: end.x - 3, y: end.y }));
  return parts.join(" ");
}

/** From the right side of the caller to the left of the callee; a call back goes around below. */
function curveRight({ node }: Drawn, from: Place, to: Place): Curve {
  const start = { x: from.x + node.width, y: from.y + node.height / 2 };
  const end = { x: to.x - 3, y: to.y + node.height / 2 };
  const bend = Math.max(46, Math.abs(end.x - start.x) / 2);
  const drop = end.x <= start.x ? 46 : 0;
  const path = `M ${start.x} ${start.y} C ${start.x + bend} ${start.y + drop} ${end.x - bend} ${end.y + drop} ${end.x} ${end.y}`;
  return { path, middle: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 + drop * 0.75 } };
}

/** From below the caller to above the callee; a call back goes around at the right. */
function curveDown({ node }: Drawn, from: Place, to: Place): Curve {
  const start = { x: from.x + node.width / 2, y: from.y + node.height };
  const end = { x: to.x + node.width / 2, y: to.y - 3 };
  const bend = Math.max(40, Math.abs(end.y - start.y) / 2);
  const aside = end.y <= start.y ? node.width : 0;
  const path = `M ${start.x} ${start.y} C ${start.x + aside} ${start.y + bend} ${end.x + aside} ${end.y - bend} ${end.x} ${end.y}`;
  return { path, middle: { x: (start.x + end.x) / 2 + aside * 0.75, y: (start.y + end.y) / 2 } };
}

/** Between the sides that face each other; what stands below each other is joined around the right side. */
function curveAny({ node }: Drawn, from: Place, to: Place): Curve {
  const [startY, endY] = [from.y + node.height / 2, to.y + node.height / 2];
  const isBeside = Math.abs(to.x - from.x) > node.width;
  const way = to.x > from.x ? 1 : -1;
  const startX = from.x + (isBeside && way < 0 ? 0 : node.width);
  const endX = isBeside ? (way > 0 ? to.x - 3 : to.x + node.width + 3) : to.x + node.width + 3;
  const bend = isBeside ? Math.max(28, Math.abs(endX - startX) * 0.45) * way : 28 + Math.abs(endY - startY) / 5;
  const path = `M ${startX} ${startY} C ${startX + bend} ${startY} ${isBeside ? endX - bend : endX + bend} ${endY} ${endX} ${endY}`;
  return { path, middle: { x: (startX + endX) / 2 + (isBeside ? 0 : bend * 0.75), y: (startY + endY) / 2 } };
}
