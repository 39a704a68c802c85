/**
 * Where the services of a large map stand: in boxes of those that belong together, and the boxes in columns, callers
 * towards the left. Calls between boxes are told as one band; whoever looks at a service sees its own.
 */
import { groupsOf, type Group } from "./groups.ts";
import { ranksOf, withoutCycles } from "./ranks.ts";
import { scaleFor, type GroupBox, type Layout, type LayoutEdge, type Place, type Room } from "./shape.ts";

const HEADING_PX = 30;
const PAD_PX = 10;
const CHIP_PX = 24;
const CHIP_GAP_PX = 6;
const LETTER_PX = 6.6;
const MIN_CHIP_PX = 64;
const MAX_CHIP_PX = 170;
/** Room for bands between boxes. */
const GUTTER_PX = 84;
const BETWEEN_PX = 44;
const MAX_COLUMNS = 24;
/** Boxes are rather wide than high. */
const BOX_RATIO = 1.5;

interface Box extends Room {
  readonly group: Group;
  readonly members: readonly string[];
  readonly rows: number;
  readonly tier: number;
}

export function groupLayoutOf(names: readonly string[], edges: readonly LayoutEdge[], room: Room): Layout {
  const tiers = ranksOf(names, withoutCycles(names, edges));
  const tierOf = (name: string) => tiers.get(name) ?? 0;
  const groups = groupsOf(names, edges);
  const shown = new Map(
    groups.flatMap((group) => group.members.map((name) => [name, shownName(name, group)] as const)),
  );
  const longest = Math.max(0, ...[...shown.values()].map((name) => name.length));
  const chip = Math.min(MAX_CHIP_PX, Math.max(MIN_CHIP_PX, longest * LETTER_PX + 18));
  const boxes = groups
    .map((group) => boxOf(group, chip, tierOf))
    .toSorted((a, b) => a.tier - b.tier || (a.group.name < b.group.name ? -1 : 1));
  const columns = best(boxes, room);
  const { width, height } = sizeOf(columns);
  const places = new Map<string, Place>();
  const found: GroupBox[] = [];
  let x = 0;
  for (const column of columns) {
    const columnPx = Math.max(...column.map((box) => box.width));
    let y = (height - heightOf(column)) / 2;
    for (const box of column) {
      const at = { x: x + (columnPx - box.width) / 2, y };
      const { group, members, rows } = box;
      found.push({ ...at, width: box.width, height: box.height, name: group.name, members });
      for (const [n, name] of members.entries())
        places.set(name, {
          x: at.x + PAD_PX + Math.floor(n / rows) * (chip + CHIP_GAP_PX),
          y: at.y + headingOf(group) + (n % rows) * (CHIP_PX + CHIP_GAP_PX),
        });
      y += box.height + BETWEEN_PX;
    }
    x += columnPx + GUTTER_PX;
  }
  const node = { width: chip, height: CHIP_PX };
  return { direction: "any", places, ways: new Map(), width, height, node, groups: found, shown };
}

const headingOf = ({ name }: Group) => (name === "" ? PAD_PX : HEADING_PX);

/** What its box says already is left out. */
function shownName(name: string, { prefix }: Group): string {
  return name.length > prefix.length ? name.slice(prefix.length) : name;
}

function boxOf(group: Group, chip: number, tierOf: (name: string) => number): Box {
  const members = group.members.toSorted((a, b) => tierOf(a) - tierOf(b) || (a < b ? -1 : 1));
  const [wide, high] = [chip + CHIP_GAP_PX, CHIP_PX + CHIP_GAP_PX];
  const columns = Math.max(1, Math.round(Math.sqrt((members.length * high * BOX_RATIO) / wide)));
  const rows = Math.ceil(members.length / columns);
  return {
    group,
    members,
    rows,
    tier: members.reduce((sum, name) => sum + tierOf(name), 0) / members.length,
    width: Math.ceil(members.length / rows) * wide - CHIP_GAP_PX + 2 * PAD_PX,
    height: headingOf(group) + rows * high - CHIP_GAP_PX + PAD_PX,
  };
}

type Columns = readonly (readonly Box[])[];

/** In as many columns as let it be drawn largest. */
function best(boxes: readonly Box[], room: Room): Columns {
  const tried = Array.from({ length: Math.min(MAX_COLUMNS, boxes.length) }, (_, n) => inColumns(boxes, n + 1));
  return tried.reduce((a, b) => (scaleFor(sizeOf(b), room) > scaleFor(sizeOf(a), room) ? b : a));
}

/** In their order, into columns of about the same height. */
function inColumns(boxes: readonly Box[], count: number): Columns {
  const each = heightOf(boxes) / count;
  const columns: Box[][] = [[]];
  for (const box of boxes) {
    const last = columns.at(-1) ?? [];
    const isFull = last.length > 0 && heightOf(last) + box.height / 2 > each;
    if (isFull && columns.length < count) columns.push([box]);
    else last.push(box);
  }
  return columns;
}

function heightOf(boxes: readonly Room[]): number {
  return boxes.reduce((sum, { height }) => sum + height + BETWEEN_PX, -BETWEEN_PX);
}

function sizeOf(columns: Columns): Room {
  return {
    width: columns.reduce((sum, column) => sum + Math.max(...column.map(({ width }) => width)) + GUTTER_PX, -GUTTER_PX),
    height: Math.max(...columns.map(heightOf)),
  };
}
