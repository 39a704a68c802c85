/** The transformations of a pipeline. One that is not here is refused with its place: nothing is left out silently. */
import { RE2JS } from "re2js";

import { readDetection } from "./detection.ts";
import type { Value } from "./document.ts";
import { RuleFault } from "./fault.ts";
import { NO_PLACEHOLDERS } from "./modifiers.ts";
import { needed, readLogsource } from "./pipeline-conditions.ts";
import type { Work } from "./pipeline-conditions.ts";
import { checkRegex } from "./regex.ts";
import { allOf, anyOf } from "./syntax.ts";
import type { Match, Node, Part } from "./syntax.ts";
import { joined, literalText, parsePattern } from "./text-pattern.ts";

/** What a step does: with the whole rule, with each of its comparisons, or with names of fields alone. */
export interface Change {
  readonly rule?: (work: Work) => void;
  /** Null: it is taken out. */
  readonly match?: (match: Match) => Node | null;
  readonly names?: (field: string) => readonly string[];
}

export interface StepKind {
  /** Beside id, type and conditions. */
  readonly keys: readonly string[];
  /** Whether it regards conditions on fields. */
  readonly ofFields: boolean;
  readonly read: (step: Value) => Change;
}

const ofFields = (keys: readonly string[], read: StepKind["read"]): StepKind => ({ keys, ofFields: true, read });
const ofRule = (keys: readonly string[], read: StepKind["read"]): StepKind => ({ keys, ofFields: false, read });

const names = (to: Value): readonly string[] => {
  const found = to.each().map((name) => name.text("a field"));
  if (found.length === 0) throw to.fault("a field is mapped to nothing: take it out by drop_detection_item");
  return found;
};

const mappingOf = (step: Value) => needed(step, "mapping").entries("mapping");

export const STEPS: ReadonlyMap<string, StepKind> = new Map<string, StepKind>([
  [
    "field_name_mapping",
    ofFields(["mapping"], (step) => {
      const mapping = new Map(mappingOf(step).map(({ key, value }) => [key, names(value)]));
      return { names: (field) => mapping.get(field) ?? [field] };
    }),
  ],
  [
    "field_name_prefix_mapping",
    ofFields(["mapping"], (step) => {
      const mapping = mappingOf(step).map(({ key, value }) => [key, names(value)] as const);
      return {
        names(field) {
          const found = mapping.find(([prefix]) => field.startsWith(prefix));
          return found === undefined ? [field] : found[1].map((prefix) => prefix + field.slice(found[0].length));
        },
      };
    }),
  ],
  [
    "field_name_prefix",
    ofFields(["prefix"], (step) => {
      const prefix = needed(step, "prefix").text("prefix");
      return { names: (field) => [prefix + field] };
    }),
  ],
  [
    "field_name_suffix",
    ofFields(["suffix"], (step) => {
      const suffix = needed(step, "suffix").text("suffix");
      return { names: (field) => [field + suffix] };
    }),
  ],
  ["drop_detection_item", ofFields([], () => ({ match: () => null }))],
  [
    "detection_item_failure",
    ofFields(["message"], (step) => ({ match: failing(step, "a pipeline refuses this field") })),
  ],
  ["map_string", ofFields(["mapping"], mapString)],
  ["replace_string", ofFields(["regex", "replacement", "skip_special"], replaceString)],
  ["add_condition", ofRule(["conditions", "negated"], addCondition)],
  [
    "change_logsource",
    ofRule(["category", "product", "service"], (step) => {
      const logsource = readLogsource(step);
      return { rule: (work) => (work.logsource = logsource) };
    }),
  ],
  [
    "set_state",
    ofRule(["key", "val"], (step) => {
      const [key, value] = ["key", "val"].map((name) => needed(step, name).text(name)) as [string, string];
      return { rule: ({ state }) => void state.set(key, value) };
    }),
  ],
  [
    "rule_failure",
    ofRule(["message"], (step) => {
      const message = messageOf(step, "a pipeline refuses rules of this logsource");
      return {
        rule({ rule }) {
          throw new RuleFault(rule.place, message);
        },
      };
    }),
  ],
]);

const messageOf = (step: Value, otherwise: string): string => step.get("message")?.text("message") ?? otherwise;

function failing(step: Value, otherwise: string): (match: Match) => never {
  const message = messageOf(step, otherwise);
  return (match) => {
    throw new RuleFault(match.place, message);
  };
}

function addCondition(step: Value): Change {
  const node = readDetection(needed(step, "conditions"), NO_PLACEHOLDERS);
  const negated = step.get("negated")?.scalar()?.value ?? false;
  if (typeof negated !== "boolean") throw step.get("negated")!.fault("negated is true or false");
  const added: Node = negated ? { kind: "not", of: node } : node;
  return { rule: (work) => (work.root = work.root === null ? added : allOf([added, work.root])) };
}

/** Values that are this text whole, whatever their letters' case, become others. */
function mapString(step: Value): Change {
  const mapping = new Map(
    mappingOf(step).map(({ key, value }) => [key.toLowerCase(), value.each().map((to) => to.text("a value"))]),
  );
  return {
    match(match) {
      const { test } = match;
      const text = test.kind === "text" ? literalText(test.parts) : test.kind === "literal" ? test.text : null;
      const to = text === null ? undefined : mapping.get(text.toLowerCase());
      if (to === undefined) return match;
      const cased = test.kind === "text" && test.cased;
      return anyOf(to.map((one) => ({ ...match, test: { kind: "text", parts: joined(parsePattern(one)), cased } })));
    },
  };
}

/** In texts, with their wildcards as `*` and `?`, or with skip_special between them. */
function replaceString(step: Value): Change {
  const regex = needed(step, "regex");
  const source = regex.text("regex");
  checkRegex(source, "", regex);
  const pattern = RE2JS.compile(source);
  const value = needed(step, "replacement");
  const replacement = value.text("replacement");
  for (const [whole, group] of replacement.matchAll(GROUP))
    if (Number(group) > pattern.groupCount()) throw value.fault(`the regular expression has no group ${whole}`);
  const skips = step.get("skip_special")?.scalar()?.value ?? false;
  if (typeof skips !== "boolean") throw step.get("skip_special")!.fault("skip_special is true or false");
  const replaced = (text: string): string => replacedIn(text, pattern, replacement);
  return {
    match(match) {
      const { test } = match;
      if (test.kind !== "text") return match;
      const parts = skips
        ? test.parts.map((part) => (typeof part === "string" ? replaced(part) : part))
        : parsePattern(replaced(written(test.parts)));
      return { ...match, test: { ...test, parts: joined(parts) } };
    },
  };
}

/** Groups are written \1; \0 is all. */
const GROUP = /\\([0-9])/g;

function replacedIn(text: string, pattern: RE2JS, replacement: string): string {
  const matcher = pattern.matcher(text);
  let out = "";
  let end = 0;
  while (matcher.find()) {
    out += text.slice(end, matcher.start());
    out += replacement.replaceAll(GROUP, (_, group: string) => matcher.group(Number(group)) ?? "");
    end = matcher.end();
  }
  return out + text.slice(end);
}

/** As `parsePattern` reads it. */
function written(parts: readonly Part[]): string {
  return parts
    .map((part) => {
      if (typeof part === "string") return part.replaceAll(/[\\*?]/g, (letter) => `\\${letter}`);
      return part.wild === "dash" ? "-" : part.wild;
    })
    .join("");
}
