import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { cutToBytes, shortenLongest } from "./fit.ts";
import { isWellFormed, utf8Length } from "./utf8.ts";

describe("cutting", () => {
  it("gives the longest well-formed beginning that fits", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "é", "€", "🙂"), maxLength: 40 }),
        fc.nat(120),
        (text, maxBytes) => {
          const cut = cutToBytes(text, maxBytes);
          expect(text.startsWith(cut)).toBe(true);
          expect(isWellFormed(cut)).toBe(true);
          expect(utf8Length(cut)).toBeLessThanOrEqual(maxBytes);
          const next = Array.from(text.slice(cut.length))[0] ?? "";
          expect(next === "" || utf8Length(cut + next) > maxBytes).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("takes from the longest values first and says what they had", () => {
    const attributes = { a: "a".repeat(20_000), b: "b".repeat(30_000), c: "c" };
    const cuts = new Map<string, number>();
    expect(shortenLongest(attributes, 1_000, cuts)).toBe(true);
    expect(attributes).toMatchObject({ a: "a".repeat(20_000), c: "c" });
    expect(attributes.b.length).toBeLessThan(29_000);
    expect([...cuts]).toEqual([["b", 30_000]]);
  });

  it("says when there is not enough to take", () => {
    expect(shortenLongest({ a: "short" }, 1_000, new Map())).toBe(false);
  });
});
