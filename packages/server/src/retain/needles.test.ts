import { expect, it } from "vitest";

import { sampleEntry } from "../index/sample.contract.ts";
import { needlesOf } from "./needles.ts";

/** Whether a text of ours is found to repeat a record with this operation. */
function isFound(operation: string, text: string): boolean {
  const { record } = sampleEntry(0, { operation, request_id: "a/b%c" });
  return needlesOf(record).some(({ forms, pattern, isTelling }) => {
    const isLikely = forms.some((form) => text.includes(form));
    const isSaid = new RegExp(pattern).test(text);
    // The engine asks for the one before the other.
    if (isSaid) expect(isLikely).toBe(true);
    return isTelling && isSaid;
  });
}

const VALUE = 'GET /reset/xK8"wq?\u00e9';

it("a value is found as it is, within a call id, within JSON in JSON, in ASCII, and cut", () => {
  const asciiOf = (text: string) => text.replaceAll("\u00e9", "\\u00e9");
  const json = (text: string) => JSON.stringify(text).slice(1, -1);
  for (const text of [`(${VALUE})`, `x ${json(VALUE)} y`, json(json(VALUE)), asciiOf(json(json(VALUE)))])
    expect([text, isFound(VALUE, text)]).toEqual([text, true]);
  const long = `v-${"x".repeat(300)}`;
  expect(isFound(long, `${long.slice(0, 250)}\u2026`)).toBe(true);
  expect(isFound("GET /x", "call shop/pay/a%2Fb%25c/0")).toBe(true);
  // Somebody looked for a part of it.
  expect(isFound("GET /reset/hunter2secret", "operation:*hunter2secret*")).toBe(true);
});

it("a value is not found within other words, and a common one says nothing by itself", () => {
  expect(isFound("annab", "Hannabal annabel")).toBe(false);
  expect(isFound("annab", "of annab.")).toBe(true);
  for (const common of ["critical", "POST", "tree", "500", "abc"]) expect(isFound(common, ` ${common} `)).toBe(false);
});
