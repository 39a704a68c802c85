import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { uuidv7, uuidv8 } from "./uuid.ts";

describe("UUIDs", () => {
  it("are RFC 9562's examples", () => {
    const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
    expect(uuidv7(0x017f22e279b0, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    expect(uuidv8(Buffer.from("2489e9ad2ee20e008ec932d5f69181c0", "hex"))).toBe("2489e9ad-2ee2-8e00-8ec9-32d5f69181c0");
  });

  it("of version 7 sort as their milliseconds do", () => {
    const ms = fc.integer({ min: 0, max: 2 ** 48 - 1 });
    fc.assert(
      fc.property(ms, ms, fc.uint8Array({ minLength: 10, maxLength: 10 }), (first, second, random) => {
        fc.pre(first !== second);
        expect(uuidv7(first, random) < uuidv7(second, random)).toBe(first < second);
        expect(uuidv7(first, random)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }),
    );
  });

  it("of version 8 keep every bit but version and variant, and leave their input alone", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const before = [...bytes];
        const digits = uuidv8(bytes).replaceAll("-", "");
        expect([...bytes]).toEqual(before);
        const expected = [...before];
        expected[6] = 0x80 | (before[6]! & 0x0f);
        expected[8] = 0x80 | (before[8]! & 0x3f);
        expect([...Buffer.from(digits, "hex")]).toEqual(expected);
      }),
    );
  });

  it("refuse a time or bytes that they have no room for", () => {
    expect(() => uuidv7(2 ** 48, new Uint8Array(10))).toThrow(RangeError);
    expect(() => uuidv7(0.5, new Uint8Array(10))).toThrow(RangeError);
    expect(() => uuidv7(0, new Uint8Array(9))).toThrow(RangeError);
    expect(() => uuidv8(new Uint8Array(15))).toThrow(RangeError);
  });
});
