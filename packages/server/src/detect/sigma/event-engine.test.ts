/** One engine for all that compiled rules mean. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { realClock } from "../../real-clock.ts";
import { checkRules } from "./check.ts";
import { openEventEngine } from "./event-engine.ts";
import type { EventEngine } from "./event-engine.ts";
import { plainRule } from "./plain-evaluator.contract.ts";
import { randomEvents, randomRules } from "./random-rules.contract.ts";

const RULES = 150;
const EVENTS = 100;
const SEED = 20_261_126;

let folder: string;
let engine: EventEngine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-sigma-"));
  engine = await openEventEngine({ folder, clock: realClock(), environment: process.env });
});

afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

it("random rules find in the engine what they mean", async () => {
  const events = randomEvents(EVENTS, SEED);
  const checked = checkRules(randomRules(RULES, SEED).map((text) => ({ file: text, text })));
  const sound = checked.flatMap(({ rule, file }) => (rule === null ? [] : [{ rule, text: file }]));
  expect(sound.length).toBeGreaterThan(RULES / 2);
  const found = await engine.run(
    sound.map(({ rule }) => rule),
    events,
    events.map((_, position) => position),
  );
  sound.forEach(({ text }, at) => {
    const matches = plainRule(text);
    const expected = events.flatMap((event, position) => (matches(event) ? [position] : []));
    expect(found[at], text).toEqual(expected);
  });
});

const BASES = ["a", "b", "c"]
  .map(
    (name) =>
      `title: ${name}\nname: ${name}\nlogsource:\n  product: p\ndetection:\n  sel: {kind: ${name}}\n  condition: sel\n`,
  )
  .join("---\n");

/** `kind@second`, then further fields. */
const at = (text: string, more: object = {}) => {
  const [kind, second] = text.split("@");
  return { event: { kind, user: "u", ...more }, us: Number(second) * 1_000_000 };
};
const list = (text: string) => text.split(" ").map((one) => at(one));

