import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bundleHashes, parseEntryBundle } from "./entry-bundle.ts";
import { leafHash } from "./hashing.ts";
import { hex } from "./text.ts";

const entries = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 12 });

function bundleOf(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [part.length >> 8, part.length & 255, ...part]));
}

describe("an entry bundle", () => {
  test("gives its entries and their leaf hashes", () => {
    fc.assert(
      fc.property(entries, (parts) => {
        const bytes = bundleOf(parts);
        const parsed = parseEntryBundle(bytes, parts.length);
        if (parsed.kind === "refused") throw new Error(parsed.reason);
        const { starts, ends } = parsed.value;
        expect(parts.map((_, i) => bytes.slice(starts[i], ends[i]))).toEqual(parts);
        expect(hex(bundleHashes(bytes, parsed.value))).toBe(parts.map((part) => hex(leafHash(part))).join(""));
      }),
      { numRuns: 50 },
    );
  });

  test("is refused with an entry more or less, and cut or lengthened anywhere", () => {
    fc.assert(
      fc.property(entries, fc.nat(), (parts, seed) => {
        const bytes = bundleOf(parts);
        expect(parseEntryBundle(bytes, parts.length + 1).kind).toBe("refused");
        if (parts.length > 0) expect(parseEntryBundle(bytes, parts.length - 1).kind).toBe("refused");
        if (bytes.length > 0)
          expect(parseEntryBundle(bytes.subarray(0, seed % bytes.length), parts.length).kind).toBe("refused");
        expect(parseEntryBundle(Uint8Array.from([...bytes, 0]), parts.length).kind).toBe("refused");
      }),
    );
  });

  test("holds entries of up to 65,535 bytes", () => {
    const largest = new Uint8Array(65_535).fill(9);
    expect(parseEntryBundle(bundleOf([largest]), 1).kind).toBe("ok");
  });
});
