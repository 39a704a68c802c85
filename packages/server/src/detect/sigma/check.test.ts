import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { checkRules } from "./check.ts";
import { readEvents } from "./read-events.ts";

const HEAD = "title: T\nlogsource:\n  product: p\n";
const detection = (lines: string, condition = "sel") => `${HEAD}detection:\n${lines}\n  condition: ${condition}\n`;

/** `line:column reason` of the first fault; null when all compile. */
function faultOf(...texts: readonly string[]): string | null {
  const checked = checkRules(texts.map((text, at) => ({ file: `${at}.yml`, text })));
  const fault = checked.find((rule) => rule.fault !== null)?.fault;
  return fault ? `${fault.place.line}:${fault.place.column} ${fault.message}` : null;
}

describe("a rule that cannot be run is refused at its place", () => {
  it.each([
    ["title: T\n  bad: [", "1:8 this is no YAML"],
    ["- a\n- b\n", "1:1 a rule must be a map"],
    ["id: 1\n", "1:1 there is no title"],
    [`${HEAD}id: nonsense\ndetection:\n  a: {b: c}\n  condition: a\n`, "4:5 the id is no UUID"],
    [`title: T\nrunbook_url: wiki/orders\n`, "2:14 runbook_url must be an http:// or https:// URL"],
    [`title: T\nrunbook_url: "javascript:alert(1)"\n`, "2:14 runbook_url must be"],
    [`title: T\nrunbook_url: "https://"\n`, "2:14 runbook_url must be"],
    [`title: T\nrunbook_url: [https://a.example]\n`, "2:14 runbook_url must be text"],
    [`title: T\nrunbook_url: https://a.example/${"x".repeat(1_024)}\n`, "2:14 the runbook_url is longer"],
    ["title: T\ndetection:\n  a: {b: c}\n  condition: a\n", "1:1 there is no logsource"],
    [`${HEAD}detection:\n  sel: {a: b}\n`, "5:3 there is no condition"],
    [detection("  sel:\n    a|nothing: b"), '6:5 there is no modifier "nothing"'],
    [detection("  sel:\n    a|constructor: b"), '6:5 there is no modifier "constructor"'],
    [detection("  sel:\n    a|re: '(?<=x)y'"), "6:11 RE2 does not take the regular expression: it looks around"],
    [detection("  sel:\n    a|re:\n      - ok\n      - 'a{2,1}'"), "8:9 RE2 does not take"],
    [detection("  sel:\n    a|re: '(?:(?:x{100}){100}){100}'"), "6:11 "],
    [detection("  sel:\n    a|cidr: 10.0.0.0/99"), '6:13 "10.0.0.0/99" is no network'],
    [detection("  sel:\n    a|lt: much"), "6:11 the modifier needs a number"],
    [detection("  sel:\n    a|expand: '%who%'"), "6:15 the placeholder %who% has no values"],
    [detection("  sel:\n    a|base64: 'a*'"), "6:15 base64 needs text without wildcards"],
    [detection("  sel:\n    a|wide: é"), "6:13 in UTF-16 this is no text, as fields are: look for its base64 or"],
    [detection("  sel:\n    a|utf16be|contains: [a, é]"), "6:29 in UTF-16 this is no text"],
    [detection("  sel:\n    a|wide|base64: 'é*'"), "6:20 base64 needs text without wildcards"],
    [detection("  sel:\n    a|wide|windash: ' -e'"), "6:21 windash cannot come after wide"],
    [detection("  sel:\n    a|wide|expand: '%who%'"), "6:20 expand cannot come after wide"],
    [detection("  sel:\n    a|wide|utf16: x"), "6:19 utf16 cannot come after wide"],
    [detection("  sel:\n    a|contains|re: x"), "6:20 re cannot come after contains"],
    [detection("  sel:\n    a|exists: maybe"), "6:15 exists needs true or false"],
    [detection("  sel:\n    a|i: x"), "6:10 i is a flag of re"],
    [detection("  sel:\n    a: {b: c}"), "6:8 a must be a value or a list of values"],
    [detection("  sel: []"), "5:8 the detection is empty"],
    [detection("  sel:\n    a: b", "sel and other"), '7:22 there is no detection "other"'],
    [detection("  sel:\n    a: b", "sel and"), "7:20 the condition ends where"],
    [detection("  sel:\n    a: b", "(sel"), "7:14 a parenthesis is not closed"],
    [detection("  sel:\n    a: b", "sel sel"), '7:18 "sel" is not expected here'],
    [detection("  sel:\n    a: b", "2 of sel*"), "7:14 "],
    [detection("  sel:\n    a: b", "1 of none_*"), '7:19 no detection is called like "none_*"'],
    [detection("  sel:\n    a: b", "sel | count() > 3"), "7:18 counting after a bar is the old form"],
    [detection("  sel:\n    a: b", `"${"(".repeat(100)}sel${")".repeat(100)}"`), "deeper than it may be"],
    [`action: global\n${HEAD}`, "1:9 collections with `action`"],
    ["# nothing yet\n---\n", "1:1 there is no rule"],
    [detection("  sel: *gone"), "5:8 nothing is called &gone before the alias"],
    [
      `title: C\ndetection:\n  a: {b: c}\n  condition: a\ncorrelation:\n  type: event_count\n`,
      "6:3 a rule is one of detection, correlation and filter",
    ],
    [
      "title: C\ncorrelation:\n  type: event_count\n  rules: [x]\n  timespan: 1m\n  condition: {gte: 2}\n",
      '4:11 the rule "x" is not among',
    ],
    ["title: C\ncorrelation:\n  type: sideways\n  rules: [x]\n", "3:9 there is no correlation of the type"],
    [
      "title: C\ncorrelation:\n  type: event_count\n  rules: [x]\n  timespan: 5 minutes\n",
      "5:13 a timespan is a number",
    ],
    [
      "title: C\nname: c\ncorrelation:\n  type: event_count\n  rules: [c]\n  timespan: 1m\n  condition: {gte: 2}\n",
      "5:11 a correlation cannot be made of itself",
    ],
  ])("%j", (text, expected) => {
    const found = faultOf(text);
    expect(found).toContain(expected.replace(/^\d+:\d+ /, ""));
    if (/^\d/.test(expected)) expect(found).toMatch(new RegExp(`^${/^\d+:\d+/.exec(expected)![0]} `));
  });

  it.each([
    ["{}", "6:14 the condition needs at least one of lt, lte, gt, gte, eq, neq"],
    ["{field: a}", "6:14 the condition needs at least one of"],
    ["{gt: 1, lte: many}", "6:27 lte must be a number"],
    ["{gt: 1, most: 2}", '6:22 "most" is no part'],
    ["{gt: 1, lte: 4, gt: 2}", "6:30 this is no YAML: Map keys must be unique"],
    ["{gt: 1, <<: {gt: 2}}", '6:22 "<<" is no part'],
  ])("the condition %s of a correlation", (condition, expected) => {
    const head = "title: C\ncorrelation:\n  type: event_count\n  rules: [x]\n  timespan: 1m\n";
    const found = faultOf(`${head}  condition: ${condition}\n`);
    expect(found?.slice(0, expected.length)).toBe(expected);
  });

  it.each([
    ["temporal_ordered", "{gte: 2}", "7:14 temporal_ordered is run for all its rules only: leave the condition out"],
    ["temporal_ordered", "{lte: 3}", "7:14 temporal_ordered is run for all its rules only"],
    ["temporal_ordered", "{eq: 2}", "7:14 temporal_ordered is run for all its rules only"],
    ["temporal_ordered", "{gt: 3}", "7:14 the condition never holds: it counts rules, and there are 3"],
    ["temporal", "{gt: 1, lt: 2}", "7:14 the condition never holds"],
    ["temporal", "x and not y", "7:14 only conditions of a count are run here, as `gte: 10`"],
    ["temporal_ordered", "x or y", "7:14 only conditions of a count are run here"],
    ["temporal", "{gte: 2, field: user}", "7:30 temporal looks at no field"],
    ["event_count", "{gte: 2, field: user}", "7:30 event_count looks at no field"],
    ["value_sum", "{gte: 2, field: n, percentile: 9}", "7:45 value_sum has no percentile"],
    ["event_count", "{gte: 2}\n  timeframe: 2m", "8:14 timeframe is another name of timespan"],
  ])("and no condition of %s is passed over: %s", (type, condition, expected) => {
    const head = `title: C\ncorrelation:\n  type: ${type}\n  rules: [x, y, z]\n  group-by: [u]\n  timespan: 1m\n`;
    expect(faultOf(`${head}  condition: ${condition}\n`)?.slice(0, expected.length)).toBe(expected);
  });

  it("also when it is nested so deep that no parser follows", () => {
    const deep = detection(`  sel: ${"[".repeat(20_000)}${"]".repeat(20_000)}`);
    expect(faultOf(deep)).toMatch(/^5:\d+ the file is nested deeper than it may be$/);
  });

  it("whatever the text, without falling over", () => {
    const pieces = fc.constantFrom(
      "title: T\n",
      "detection:\n",
      "  sel:\n",
      "    a|re: '('\n",
      "    - b\n",
      "  condition: ",
      "1 of them",
      "&a [*a]\n",
      "*a",
      "---\n",
      "correlation:\n",
      "  rules: [a]\n",
      "\t",
      "{",
      "? ",
      "!!binary x\n",
      "\u0000",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string())), (parts) => {
        for (const { fault } of checkRules([{ file: "f", text: parts.join("") }]))
          expect(fault?.place.line ?? 1).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

it("filters and correlations find their rules in other files", () => {
  const base = `title: B\nname: base\nid: 00000000-0000-4000-8000-000000000001\n${HEAD.slice(9)}detection:\n  a: {b: c}\n  condition: a\n`;
  const correlation =
    "title: C\ncorrelation:\n  type: event_count\n  rules: [base]\n  timespan: 1m\n  condition: {gte: 2}\n";
  const filter = `title: F\n${HEAD.slice(9)}filter:\n  rules: any\n  x: {y: z}\n  condition: not x\n`;
  const checked = checkRules([correlation, base, filter].map((text, at) => ({ file: String(at), text })));
  expect(checked.map(({ fault }) => fault)).toEqual([null, null, null]);
  expect(checked[1]!.rule).toMatchObject({ root: { kind: "and", of: [{ kind: "match" }, { kind: "not" }] } });
});

describe("events are read", () => {
  it.each([
    ['{"a":1}\n{"a":2}\n', 2],
    ['\uFEFF{\n  "a": "}{\\"]"\n}\n{"b":[1,{"c":2}]}', 2],
    ['[{"a":1},{"a":2},3]', 3],
    ['1 "x" null', 3],
    ["\n\n", 0],
  ])("%j", (text, count) => expect(readEvents(text)).toHaveLength(count));

  it("and what is no JSON is named by its line", () => {
    expect(() => readEvents('{"a":1}\n\n{"a":}\n')).toThrow(/line 3/);
  });
});