const CORRELATIONS: readonly (readonly [string, ReturnType<typeof list>, readonly number[]])[] = [
  // Windows slide: the third within ten seconds, wherever they begin; each further one again.
  ["type: event_count\n  rules: [a]\n  condition: {gte: 3}", list("a@0 a@9 a@12 a@18 a@40 a@50"), [3]],
  ["type: event_count\n  rules: [a]\n  condition: {gte: 3}", list("a@0 a@5 a@10 a@10"), [2, 3]],
  ["type: event_count\n  rules: [a, b]\n  condition: {gte: 2}", list("a@0 b@1 c@2"), [1]],
  ["type: event_count\n  rules: [a]\n  condition: {eq: 1}", list("a@0 a@1 a@30"), [0, 2]],
  // Of a range both ends hold.
  ["type: event_count\n  rules: [a]\n  condition: {gt: 1, lte: 3}", list("a@0 a@1 a@2 a@3 a@4 a@40 a@41"), [1, 2, 6]],
  ["type: event_count\n  rules: [a]\n  condition: {gte: 2, neq: 3, lt: 5}", list("a@0 a@1 a@2 a@3 a@4"), [1, 3]],
  ["type: event_count\n  rules: [a, b]\n  condition: {lt: 3, gte: 2}", list("a@0 b@1 a@2 b@3"), [1]],
  ["type: temporal\n  rules: [a, b, c]\n  condition: {gte: 2, lt: 3}", list("a@0 b@1 c@2 a@30 c@40"), [1, 4]],
  [
    "type: value_count\n  rules: [a]\n  condition: {field: host, gt: 1, lt: 3}",
    [at("a@0", { host: "x" }), at("a@1", { host: "y" }), at("a@2", { host: "z" }), at("a@11", { host: "z" })],
    [1, 3],
  ],
  [
    "type: value_sum\n  rules: [a]\n  condition: {gt: 100, lte: 200, field: bytes}",
    [at("a@0", { bytes: 100 }), at("a@1", { bytes: 100 }), at("a@2", { bytes: 0.5 }), at("a@3", { bytes: -1 })],
    [1, 3],
  ],
  [
    "type: value_avg\n  rules: [a]\n  condition: {gte: -2, lt: 0, field: n}",
    [at("a@0", { n: -3 }), at("a@1", { n: -1 }), at("a@2", { n: 4 })],
    [1],
  ],
  [
    "type: value_percentile\n  rules: [a]\n  condition: {percentile: 100, field: n, gte: 2, lte: 9}",
    [at("a@0", { n: 1 }), at("a@1", { n: 9 }), at("a@2", { n: 10 })],
    [1],
  ],
  [
    "type: event_count\n  rules: [a]\n  group-by: [user]\n  condition: {gte: 2}",
    [at("a@0"), at("a@1", { user: "v" }), at("a@2")],
    [2],
  ],
  [
    "type: value_count\n  rules: [a]\n  condition: {gte: 2, field: host}",
    [at("a@0", { host: "x" }), at("a@1", { host: "x" }), at("a@2", { host: "y" }), at("a@3")],
    [2, 3],
  ],
  [
    "type: value_sum\n  rules: [a]\n  condition: {gt: 10, field: bytes}",
    [at("a@0", { bytes: 6 }), at("a@1", { bytes: "5" }), at("a@20", { bytes: 11 }), at("a@22", { bytes: "no" })],
    [1, 2, 3],
  ],
  [
    "type: value_avg\n  rules: [a]\n  condition: {gte: 3, field: n}",
    [at("a@0", { n: 1 }), at("a@1", { n: 5 }), at("a@2", { n: 0 })],
    [1],
  ],
  [
    "type: value_percentile\n  rules: [a]\n  condition: {gte: 9, field: n, percentile: 100}",
    [at("a@0", { n: 1 }), at("a@1", { n: 9 })],
    [1],
  ],
  // Between the two nearest values.
  [
    "type: value_percentile\n  rules: [a]\n  condition: {gte: 8, field: n, percentile: 75}",
    [at("a@0", { n: 0 }), at("a@1", { n: 10 }), at("a@2", { n: 4 }), at("a@3", { n: 12 }), at("a@4", { n: 12 })],
    [3, 4],
  ],
  [
    "type: value_percentile\n  rules: [a]\n  condition: {lte: 2, field: n, percentile: 25}",
    [at("a@0", { n: 3 }), at("a@1", { n: 0 }), at("a@2", { n: 9 }), at("a@3", { n: 9 }), at("a@4", { n: 9 })],
    [1, 2],
  ],
  [
    "type: value_median\n  rules: [a]\n  condition: {gte: 5, field: n}",
    [at("a@0", { n: 1 }), at("a@1", { n: 9 })],
    [1],
  ],
  ["type: temporal\n  rules: [a, b]", list("b@0 a@5 a@16 c@17"), [1]],
  ["type: temporal_ordered\n  rules: [a, b]", list("b@0 a@5 b@9 b@14 b@16"), [2, 3]],
  ["type: temporal_ordered\n  rules: [a, b]\n  condition: {gte: 2}", list("b@0 a@5 b@9 b@14 b@16"), [2, 3]],
  ["type: temporal_ordered\n  rules: [a, b]\n  condition: {gt: 1, lte: 2}", list("a@0 b@1 a@2"), [1]],
  ["type: temporal_ordered\n  rules: [a, b, c]", list("a@0 b@1 b@2 c@9 a@20 c@21 b@22"), [3]],
  [
    "type: temporal_ordered\n  rules: [a, b]\n  group-by: [who]\n  aliases:\n    who: {a: user, b: owner}",
    [at("a@0", { user: "x" }), at("b@1", { owner: "y" }), at("b@2", { owner: "x" })],
    [2],
  ],
];

