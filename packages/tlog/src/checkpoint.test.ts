import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { hex } from "./text.ts";
import { treeSize } from "./tree-size.ts";
import { vectors } from "./vectors.contract.ts";

const known = vectors<{
  accepted: { text: string; origin: string; size: number; root: string; extensions: string[] }[];
  refused: string[];
}>("checkpoints");

describe("a checkpoint", () => {
  test.each(known.accepted)("says what it says: $text", ({ text, ...said }) => {
    const parsed = parseCheckpoint(text);
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    expect({ ...parsed.value, root: hex(parsed.value.root) }).toEqual(said);
    if (said.extensions.length === 0) expect(formatCheckpoint(parsed.value)).toBe(text);
  });

  test.each(known.refused)("is refused: %j", (text) => {
    expect(parseCheckpoint(text).kind).toBe("refused");
  });

  test("comes back from its text, and only the text that was written is read", () => {
    const root = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        root,
        fc.nat(),
        fc.constantFrom("0", "1", "=", "/", "\n", " ", "A"),
        (size, hash, at, letter) => {
          const text = formatCheckpoint({ origin: "example.com/default/2026-11", size: treeSize(size), root: hash });
          expect(parseCheckpoint(text)).toEqual({
            kind: "ok",
            value: { origin: "example.com/default/2026-11", size, root: hash, extensions: [] },
          });
          const place = at % text.length;
          const changed = text.slice(0, place) + letter + text.slice(place + 1);
          const parsed = parseCheckpoint(changed);
          if (parsed.kind === "ok" && parsed.value.extensions.length === 0)
            expect(formatCheckpoint(parsed.value)).toBe(changed);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("is not written with an origin of two lines, a size that is none or a root of a wrong length", () => {
    const good = { origin: "o", size: treeSize(1), root: new Uint8Array(32) };
    for (const origin of ["", "a\nb", "a\u0000"]) expect(() => formatCheckpoint({ ...good, origin })).toThrow(/origin/);
    expect(() => formatCheckpoint({ ...good, root: new Uint8Array(31) })).toThrow(/32 bytes/);
    for (const size of [-1, 0.5, 2 ** 53, Number.NaN]) expect(() => treeSize(size)).toThrow(/not a tree size/);
  });
});
