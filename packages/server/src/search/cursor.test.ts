import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const QUESTION = ["status:error", "now-1h", "", "timestamp", "newest", false];
const cursor = {
  nowUs: 1_795_600_000_000_000,
  sizes: new Map([["default/2026-11", 42]]),
  after: { us: 5, tree: "default/2026-11", leafIndex: 7 },
};

describe("a cursor", () => {
  it("comes back as it was", () => {
    for (const one of [cursor, { ...cursor, after: null }])
      expect(decodeCursor(encodeCursor(one, QUESTION), QUESTION)).toEqual(one);
  });

  it("of two years of daily trees fits into the headers that clients take", () => {
    const days = Array.from({ length: 730 }, (_, day) =>
      new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
    );
    const sizes = new Map(days.map((day, place) => [`default/${day}`, 1_000_000 + ((place * 7_919) % 999_983)]));
    const text = encodeCursor({ ...cursor, sizes }, QUESTION);
    expect(text.length).toBeLessThan(8_192);
    expect(decodeCursor(text, QUESTION).sizes).toEqual(sizes);
  });

  it("is refused with another question", () => {
    const text = encodeCursor(cursor, QUESTION);
    expect(() => decodeCursor(text, [...QUESTION.slice(0, 5), true])).toThrow(/another query/);
  });

  it("is refused when any of its characters is another one", () => {
    const text = encodeCursor(cursor, QUESTION);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...Array.from("AZaz09-_=.+/ ")), (place, character) => {
        fc.pre(text[place] !== character);
        const changed = text.slice(0, place) + character + text.slice(place + 1);
        try {
          const read = decodeCursor(changed, QUESTION);
          expect(encodeCursor(read, QUESTION)).toBe(changed);
        } catch (error) {
          if (!isTallystickError(error, "cursor_invalid")) throw error;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("is never anything but refused when it is any text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => Buffer.from(json).toString("base64url")),
          fc.json().map((json) => deflateRawSync(json).toString("base64url")),
        ),
        (text) => {
          expect(() => decodeCursor(text, QUESTION)).toThrow(/cursor cannot be used/);
        },
      ),
    );
  });
});