it("correlations find what comes together within a time", async () => {
  for (const [text, given, expected] of CORRELATIONS) {
    const rule = `title: C\ncorrelation:\n  timespan: 10s\n  ${text}\n`;
    const checked = checkRules([{ file: "c", text: `${rule}---\n${BASES}` }]);
    expect(checked.find(({ fault }) => fault !== null)?.fault ?? null, text).toBeNull();
    // The order in which events came does not matter.
    const order = given.map((_, place) => (place * 7 + 3) % given.length);
    const isPermutation = new Set(order).size === given.length;
    const shuffled = isPermutation ? order : given.map((_, place) => place);
    const found = await engine.run(
      [checked[0]!.rule!],
      shuffled.map((place) => given[place]!.event),
      shuffled.map((place) => given[place]!.us),
    );
    const places = found[0]!.map((position) => shuffled[position]!).toSorted((one, other) => one - other);
    expect(places, text).toEqual(expected);
  }
});

const base64 = (bytes: string): string => Buffer.from(bytes, "latin1").toString("base64");

/** Modifiers of a text, by itself `cmd`, and what they find. */
const ENCODED: readonly (readonly [modifiers: string, found: string, text?: string])[] = [
  ["utf16|base64", "//5jAG0AZAA="],
  ["utf16|base64|contains", "run //5jAG0AZAA= now"],
  ["utf16|base64offset|contains", "//5jAG0AZA"],
  ["utf16|base64offset|contains", base64(" \u00ff\u00fec\0m\0d\0")],
  ["utf16|base64offset|contains", base64("  \u00ff\u00fec\0m\0d\0!")],
  ["wide|base64", "YwBtAGQA"],
  ["utf16le|base64", "YwBtAGQA"],
  ["wide|base64offset|contains", base64("!c\0m\0d\0!")],
  ["utf16be|base64", "AGMAbQBk"],
  ["utf16be|base64offset|contains", base64("!\0c\0m\0d!")],
  ["base64", "Y21k"],
  ["wide", "c\0m\0d\0"],
  ["utf16be", "\0c\0m\0d"],
  // Letters beyond ASCII, of one unit and of two.
  ["wide|base64", base64("\u00e9\0=\u00d8\0\u00de"), "é😀"],
  ["utf16le|base64", base64("\u00e9\0=\u00d8\0\u00de"), "é😀"],
  ["utf16be|base64", base64("\0\u00e9\u00d8=\u00de\0"), "é😀"],
  ["utf16|base64", base64("\u00ff\u00fe\u00e9\0"), "é"],
  ["wide|base64offset|contains", base64("a\u00e9\0=\u00d8\0\u00deb"), "é😀"],
  ["utf16be|base64offset|contains", base64("ab\0\u00e9\u00d8=\u00de\0c"), "é😀"],
  // Their bytes are text by chance.
  ["wide", "\u0000\u0001", "Ā"],
  ["utf16be", "\u00c3", "쎃"],
];

it("text in UTF-16 is encoded by its own bytes", async () => {
  const texts = ENCODED.map(
    ([modifiers, , text = "cmd"]) =>
      `title: T\nlogsource: {product: p}\ndetection:\n  sel: {"text|${modifiers}": ${text}}\n  condition: sel\n`,
  );
  const checked = checkRules(texts.map((text) => ({ file: text, text })));
  expect(checked.find(({ fault }) => fault !== null)?.fault ?? null).toBeNull();
  // Without a mark, with the one of UTF-8, of the other order.
  const others = ["cmd", "YwBtAGQA", "77u/YwBtAGQA", "/v8AYwBtAGQ="];
  const events = [...ENCODED.map(([, text]) => text), ...others].map((text) => ({ text }));
  const found = await engine.run(
    checked.map(({ rule }) => rule!),
    events,
    events.map((_, position) => position),
  );
  ENCODED.forEach(([modifiers, text], place) => {
    expect(found[place], `${modifiers}: ${text}`).toContain(place);
    const wrong = found[place]!.filter((position) => position >= ENCODED.length);
    expect(modifiers.startsWith("utf16|") ? wrong : [], modifiers).toEqual([]);
  });
});

