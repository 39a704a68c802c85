/**
 * Where the services of a map stand: in ranks from those who call to those who are called, with as few crossings as a
 * few sweeps bring. Ranks are columns or rows, whichever lets the map be drawn larger in the room that there is. The
 * same services, calls and room give the same picture. Without dummy nodes and optimisers it lays
 * out 300 services and 2,000 edges in a few milliseconds.
 */
export interface LayoutEdge {
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Room {
  readonly width: number;
  readonly height: number;
}

export interface Layout extends Room {
  /** Which way calls go. */
  readonly direction: "right" | "down";
  readonly places: ReadonlyMap<string, Place>;
}

export const NODE_WIDTH = 168;
export const NODE_HEIGHT = 34;
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
/** A small map is drawn no larger. */
export const LARGEST_SCALE = 1.15;
/** From left to right is what people are used to. */
const CLEARLY = 1.1;
const SWEEPS = 12;
/** A longer rank is cut into several beside each other. */
const MAX_IN_RANK = 24;

export function layoutOf(names: readonly string[], edges: readonly LayoutEdge[], room: Room): Layout {
  const forward = withoutCycles(names, edges);
  const ranks = ordered(columnsOf(names, ranksOf(names, forward)), forward).flatMap((rank) =>
    chunks(rank, MAX_IN_RANK),
  );
  const isLabelled = edges.length <= MAX_LABELLED;
  const [right, down] = [inColumns(ranks, room, isLabelled), inRows(ranks, isLabelled)];
  const scaleOf = ({ width, height }: Room) => Math.min(LARGEST_SCALE, room.width / width, room.height / height);
  return scaleOf(down) > scaleOf(right) * CLEARLY ? down : right;
}

type Ranks = readonly (readonly string[])[];

function inColumns(ranks: Ranks, room: Room, isLabelled: boolean): Layout {
  const columnPx = NODE_WIDTH + (isLabelled ? LABEL_PX : GAP_PX);
  const rows = longest(ranks);
  const width = Math.max(0, ranks.length - 1) * columnPx + NODE_WIDTH;
  const rowPx = Math.min(MAX_ROW_PX, Math.max(MIN_ROW_PX, (width * room.height) / room.width / rows));
  const places = placed(ranks, (rank, at) => ({ x: rank * columnPx, y: at * rowPx }));
  return { direction: "right", places, width, height: (rows - 1) * rowPx + NODE_HEIGHT };
}

function inRows(ranks: Ranks, isLabelled: boolean): Layout {
  const besidePx = NODE_WIDTH + (isLabelled ? BESIDE_PX : CLOSE_PX);
  const places = placed(ranks, (rank, at) => ({ x: at * besidePx, y: rank * DOWN_PX }));
  const height = Math.max(0, ranks.length - 1) * DOWN_PX + NODE_HEIGHT;
  return { direction: "down", places, width: (longest(ranks) - 1) * besidePx + NODE_WIDTH, height };
}

const longest = (ranks: Ranks): number => Math.max(1, ...ranks.map((rank) => rank.length));

/** Shorter ranks stand at the middle of the longest. */
function placed(ranks: Ranks, place: (rank: number, at: number) => Place): ReadonlyMap<string, Place> {
  const most = longest(ranks);
  return new Map(
    ranks.flatMap((members, rank) =>
      members.map((name, at) => [name, place(rank, at + (most - members.length) / 2)] as const),
    ),
  );
}

type Forward = ReadonlyMap<string, readonly string[]>;

/** Callees by caller, calls back along a way already taken left out; the most used ways are kept. */
function withoutCycles(names: readonly string[], edges: readonly LayoutEdge[]): Forward {
  const out = new Map<string, LayoutEdge[]>(names.map((name) => [name, []]));
  const called = new Set<string>();
  for (const edge of edges) {
    if (edge.caller === edge.callee) continue;
    out.get(edge.caller)?.push(edge);
    called.add(edge.callee);
  }
  const kept = new Map<string, string[]>(names.map((name) => [name, []]));
  const state = new Map<string, "open" | "done">();
  const visit = (name: string): void => {
    state.set(name, "open");
    for (const { callee } of (out.get(name) ?? []).toSorted((a, b) => b.calls - a.calls)) {
      if (state.get(callee) === "open") continue;
      kept.get(name)?.push(callee);
      if (!state.has(callee)) visit(callee);
    }
    state.set(name, "done");
  };
  const roots = names.filter((name) => !called.has(name));
  for (const name of [...roots, ...names]) if (!state.has(name)) visit(name);
  return kept;
}

/** Each service stands right of all who call it. */
function ranksOf(names: readonly string[], forward: Forward): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>(names.map((name) => [name, 0]));
  const waiting = new Map<string, number>(names.map((name) => [name, 0]));
  for (const callees of forward.values())
    for (const callee of callees) waiting.set(callee, (waiting.get(callee) ?? 0) + 1);
  const ready = names.filter((name) => waiting.get(name) === 0);
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    for (const callee of forward.get(name) ?? []) {
      ranks.set(callee, Math.max(ranks.get(callee) ?? 0, (ranks.get(name) ?? 0) + 1));
      const left = (waiting.get(callee) ?? 1) - 1;
      waiting.set(callee, left);
      if (left === 0) ready.push(callee);
    }
  }
  return ranks;
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
