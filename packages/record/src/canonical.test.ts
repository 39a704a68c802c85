import canonicalize from "canonicalize";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { canonicalOf, CanonicalBoundError } from "./canonical.ts";

interface Rfc8785Vectors {
  readonly documents: readonly { readonly name: string; readonly input: string; readonly canonical: string }[];
  readonly numbers: readonly { readonly ieee754: string; readonly canonical: string | null }[];
}
const vectors = JSON.parse(
  readFileSync(new URL("../../../docs/formats/vectors/record/rfc8785.json", import.meta.url), "utf8"),
) as Rfc8785Vectors;

function doubleOf(hex: string): number {
  return Buffer.from(hex, "hex").readDoubleBE(0);
}

describe("canonical JSON", () => {
  it.each(vectors.documents)("is RFC 8785's for its document: $name", ({ input, canonical }) => {
    expect(canonicalOf(JSON.parse(input))).toBe(canonical);
  });

  it.each(vectors.numbers)("is RFC 8785's for the number $ieee754", ({ ieee754, canonical }) => {
    const value = doubleOf(ieee754);
    if (canonical === null) expect(() => canonicalOf(value)).toThrow(TypeError);
    else expect(canonicalOf(value)).toBe(canonical);
  });

  it("is what an independent implementation writes, for any JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary", maxDepth: 6 }), (value) => {
        expect(canonicalOf(value)).toBe(canonicalize(value));
      }),
      { numRuns: 500 },
    );
  });

  it("survives parsing", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = canonicalOf(value);
        expect(canonicalOf(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it("refuses lone surrogates wherever they stand", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0xd800, max: 0xdfff }), (text, unit) => {
        const lone = `${text}${String.fromCharCode(unit)}x`;
        for (const value of [lone, [lone], { key: lone }, { [lone]: 1 }])
          expect(() => canonicalOf(value)).toThrow("surrogate");
      }),
    );
  });

  it.each([
    ["undefined", undefined],
    ["an undefined member", { a: undefined }],
    ["a hole", Array.from({ length: 2 })],
    ["a bigint", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("a")],
    ["NaN", Number.NaN],
    ["infinity", [Number.POSITIVE_INFINITY]],
    ["a date", new Date(0)],
    ["a map", new Map()],
  ])("refuses %s", (_name, value) => {
    expect(() => canonicalOf(value)).toThrow(TypeError);
  });

  it("refuses a circular value instead of running out of stack", () => {
    const circular: unknown[] = [];
    circular.push(circular);
    expect(() => canonicalOf(circular)).toThrow(CanonicalBoundError);
  });

  it("gives up at its bounds", () => {
    const bounds = { maxDepth: 2, maxLength: 20 };
    expect(canonicalOf([[1]], bounds)).toBe("[[1]]");
    expect(() => canonicalOf([[[1]]], bounds)).toThrow("too deeply");
    expect(() => canonicalOf({ a: "x".repeat(20) }, bounds)).toThrow("too long");
  });

  it("writes __proto__ as any other name", () => {
    expect(canonicalOf(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
  });
});
