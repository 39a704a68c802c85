import { NODE_HEIGHT, NODE_WIDTH, type Layout, type Place } from "./layout.ts";

/** The way of a call from one service to another, and where its label stands. */
export interface Curve {
  readonly path: string;
  readonly middle: Place;
}

export function curveOf(direction: Layout["direction"], from: Place, to: Place): Curve {
  return direction === "right" ? curveRight(from, to) : curveDown(from, to);
}

/** From the right side of the caller to the left of the callee; a call back goes around below. */
function curveRight(from: Place, to: Place): Curve {
  const start = { x: from.x + NODE_WIDTH, y: from.y + NODE_HEIGHT / 2 };
  const end = { x: to.x - 3, y: to.y + NODE_HEIGHT / 2 };
  const bend = Math.max(46, Math.abs(end.x - start.x) / 2);
  const drop = end.x <= start.x ? 46 : 0;
  const path = `M ${start.x} ${start.y} C ${start.x + bend} ${start.y + drop} ${end.x - bend} ${end.y + drop} ${end.x} ${end.y}`;
  return { path, middle: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 + drop * 0.75 } };
}

/** From below the caller to above the callee; a call back goes around at the right. */
function curveDown(from: Place, to: Place): Curve {
  const start = { x: from.x + NODE_WIDTH / 2, y: from.y + NODE_HEIGHT };
  const end = { x: to.x + NODE_WIDTH / 2, y: to.y - 3 };
  const bend = Math.max(40, Math.abs(end.y - start.y) / 2);
  const aside = end.y <= start.y ? NODE_WIDTH : 0;
  const path = `M ${start.x} ${start.y} C ${start.x + aside} ${start.y + bend} ${end.x + aside} ${end.y - bend} ${end.x} ${end.y}`;
  return { path, middle: { x: (start.x + end.x) / 2 + aside * 0.75, y: (start.y + end.y) / 2 } };
}
