import fc from "fast-check";
import { expect, it } from "vitest";

import { readSummed, writeSummed } from "./summed-json.ts";

it("what was written is read, and so is bare JSON of before", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.stringify(readSummed(writeSummed(value)))).toBe(text);
      expect(JSON.stringify(readSummed(Buffer.from(`${text}\n`)))).toBe(text);
    }),
  );
});

it("any changed bit, and any shorter file, is seen", () => {
  const bytes = Buffer.from(writeSummed({ version: 1, trees: { "default/2026-11": { single: 3, together: 2 } } }));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
    expect(readSummed(changed)).toBeUndefined();
  }
  for (let length = 0; length < bytes.length; length += 1)
    expect(readSummed(bytes.subarray(0, length))).toBeUndefined();
});
