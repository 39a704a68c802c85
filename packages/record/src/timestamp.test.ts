import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import {
  formatReceivedAt,
  formatTimestamp,
  isNormalShape,
  MAX_TIMESTAMP_US,
  parseTimestamp,
  timestampUs,
} from "./timestamp.ts";

interface TimestampVectors {
  readonly valid: readonly {
    readonly text: string;
    readonly us: number;
    readonly normal: string;
    readonly leap_second?: true;
  }[];
  readonly invalid: readonly { readonly text: string; readonly kind: "malformed" | "out_of_range" }[];
}
const vectors = JSON.parse(
  readFileSync(new URL("../../../docs/formats/vectors/record/timestamp.json", import.meta.url), "utf8"),
) as TimestampVectors;

const instant = fc.integer({ min: 0, max: MAX_TIMESTAMP_US });

describe("timestamps", () => {
  it.each(vectors.valid)("$text is $us µs", ({ text, us, normal, leap_second: leapSecond }) => {
    expect(parseTimestamp(text)).toEqual({ kind: "ok", us, leapSecond: leapSecond === true });
    expect(timestampUs(text)).toBe(us);
    expect(formatTimestamp(us)).toBe(normal);
  });

  it.each(vectors.invalid)("$text is $kind", ({ text, kind }) => {
    expect(parseTimestamp(text)).toMatchObject({ kind, says: expect.stringMatching(/./) as string });
    expect(timestampUs(text)).toBeNaN();
  });

  it("agree with Date about every millisecond", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Math.floor(MAX_TIMESTAMP_US / 1_000) }), (ms) => {
        const text = new Date(ms).toISOString();
        expect(timestampUs(text)).toBe(ms * 1_000);
        expect(formatTimestamp(ms * 1_000)).toBe(text.replace(".000Z", "Z"));
      }),
      { numRuns: 2_000 },
    );
  });

  it("survive formatting and reading", () => {
    fc.assert(
      fc.property(instant, (us) => {
        const text = formatTimestamp(us);
        expect(timestampUs(text)).toBe(us);
        expect(isNormalShape(text)).toBe(true);
        expect(timestampUs(formatReceivedAt(us))).toBe(us);
        expect(formatReceivedAt(us)).toHaveLength(27);
      }),
      { numRuns: 2_000 },
    );
  });

  it("mean the same instant in every offset", () => {
    const offset = fc.tuple(
      fc.constantFrom("+", "-"),
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 86_400_000_000, max: MAX_TIMESTAMP_US - 86_400_000_000 }),
        offset,
        (us, [sign, hours, minutes]) => {
          const shift = (sign === "+" ? 1 : -1) * (hours * 60 + minutes) * 60_000_000;
          const pad = (value: number) => String(value).padStart(2, "0");
          const local = formatTimestamp(us + shift).replace("Z", `${sign}${pad(hours)}:${pad(minutes)}`);
          expect(timestampUs(local)).toBe(us);
        },
      ),
    );
  });

  it("never throws on any text", () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from("0123456789-:TtZz.+ é")), maxLength: 40 });
    fc.assert(
      fc.property(text, (one) => {
        expect(["ok", "malformed", "out_of_range"]).toContain(parseTimestamp(one).kind);
      }),
    );
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("%s microseconds are no time", (us) => {
    expect(() => formatTimestamp(us)).toThrow(RangeError);
  });
});
