import { expect, it } from "vitest";

import { RECORD_KEYS } from "./canonical-record.ts";
import { emptySlots, recordOf } from "./slots.ts";

it("every slot is its field's, in canonical order", () => {
  const slots = RECORD_KEYS.map((name) => `value of ${name}`);
  expect(Object.entries(recordOf(slots))).toEqual(RECORD_KEYS.map((name) => [name, `value of ${name}`]));
});

it("an empty slot is an absent field, and slots are not shared", () => {
  const slots = emptySlots();
  slots[1] = 0;
  expect(Object.keys(recordOf(slots))).toEqual([RECORD_KEYS[1]]);
  expect(recordOf(emptySlots())).toEqual({});
});
