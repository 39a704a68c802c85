/**
 * Where the services of a map stand. Those of a large fleet stand in groups, see group-layout.ts; others in ranks from
 * those who call to those who are called, with as few crossings as a few sweeps bring. Ranks are columns or rows,
 * whichever lets the map be drawn larger in the room that there is. The same services, calls and room give the same
 * picture.
 */
import { groupLayoutOf } from "./group-layout.ts";
import { waysOf, withLanes, type Laned } from "./lanes.ts";
import { ranksOf, withoutCycles, type Forward } from "./ranks.ts";
import { scaleFor, type Layout, type LayoutEdge, type Place, type Room } from "./shape.ts";

export const NODE_WIDTH = 168;
export const NODE_HEIGHT = 34;
/** Of a rank's services and of calls that are drawn each by itself, somebody still finds his way. */
const MAX_RANKED_SERVICES = 60;
const MAX_RANKED_EDGES = 240;
const NODE: Room = { width: NODE_WIDTH, height: NODE_HEIGHT };
/** Of as many calls, each is labelled. */
export const MAX_LABELLED = 60;
/** A label fits between two ranks, and between two that lie beside each other. */
const LABEL_PX = 150;
const GAP_PX = 110;
const MIN_ROW_PX = NODE_HEIGHT + 26;
const MAX_ROW_PX = NODE_HEIGHT + 106;
const DOWN_PX = NODE_HEIGHT + 86;
const BESIDE_PX = 96;
const CLOSE_PX = 24;
/** Room for calls that pass by. */
const LANE_PX = 18;
/** From left to right is what people are used to. */
const CLEARLY = 1.1;
const SWEEPS = 12;
/** A longer rank is cut into several beside each other. */
const MAX_IN_RANK = 24;

export function layoutOf(names: readonly string[], edges: readonly LayoutEdge[], room: Room): Layout {
  const isLarge = names.length > MAX_RANKED_SERVICES || edges.length > MAX_RANKED_EDGES;
  return isLarge ? groupLayoutOf(names, edges, room) : rankedLayoutOf(names, edges, room);
}

function rankedLayoutOf(names: readonly string[], edges: readonly LayoutEdge[], room: Room): Layout {
  const kept = withoutCycles(names, edges);
  const isLabelled = edges.length <= MAX_LABELLED;
  const plain: Laned = { ranks: ranksOf(names, kept), forward: kept, lanes: new Map() };
  const { ranks: at, forward, lanes } = isLabelled ? withLanes(plain.ranks, kept) : plain;
  const ranks = ordered(columnsOf([...names, ...lanes.keys()], at), forward).flatMap((rank) =>
    chunks(rank, MAX_IN_RANK),
  );
  const [right, down] = [inColumns(ranks, lanes, room, isLabelled), inRows(ranks, lanes, isLabelled)];
  return scaleFor(down, room) > scaleFor(right, room) * CLEARLY ? down : right;
}

type Ranks = readonly (readonly string[])[];
type Lanes = Laned["lanes"];

function inColumns(ranks: Ranks, lanes: Lanes, room: Room, isLabelled: boolean): Layout {
  const columnPx = NODE_WIDTH + (isLabelled ? LABEL_PX : GAP_PX);
  const rows = Math.max(1, ...ranks.map((rank) => rank.filter((name) => !lanes.has(name)).length));
  const width = Math.max(0, ranks.length - 1) * columnPx + NODE_WIDTH;
  const rowPx = Math.min(MAX_ROW_PX, Math.max(MIN_ROW_PX, (width * room.height) / room.width / rows));
  const gapOf = (one: string, next: string) => (lanes.has(one) || lanes.has(next) ? CLOSE_PX : rowPx - NODE_HEIGHT);
  const { starts, lengthPx: height } = placed(ranks, gapOf, (name) => (lanes.has(name) ? LANE_PX : NODE_HEIGHT));
  const places = new Map([...starts].map(([name, { rank, startPx }]) => [name, { x: rank * columnPx, y: startPx }]));
  return layoutAt("right", places, lanes, { width, height });
}

