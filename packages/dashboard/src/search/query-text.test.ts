import { expect, test } from "vitest";
import { hasTerm, tokensOf, typingAt, withoutTerm, withTerm } from "./query-text.ts";

test("every character of a query is in exactly one token", () => {
  for (const text of [
    'service_id:payments AND status:(error OR denied) duration_us:>50ms -operation:"GET /health" time*',
    'an unclosed "quote \\" and ( more',
    "  spaces   and üñï ",
    "a:b:c::d[1 TO 2}",
    "",
  ])
    expect(
      tokensOf(text)
        .map((token) => token.text)
        .join(""),
    ).toBe(text);
  const kinds = tokensOf('service_id:pay* AND "a b"').map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind !== "plain")).toEqual(["field", "wildcard", "operator", "quoted"]);
});

test("what is typed at the caret is a field or the value of one", () => {
  expect(typingAt("serv", 4)).toEqual({ kind: "field", field: "", typed: "serv", start: 0 });
  expect(typingAt("a AND serv", 10)).toMatchObject({ kind: "field", typed: "serv", start: 6 });
  expect(typingAt("status:er", 9)).toEqual({ kind: "value", field: "status", typed: "er", start: 7 });
  expect(typingAt('-status:"er', 11)).toMatchObject({ kind: "value", field: "status", typed: "er", start: 8 });
  expect(typingAt('error_message:"two words', 24)).toMatchObject({ kind: "field", typed: "words" });
});

test("terms are added once, change sides, and go without a trace", () => {
  const added = withTerm(undefined, "status", "error", false);
  expect(added).toBe('status:"error"');
  expect(withTerm(added, "status", "error", false)).toBe(added);
  expect(withTerm(added, "status", "error", true)).toBe('-status:"error"');
  expect(withTerm("a OR b", "status", "error", false)).toBe('(a OR b) AND status:"error"');
  const both = withTerm(added, "caller", 'a "b" \\', true);
  expect(hasTerm(both, "status", "error")).toBe("in");
  expect(hasTerm(both, "caller", 'a "b" \\')).toBe("out");
  expect(withoutTerm(withoutTerm(both, "status", "error"), "caller", 'a "b" \\')).toBe("");
});
