import { canonicalOf } from "@tallystick/record";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonCursor, MemberNames } from "./json-cursor.ts";

function cursorOn(text: string): JsonCursor {
  const cursor = new JsonCursor();
  cursor.start(Buffer.from(text), 0);
  return cursor;
}

/** The value at the cursor, made the slow way. */
function valueAt(cursor: JsonCursor): unknown {
  const first = String.fromCharCode(cursor.bytes[cursor.at] ?? 0);
  if (first === '"') {
    cursor.string();
    return cursor.text();
  }
  if (first === "[") {
    const elements: unknown[] = [];
    while (cursor.element()) elements.push(valueAt(cursor));
    return elements;
  }
  if (first === "{") {
    const members: [string, unknown][] = [];
    while (cursor.member()) {
      cursor.string();
      const name = cursor.text();
      cursor.colon();
      members.push([name, valueAt(cursor)]);
    }
    return Object.fromEntries(members);
  }
  return first === "t" || first === "f" ? cursor.flag() : cursor.integer();
}

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "binary" }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: "binary" }), tie("value"), { maxKeys: 4 }),
  ),
}));

describe("a cursor on canonical JSON", () => {
  test("reads every value as a JSON reader does, and ends beyond it", () => {
    fc.assert(
      fc.property(value, (given) => {
        const text = canonicalOf(given);
        const cursor = cursorOn(`${text},`);
        expect(canonicalOf(valueAt(cursor))).toBe(text);
        expect(cursor.at).toBe(Buffer.byteLength(text));
        const skipping = cursorOn(`${text},`);
        skipping.skip();
        expect(skipping.at).toBe(Buffer.byteLength(text));
      }),
      { numRuns: 500 },
    );
  });

  test("ends with an error wherever the bytes end too soon", () => {
    const text = '{"a":["b\\n",12],"c":{"d":"e"}}';
    for (let length = 0; length < text.length; length += 1) {
      expect(() => cursorOn(text.slice(0, length)).skip(), text.slice(0, length)).toThrow(/no canonical JSON/);
      expect(() => valueAt(cursorOn(text.slice(0, length))), text.slice(0, length)).toThrow(/no canonical JSON/);
    }
  });
});

test("names are found whatever came before them, and unknown ones are passed over", () => {
  const names = new MemberNames(
    new Map([
      ["a", 3],
      ["bb", 1],
      ["c", 0],
    ]),
  );
  const read = (text: string): readonly number[] => {
    const cursor = cursorOn(text);
    const found: number[] = [];
    while (cursor.member()) {
      found.push(names.read(cursor, found.at(-1) ?? -1));
      cursor.skip();
    }
    return found;
  };
  expect(read('{"a":1,"bb":2,"c":3}')).toEqual([3, 1, 0]);
  expect(read('{"a":1,"bb":2,"c":3}')).toEqual([3, 1, 0]);
  expect(read('{"bb":2,"d":[4],"c":3}')).toEqual([1, -1, 0]);
  expect(read('{"a":1,"c":3,"cc":4}')).toEqual([3, 0, -1]);
});
