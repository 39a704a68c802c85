/** Random rules and random events that have something to do with each other: few fields, few letters. */
import fc from "fast-check";
import { stringify } from "yaml";

const FIELDS = ["a", "b", "c.d", "list", "n", "ip", "EventID"] as const;
const WORDS = [
  "",
  "a",
  "A",
  "ab",
  "aB",
  "b*",
  "*",
  "?",
  "a?b",
  "\\",
  "\\*",
  "x\\\\*",
  " -a",
  "/b -c",
  "-ab",
  "Ä",
  "ä",
  "ß",
  "7",
  "0.5",
  "-1",
  "true",
  "%",
  "_",
  "'",
  "{x:String}",
  "a\nb",
  "é",
  "ſ",
  "10.0.0.7",
];

const word = fc.constantFrom(...WORDS);
const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
const number = fc.constantFrom(0, 1, 7, -1, 0.5, 10, 100);
const address = fc.constantFrom("10.0.0.7", "10.0.1.1", "192.168.0.1", "::1", "2001:db8::7", "no address");

const textual = fc.constantFrom(
  "",
  "contains",
  "startswith",
  "endswith",
  "cased",
  "contains|cased",
  "contains|all",
  "windash",
  "contains|windash",
  "neq",
  "base64",
  "base64offset|contains",
  "wide|base64offset|contains",
  "endswith|cased|neq",
  "contains|neq",
);
const expression = fc.constantFrom(
  "a",
  "^a",
  "b$",
  "a.b",
  "[a-c]+",
  "(?i)ab",
  "a|7",
  "\\d{1,2}",
  "\\\\",
  "(ab)?c",
  "x{0}",
  "a\\nb",
  "\\sb",
  "^$",
  "(?:a|b){2}",
);

const item: fc.Arbitrary<readonly [string, unknown]> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...FIELDS), textual, fc.array(fc.oneof(text, number), { minLength: 1, maxLength: 6 }))
      .map(
        ([field, modifier, values]) =>
          [`${field}${modifier === "" ? "" : `|${modifier}`}`, values.length === 1 ? values[0] : values] as const,
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...FIELDS), fc.constantFrom("re", "re|i", "re|s", "re|m"), expression)
      .map(([field, modifier, value]) => [`${field}|${modifier}`, value] as const),
  },
  fc
    .tuple(fc.constantFrom(...FIELDS), fc.constantFrom("lt", "lte", "gt", "gte"), number)
    .map(([field, modifier, value]) => [`${field}|${modifier}`, value] as const),
  fc.tuple(fc.constantFrom(...FIELDS), fc.boolean()).map(([field, value]) => [`${field}|exists`, value] as const),
  fc
    .tuple(fc.constantFrom(...FIELDS), fc.constantFrom(null, true, false, "", []))
    .map(([field, value]) => [field, value] as const),
  fc
    .tuple(
      fc.constantFrom("ip", "list"),
      fc.constantFrom("10.0.0.0/8", "10.0.0.0/24", "::/0", "2001:db8::/32", "0.0.0.0/0"),
    )
    .map(([field, value]) => [`${field}|cidr`, value] as const),
  fc
    .tuple(
      fc.constantFrom(...FIELDS),
      fc.constantFrom("fieldref", "fieldref|contains", "fieldref|startswith", "fieldref|endswith"),
      fc.constantFrom(...FIELDS),
    )
    .map(([field, modifier, value]) => [`${field}|${modifier}`, value] as const),
);

const fields = fc
  .uniqueArray(item, { minLength: 1, maxLength: 3, selector: ([key]) => key })
  .map((items) => Object.fromEntries(items));
const keywords = fc.oneof(
  fc.array(text, { minLength: 1, maxLength: 3 }),
  fc.array(text, { minLength: 1, maxLength: 3 }).map((values) => ({ "|all": values })),
);
const detection: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fields },
  { weight: 2, arbitrary: fc.array(fields, { minLength: 1, maxLength: 3 }) },
  keywords,
);

const NAMES = ["sel_a", "sel_b", "filter_c", "_hidden"] as const;
const condition: fc.Arbitrary<string> = fc.letrec<{ node: string; leaf: string }>((tie) => ({
  leaf: fc.constantFrom(...NAMES, "1 of sel_*", "all of sel_*", "1 of them", "all of them", "any of filter_*"),
  node: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    tie("leaf"),
    tie("node").map((node) => `not ${node}`),
    fc.tuple(tie("node"), fc.constantFrom("and", "or"), tie("node")).map((parts) => parts.join(" ")),
    tie("node").map((node) => `(${node})`),
  ),
})).node;

const rule = fc
  .record({ detections: fc.tuple(detection, detection, detection, detection), condition })
  .map(({ detections, condition: text }) =>
    stringify({
      title: "random",
      logsource: { product: "any" },
      detection: { ...Object.fromEntries(NAMES.map((name, at) => [name, detections[at]])), condition: text },
    }),
  );

const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: text.map((one) => one.replaceAll("\\*", "*")) },
  number,
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(text, number, address), { maxLength: 3 }),
);

const event = fc.record(
  {
    a: value,
    b: value,
    c: fc.oneof(fc.record({ d: value }), text),
    list: fc.array(fc.oneof(text, address), { maxLength: 3 }),
    n: fc.oneof(number, number.map(String), text),
    ip: address,
    Event: fc.record({
      System: fc.record({ EventID: fc.oneof(number, fc.record({ "#text": number })) }),
      EventData: fc.record({ a: text, b: text }, { requiredKeys: [] }),
    }),
  },
  { requiredKeys: [] },
);

export const randomRules = (count: number, seed: number): readonly string[] =>
  fc.sample(rule, { numRuns: count, seed });
export const randomEvents = (count: number, seed: number): readonly unknown[] =>
  fc.sample(event, { numRuns: count, seed });
