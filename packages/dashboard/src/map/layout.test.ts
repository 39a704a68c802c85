import { expect, test } from "vitest";
import { layoutOf, NODE_HEIGHT, NODE_WIDTH, type LayoutEdge } from "./layout.ts";

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
      expect(Math.abs(one.x - other.x) < NODE_WIDTH && Math.abs(one.y - other.y) < NODE_HEIGHT).toBe(false);
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

test("one service that calls itself has a place", () => {
  expect(layoutOf(["alone"], [{ caller: "alone", callee: "alone", calls: 1 }], WIDE).places.get("alone")).toEqual({
    x: 0,
    y: 0,
  });
});