function inRows(ranks: Ranks, lanes: Lanes, isLabelled: boolean): Layout {
  const gapOf = (one: string, next: string) =>
    isLabelled && !lanes.has(one) && !lanes.has(next) ? BESIDE_PX : CLOSE_PX;
  const { starts, lengthPx: width } = placed(ranks, gapOf, (name) => {
    const lane = lanes.get(name);
    return lane === undefined ? NODE_WIDTH : lane.isLabelled ? LABEL_PX : LANE_PX;
  });
  const places = new Map([...starts].map(([name, { rank, startPx }]) => [name, { x: startPx, y: rank * DOWN_PX }]));
  const height = Math.max(0, ranks.length - 1) * DOWN_PX + NODE_HEIGHT;
  return layoutAt("down", places, lanes, { width, height });
}

/** Services where they stand, lanes by their middles. */
function layoutAt(direction: "right" | "down", all: ReadonlyMap<string, Place>, lanes: Lanes, size: Room): Layout {
  const middle = (name: string, { x, y }: Place): Place => {
    const widthPx = direction === "right" ? NODE_WIDTH : lanes.get(name)?.isLabelled === true ? LABEL_PX : LANE_PX;
    return { x: x + widthPx / 2, y: y + (direction === "right" ? LANE_PX : NODE_HEIGHT) / 2 };
  };
  const places = new Map([...all].filter(([name]) => !lanes.has(name)));
  const middles = new Map([...all].map(([name, place]) => [name, middle(name, place)]));
  return { direction, places, ways: waysOf(lanes, middles), ...size, node: NODE, groups: [], shown: new Map() };
}

interface Start {
  readonly rank: number;
  readonly startPx: number;
}

/** Where in its rank each begins; shorter ranks stand at the middle of the longest. */
function placed(
  ranks: Ranks,
  gapOf: (one: string, next: string) => number,
  sizeOf: (name: string) => number,
): { readonly starts: ReadonlyMap<string, Start>; readonly lengthPx: number } {
  const sized = ranks.map((members) =>
    members.map((name, at) => {
      const next = members[at + 1];
      return { name, sizePx: sizeOf(name), gapPx: next === undefined ? 0 : gapOf(name, next) };
    }),
  );
  const lengths = sized.map((rank) => rank.reduce((sum, { sizePx, gapPx }) => sum + sizePx + gapPx, 0));
  const lengthPx = Math.max(...lengths, 0);
  const starts = new Map<string, Start>();
  for (const [rank, members] of sized.entries()) {
    let startPx = (lengthPx - (lengths[rank] ?? 0)) / 2;
    for (const { name, sizePx, gapPx } of members) {
      starts.set(name, { rank, startPx });
      startPx += sizePx + gapPx;
    }
  }
  return { starts, lengthPx };
}

function columnsOf(names: readonly string[], ranks: ReadonlyMap<string, number>): readonly (readonly string[])[] {
  const columns: string[][] = [];
  for (const name of names) {
    const rank = ranks.get(name) ?? 0;
    (columns[rank] ??= []).push(name);
  }
  return columns.filter((column) => column !== undefined);
}

/** Each service beside the middle of those it is connected with, from left to right and back again. */
function ordered(columns: readonly (readonly string[])[], forward: Forward): readonly (readonly string[])[] {
  const near = new Map<string, string[]>();
  const connect = (one: string, other: string) => near.set(one, [...(near.get(one) ?? []), other]);
  for (const [caller, callees] of forward)
    for (const callee of callees) {
      connect(caller, callee);
      connect(callee, caller);
    }
  const sorted = columns.map((column) => [...column].toSorted());
  const row = new Map<string, number>();
  const number = (column: readonly string[]) => {
    for (const [at, name] of column.entries()) row.set(name, (at + 0.5) / column.length);
  };
  sorted.forEach(number);
  const middle = (name: string) => {
    const rows = (near.get(name) ?? []).map((other) => row.get(other) ?? 0.5);
    return rows.length === 0 ? (row.get(name) ?? 0.5) : rows.reduce((sum, one) => sum + one, 0) / rows.length;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const order = sweep % 2 === 0 ? sorted : sorted.toReversed();
    for (const column of order) {
      const middles = new Map(column.map((name) => [name, middle(name)]));
      column.sort((a, b) => (middles.get(a) ?? 0) - (middles.get(b) ?? 0) || (a < b ? -1 : 1));
      number(column);
    }
  }
  return sorted;
}

function chunks(column: readonly string[], size: number): readonly (readonly string[])[] {
  const count = Math.max(1, Math.ceil(column.length / size));
  const each = Math.ceil(column.length / count);
  return Array.from({ length: count }, (_, at) => column.slice(at * each, (at + 1) * each));
}
