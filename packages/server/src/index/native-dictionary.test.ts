import fc from "fast-check";
import { expect, test } from "vitest";
import { JsonCursor } from "./json-cursor.ts";
import { Dictionary, hashOf } from "./native-dictionary.ts";

function placeOf(dictionary: Dictionary, text: string): number {
  const cursor = new JsonCursor();
  cursor.start(Buffer.from(JSON.stringify(text)), 0);
  cursor.string();
  return dictionary.place(cursor);
}

/** Places are given in the order in which strings come first, the empty one apart. */
function checkPlaces(texts: readonly string[]): void {
  const dictionary = new Dictionary();
  const places = new Map([["", 0]]);
  for (const text of texts) {
    if (!places.has(text)) places.set(text, places.size);
    expect(placeOf(dictionary, text)).toBe(places.get(text));
  }
}

test("a string has the place at which it came first", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 3 }), { maxLength: 300 }), checkPlaces));
});

test("thousands of strings are kept apart", () => {
  const texts = Array.from({ length: 5_000 }, (_, n) => `name-${n * 7}`);
  checkPlaces([...texts, ...texts.toReversed()]);
});

test("strings chosen to meet in one slot are kept apart, before and after the dictionary grows", () => {
  const met: string[] = [];
  for (let n = 0; met.length < 200; n += 1) {
    const bytes = Buffer.from(`x${n}`);
    if ((hashOf(bytes, 0, bytes.length) & 1_023) === 5) met.push(`x${n}`);
  }
  checkPlaces([...met.slice(0, 40), ...met, ...met]);
});
