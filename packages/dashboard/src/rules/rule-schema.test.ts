import { expect, test } from "vitest";
import { offersAt, placeAt } from "./rule-schema.ts";
import { yamlLines, yamlTokens } from "./yaml-text.ts";

const TEXT = `title: Denied
level: medium
detection:
  refused:
    - status|contains: denied
      target_id: payments
  condition: refused
measure:
  of: rate
  group-by:
    - caller
`;
const FIELDS = [
  { name: "status", says: "outcome" },
  { name: "status_code", says: "" },
];
const placeAfter = (written: string) => placeAt(TEXT, TEXT.indexOf(written) + written.length);
const shown = (written: string) => offersAt(placeAfter(written), FIELDS).map((offer) => offer.shown);

test("what may stand somewhere follows from the keys above it", () => {
  expect(placeAfter("    - status|con")).toMatchObject({
    path: ["detection", "refused"],
    key: null,
    typed: "status|con",
  });
  expect(placeAfter("      target_id: pay")).toMatchObject({ path: ["detection", "refused"], key: "target_id" });
  expect(placeAfter("    - call")).toMatchObject({ path: ["measure"], key: "group-by", typed: "call" });
  expect(shown("level: med")).toEqual(["medium"]);
  expect(shown("    - stat")).toEqual(["status", "status_code"]);
  expect(shown("    - status|con")).toEqual(["contains"]);
  expect(shown("  of: r")[0]).toBe("rate");
  expect(shown("    - call")).toEqual(["caller", "callee"]);
});

test("a line comes back whole, whatever stands in it", () => {
  for (const line of [...TEXT.split("\n"), '  - "a: b" # c', "x|re|i: '^a'", "---", '"', "a:b", "  timespan: 5m"])
    expect(
      yamlTokens(line)
        .map(({ text }) => text)
        .join(""),
    ).toBe(line);
  expect(yamlTokens("  status|contains: denied").map(({ kind }) => kind)).toEqual([
    "mark",
    "key",
    "modifier",
    "mark",
    "plain",
  ]);
});

test("words of a block and an apostrophe within a word are no quoted text", () => {
  const kinds = (text: string) => yamlLines(text).map((tokens) => tokens.map(({ kind }) => kind).join());
  expect(kinds("description: >-\n  an edge's: calls\n\n  # too\nlevel: 'high'")).toEqual([
    "key,mark,plain",
    "plain",
    "",
    "plain",
    "key,mark,plain,quoted",
  ]);
  expect(kinds("title: A cloud's KMS\nx: ['a', 'b']")).toEqual([
    "key,mark,plain",
    "key,mark,plain,mark,quoted,mark,plain,quoted,mark",
  ]);
});
