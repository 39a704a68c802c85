import { expect, it } from "vitest";

import { checkTexts } from "./check-texts.ts";

const rule = (title: string) => `title: ${title}\nlogsource:\n  product: p\ndetection:\n  a: {b: c}\n  condition: a\n`;
const measure = (of: string) =>
  `title: M\nmeasure:\n  of: ${of}\n  group-by: [caller]\n  window: 5m\n  condition: {gt: 1}\n`;

it("measures are checked among other rules, in the order of the files", () => {
  const texts = [rule("A"), measure("rate"), `${rule("B")}---\n${rule("C")}`, measure("nothing"), ""];
  const checked = checkTexts(texts.map((text, at) => ({ file: `${at}.yml`, text })));
  expect(checked.map(({ file, title, fault }) => [file, title, fault?.place.line ?? null])).toEqual([
    ["0.yml", "A", null],
    ["1.yml", "M", null],
    ["2.yml", "B", null],
    ["2.yml", "C", null],
    ["3.yml", null, 3],
    ["4.yml", null, 1],
  ]);
});
