import { expect, test } from "vitest";
import { edgeName, partiesOf } from "./edge-name.ts";

const EDGES: readonly (readonly [caller: string, callee: string, name: string])[] = [
  ["orders", "payments", "orders:payments"],
  ["address:10.0.0.7", "payments", "address%3A10.0.0.7:payments"],
  ["orders", "address:host:8443", "orders:address%3Ahost%3A8443"],
  ["address:::1", "address:host:8443", "address%3A%3A%3A1:address%3Ahost%3A8443"],
  ["100%", "a%3Ab", "100%25:a%253Ab"],
  ["unknown callers of payments", "payments", "unknown callers of payments:payments"],
];

test.each(EDGES)("the edge from %s to %s is %s, and back", (caller, callee, name) => {
  expect(edgeName({ caller, callee })).toBe(name);
  expect(partiesOf(name)).toEqual({ caller, callee });
});

test("what is not two names is no edge", () => {
  for (const text of ["", "orders", ":payments", "orders:", "address:10.0.0.7:payments"])
    expect(partiesOf(text)).toBe(null);
});
