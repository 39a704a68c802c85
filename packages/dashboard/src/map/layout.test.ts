import { expect, test } from "vitest";
import { curveOf } from "./curve.ts";
import { groupsOf } from "./groups.ts";
import { wayOf } from "./lanes.ts";
import { layoutOf } from "./layout.ts";
import type { LayoutEdge } from "./shape.ts";

function wide(
  services: number,
  edges: number,
): { readonly names: readonly string[]; readonly edges: readonly LayoutEdge[] } {
  const names = Array.from({ length: services }, (_, n) => `service-${n}`);
  let state = 7;
  const next = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  const made = Array.from({ length: edges }, () => ({
    caller: names[next(services)] ?? "",
    callee: names[next(services)] ?? "",
    calls: next(1_000),
  }));
  return { names, edges: made };
}

const WIDE = { width: 1_200, height: 700 };

test("300 services and 2,000 calls, cycles among them, stand apart and always in the same places", () => {
  const { names, edges } = wide(300, 2_000);
  const layout = layoutOf(names, edges, WIDE);
  const places = names.map((name) => layout.places.get(name)!);
  const seen = new Set(places.map(({ x, y }) => `${Math.round(x)} ${Math.round(y)}`));
  expect(seen.size).toBe(300);
  for (const [at, one] of places.entries())
    for (const other of places.slice(at + 1))
      expect(Math.abs(one.x - other.x) < layout.node.width && Math.abs(one.y - other.y) < layout.node.height).toBe(
        false,
      );
  expect(layoutOf(names, edges, WIDE)).toEqual(layout);
});

test("who is called stands behind who calls, as far as nobody calls back, in columns or rows as there is room", () => {
  const chain = ["kiosk", "storefront", "orders", "payments"];
  const edges = chain.slice(1).map((callee, at) => ({ caller: chain[at] ?? "", callee, calls: 10 }));
  const back = { caller: "payments", callee: "storefront", calls: 1 };
  for (const [room, direction, along] of [
    [WIDE, "right", "x"],
    [{ width: 390, height: 700 }, "down", "y"],
  ] as const) {
    const layout = layoutOf(chain.toSorted(), [...edges, back], room);
    const ats = chain.map((name) => layout.places.get(name)![along]);
    expect(layout.direction).toBe(direction);
    expect(ats).toEqual(ats.toSorted((a, b) => a - b));
    expect(new Set(ats).size).toBe(4);
  }
});

test("calls that pass by services go beside them, and their label is on no service", () => {
  const pairs = ["kiosk storefront", "storefront orders", "orders orders-db", "orders payments", "orders shipping"];
  const edges = [...pairs, "shipping inventory", "storefront inventory"].map((pair) => {
    const [caller = "", callee = ""] = pair.split(" ");
    return { caller, callee, calls: 10 };
  });
  const names = [...new Set(edges.flatMap(({ caller, callee }) => [caller, callee]))];
  for (const room of [WIDE, { width: 390, height: 700 }]) {
    const { direction, places, ways, node } = layoutOf(names, edges, room);
    expect([...ways.keys()]).toEqual([wayOf("storefront", "inventory")]);
    const lanes = [...ways.values()].flat();
    expect(lanes.length).toBe(2);
    for (const { x, y } of lanes)
      for (const place of places.values()) {
        const isWithin = x >= place.x && x <= place.x + node.width && y >= place.y && y <= place.y + node.height;
        expect(isWithin).toBe(false);
      }
    const { path, middle } = curveOf({ direction, node }, places.get("storefront")!, places.get("inventory")!, lanes);
    expect(lanes).toContainEqual(middle);
    expect(path.match(/[CL] /g)?.join("")).toBe("C L C L C ");
  }
});

test("one service that calls itself has a place", () => {
  expect(layoutOf(["alone"], [{ caller: "alone", callee: "alone", calls: 1 }], WIDE).places.get("alone")).toEqual({
    x: 0,
    y: 0,
  });
});

test("services of a large map are grouped by the first word that tells, the others by whom they call", () => {
  const named = ["orders", "payments"].flatMap((area) => Array.from({ length: 4 }, (_, n) => `acme-${area}-${n}`));
  const loose = ["gatekeeper", "anvil", "bellows"];
  const edges = [
    { caller: "gatekeeper", callee: "acme-orders-1", calls: 90 },
    { caller: "gatekeeper", callee: "acme-payments-1", calls: 10 },
    { caller: "bellows", callee: "anvil", calls: 5 },
  ];
  const groups = groupsOf([...named, ...loose].toSorted(), edges);
  expect(groups.map(({ name, prefix, members }) => [name, prefix, members.length])).toEqual([
    ["acme-orders", "", 5],
    ["acme-payments", "acme-payments-", 4],
    ["around anvil", "", 2],
  ]);
  const many = wide(70, 200);
  const { places, groups: boxes, node } = layoutOf(many.names, many.edges, WIDE);
  expect(boxes.flatMap(({ members }) => members).toSorted()).toEqual(many.names.toSorted());
  for (const { x, y, width, height, members } of boxes)
    for (const name of members) {
      const place = places.get(name)!;
      expect([place.x > x, place.x + node.width < x + width]).toEqual([true, true]);
      expect([place.y > y, place.y + node.height < y + height]).toEqual([true, true]);
    }
});
