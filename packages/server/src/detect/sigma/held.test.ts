import fc from "fast-check";
import { expect, test } from "vitest";

import { checkRules } from "./check.ts";
import { findField } from "./event-fields.ts";
import { askedFields, askedMatches, ruledOutBy } from "./held.ts";
import type { Held } from "./held.ts";
import type { LinkedRule } from "./link.ts";
import { plainRule } from "./plain-evaluator.contract.ts";
import { randomEvents, randomRules } from "./random-rules.contract.ts";

/** Of a field that holds a number in every event that has it, the least and greatest one too. */
function heldBy(events: readonly unknown[]): Held {
  const texts = (field: string) => new Set(events.flatMap((event) => findField(event, field).values));
  const numbers = (field: string) => [...texts(field)].map((text) => (text.trim() === "" ? Number.NaN : Number(text)));
  return {
    texts,
    span(field) {
      const all = numbers(field);
      return all.some(Number.isNaN) ? null : { least: Math.min(...all), greatest: Math.max(...all) };
    },
    isUnmet: () => false,
  };
}

const mayFind = (linked: LinkedRule, held: Held): boolean => ruledOutBy(linked, held, new Map()) === null;

const UNKNOWN: Held = { texts: () => null, span: () => null, isUnmet: () => false };

function rulesOf(text: string): readonly LinkedRule[] {
  return checkRules([{ file: "rule", text }]).flatMap(({ rule, fault }) => {
    expect(fault).toBeNull();
    return rule === null ? [] : [rule];
  });
}

const rule = (lines: string, condition = "sel") =>
  `title: T\nlogsource: {product: p}\ndetection:\n  sel:\n    ${lines}\n  condition: ${condition}\n`;

test("a rule that finds one of some events is never told that it cannot", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (seed) => {
      const texts = randomRules(20, seed);
      const events = randomEvents(12, seed);
      for (const { rule: linked, file } of checkRules(texts.map((text) => ({ file: text, text })))) {
        if (linked === null) continue;
        const matches = plainRule(file);
        for (const some of [events, events.slice(0, 3), events.slice(5, 6)]) {
          expect(mayFind(linked, UNKNOWN)).toBe(true);
          if (some.some((event) => matches(event))) expect(mayFind(linked, heldBy(some)), file).toBe(true);
        }
      }
    }),
    { numRuns: 15 },
  );
});

const EVENTS = [
  { status: "denied", code: "403", size: "17", peer: "10.1.2.3", agent: "curl/8" },
  { status: "success", code: "200", size: "900", peer: "fd00::7" },
];

test.each([
  ["status: error", false],
  ["status: DENIED", true],
  ["status|cased: DENIED", false],
  ["status|contains: nie", true],
  ["status|startswith: nie", false],
  ["status: 's*c*s'", true],
  ["status: 's*x*s'", false],
  ["size|gt: 901", false],
  ["size|gte: 900", true],
  ["size|lt: 16", false],
  ["code|gte: 500", false],
  ["peer|cidr: 10.1.0.0/16", true],
  ["peer|cidr: 10.2.0.0/16", false],
  ["peer|cidr: fd01::/16", false],
  ["agent|exists: true", true],
  ["host|exists: true", true],
  ["host|exists: false", true],
  ["host: null", true],
  ["host|re: '.'", false],
  ["status|re: 'never'", true],
  ["status|neq: denied", true],
  ["{status: denied, agent: wget}", false],
  ["status|fieldref: code", true],
])("%s: may find %s", (lines, may) => {
  const [linked] = rulesOf(rule(lines));
  expect(mayFind(linked!, heldBy(EVENTS))).toBe(may);
});

test("a text that is not ASCII may be anything, and so may what only looks like an address", () => {
  const held = (value: string) => heldBy([{ name: value }]);
  expect(mayFind(rulesOf(rule("name: k"))[0]!, held("\u212A"))).toBe(true);
  expect(mayFind(rulesOf(rule("name: é"))[0]!, held("e"))).toBe(true);
  expect(mayFind(rulesOf(rule("name|cidr: 10.0.0.0/8"))[0]!, held("010.0.0.1"))).toBe(true);
  expect(mayFind(rulesOf(rule("name|cidr: 10.0.0.0/8"))[0]!, held("nobody"))).toBe(false);
});

test("a correlation may come true where one of its rules may find something", () => {
  const correlation = `title: C\ncorrelation: {type: event_count, rules: [base], timespan: 1m, condition: {gte: 2}}\n---\n`;
  const of = (status: string) => rulesOf(correlation + rule(`status: ${status}`).replace("\n", "\nname: base\n"))[0]!;
  expect(mayFind(of("denied"), heldBy(EVENTS))).toBe(true);
  expect(mayFind(of("error"), heldBy(EVENTS))).toBe(false);
});

test("what rules ask for: values of what must be there, numbers of what is compared", () => {
  const linked = rulesOf(
    rule("{a: x, 'b|gt: 1': 2, 'c|exists': false, 'd|re': y}".replace("'b|gt: 1': 2", "'b|gt': 1"), "sel and not sel"),
  );
  const asked = askedFields(linked.flatMap(askedMatches));
  expect(asked).toMatchObject({ texts: new Set(["a", "d"]), numbers: new Set(["b"]) });
  expect([...asked.tests].map(([field, tests]) => [field, ...tests.map(({ kind }) => kind)])).toEqual([
    ["a", "text"],
    ["d", "regex"],
  ]);
});
