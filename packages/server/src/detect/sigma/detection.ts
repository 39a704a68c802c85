/** The named detections of a rule as trees: maps are AND, lists are OR, text without a field is looked for anywhere. */
import type { Value } from "./document.ts";
import type { Place } from "./fault.ts";
import { RuleFault } from "./fault.ts";
import { MAX_DETECTION_DEPTH } from "./limits.ts";
import { modify } from "./modifiers.ts";
import type { Placeholders } from "./modifiers.ts";
import { allOf, anyOf } from "./syntax.ts";
import type { Match, Node, Test } from "./syntax.ts";
import { anyAfter, anyBefore } from "./text-pattern.ts";

export function readDetection(value: Value, placeholders: Placeholders, depth = 0): Node {
  if (depth > MAX_DETECTION_DEPTH) throw value.fault("the detection is nested deeper than it may be");
  if (value.isMap()) {
    const items = value.entries("a detection");
    if (items.length === 0) throw value.fault("the detection is empty");
    return allOf(items.map(({ key, at, value: of }) => readField(key, at, of, placeholders)));
  }
  if (value.isList()) {
    const items = value.items("a detection");
    if (items.length === 0) throw value.fault("the detection is empty");
    return anyOf(items.map((item) => readDetection(item, placeholders, depth + 1)));
  }
  if (value.scalar()?.value === null) throw value.fault("the detection is empty");
  return readField("", value.place, value, placeholders);
}

function readField(key: string, at: Place, value: Value, placeholders: Placeholders): Node {
  const [name = "", ...modifiers] = key.split("|");
  const field = name === "" ? null : name;
  const where = { fault: (reason: string) => new RuleFault(at, reason) };
  if (value.isMap()) throw value.fault(`${field ?? "a keyword"} must be a value or a list of values, not a map`);
  const values = value.each();
  if (values.length === 0) {
    if (field === null) throw value.fault("a list of keywords is empty");
    return { kind: "match", field, test: { kind: "null" }, place: value.place };
  }
  const modified = modify(values, modifiers, placeholders, where);
  const each = modified.values.map((variants) => {
    const matches = variants.map(({ test, at: from }) => matchOf(field, test, from));
    if (matches.length === 0) throw value.fault("a placeholder has no values");
    return anyOf(matches);
  });
  const node = modified.all ? allOf(each) : anyOf(each);
  return modified.negated ? { kind: "not", of: node } : node;
}

function matchOf(field: string | null, test: Test, at: Value): Match {
  if (field !== null) return { kind: "match", field, test, place: at.place };
  return { kind: "match", field, test: keyword(test, at), place: at.place };
}

/** A keyword is a part of some text of the event. */
function keyword(test: Test, at: Value): Test {
  switch (test.kind) {
    case "text":
      return { ...test, parts: anyAfter(anyBefore(test.parts)) };
    case "literal":
      return { kind: "text", parts: anyAfter(anyBefore([test.text])), cased: false };
    case "regex":
      return test;
    default:
      throw at.fault("this needs the name of a field before it");
  }
}
