import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeBase64, encodeBase64, hex, parseHex } from "./text.ts";
import { parseDecimal } from "./tree-size.ts";

describe("base64", () => {
  test("is that of RFC 4648, both ways", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("base64"));
        expect(decodeBase64(text)).toEqual(bytes);
      }),
    );
  });

  test("has one spelling: what is accepted is what would be written", () => {
    const symbol = fc.constantFrom("A", "B", "Q", "g", "/", "+", "-", "_", "=", " ", "\n", "é");
    fc.assert(
      fc.property(fc.array(symbol, { maxLength: 9 }), (symbols) => {
        const text = symbols.join("");
        const bytes = decodeBase64(text);
        if (bytes !== null) expect(encodeBase64(bytes)).toBe(text);
      }),
      { numRuns: 20_000 },
    );
  });

  test.each(["A", "AA", "AAA", "A===", "====", "AB==", "AAB=", "AA=A", "=AAA", "AA==AAAA", "AAAA\n", "AAA ", "AA-_"])(
    "is refused: %j",
    (text) => expect(decodeBase64(text)).toBeNull(),
  );
});

describe("hex and decimals", () => {
  test("have one spelling", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parseHex(hex(bytes))).toEqual(bytes);
      }),
    );
    for (const text of ["0", "0g", "AB", "ab ", "0x00"]) expect(parseHex(text)).toBeNull();
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(parseDecimal(String(value))).toBe(value);
      }),
    );
    for (const text of [
      "",
      "00",
      "01",
      "-0",
      "+1",
      "1.0",
      "1e3",
      " 1",
      "1\n",
      "0x1",
      "٣",
      "9007199254740992",
      "99999999999999999",
    ]) {
      expect(parseDecimal(text)).toBeNull();
    }
  });
});