it("correlations of correlations, times of day, filters and placeholders", async () => {
  const texts = `title: twice
correlation:\n  type: event_count\n  rules: [inner]\n  timespan: 1m\n  condition: {gte: 2}
---
title: inner\nname: inner\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 1s\n  condition: {gte: 2}
---
title: night\nlogsource: {product: q}\ndetection:\n  sel: {"at|hour": 3}
  day: {"at|week": 48, "at|year": 2026}\n  condition: all of them
---
title: expands\nlogsource: {product: q}\ndetection:\n  sel: {"kind|expand": "%kinds%"}\n  condition: sel
---
title: expands within\nlogsource: {product: q}
detection:\n  sel: {"note|contains|expand": "<%kinds%>"}\n  condition: sel
---
title: filter\nlogsource: {product: p}\nfilter:\n  rules: [a]\n  own: {user: me}\n  condition: not own
---
${BASES}`;
  const checked = checkRules([{ file: "f", text: texts }], {
    placeholders: new Map([["kinds", ["b", "c*"]]]),
  });
  expect(checked.find(({ fault }) => fault !== null)?.fault ?? null).toBeNull();
  const given = [
    at("a@0"),
    at("a@0"),
    at("a@20"),
    at("a@20.5"),
    at("a@20.6", { user: "me" }),
    at("b@30", { at: "2026-11-26T03:15:00Z" }),
    at("cc@40", { at: 1, note: "as <c or other> it is" }),
    at("d@50", { note: "no <d> here" }),
  ];
  const rules = [0, 2, 3, 4].map((place) => checked[place]!.rule!);
  const found = await engine.run(
    rules,
    given.map(({ event }) => event),
    given.map(({ us }) => us),
  );
  expect(found).toEqual([[0, 1, 3], [5], [5, 6], [6]]);
});

/** Lines of a detection, and which of the events it finds. */
const MODIFIED: readonly (readonly [string, readonly number[]])[] = [
  ['{"at|minute": 15}', [0, 2]],
  ['{"at|minute": [15, 59]}', [0, 1, 2]],
  ['{"at|day": 26}', [0, 2]],
  ['{"at|month": 11}', [0]],
  ['{"at|month|neq": 11}', [1, 2, 3]],
  ['{"at|day": 31, "at|month": 12, "at|minute": 59}', [1]],
  ['{"user|fieldref": owner}', [0, 1]],
  ['{"user|fieldref|cased": owner}', [0]],
  ['{"user|cased|fieldref": owner}', [0]],
  ['{"user|fieldref|neq": owner}', [2, 3]],
  ['{"user|fieldref|cased|neq": owner}', [1, 2, 3]],
  ['{"user|fieldref|startswith": owner}', [0, 1, 2]],
  ['{"user|fieldref|startswith|cased": owner}', [0, 2]],
];

it("parts of a time, and other fields", async () => {
  const events = [
    { at: "2026-11-26T03:15:59Z", user: "Ann", owner: "Ann" },
    // Of a time elsewhere, as it is in UTC.
    { at: "2026-12-31T20:59:00-03:00", user: "ann", owner: "ANN" },
    { at: "2027-01-26T00:15:00Z", user: "Anna", owner: "Ann" },
    { at: "soon", user: "bob" },
  ];
  const rules = MODIFIED.map(
    ([lines]) => `title: T\nlogsource: {product: p}\ndetection:\n  sel: ${lines}\n  condition: sel\n`,
  );
  const checked = checkRules(rules.map((text) => ({ file: text, text })));
  expect(checked.find(({ fault }) => fault !== null)?.fault ?? null).toBeNull();
  const found = await engine.run(
    checked.map(({ rule }) => rule!),
    events,
    events.map((_, position) => position),
  );
  found.forEach((positions, place) => expect(positions, MODIFIED[place]![0]).toEqual(MODIFIED[place]![1]));
});
