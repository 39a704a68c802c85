/** A processing pipeline in Sigma's format: other products' names and values as ours. */
import type { Value } from "./document.ts";
import { readDocuments } from "./document.ts";
import { RuleFault } from "./fault.ts";
import { readDetection } from "./detection.ts";
import { covers } from "./link.ts";
import { NO_PLACEHOLDERS } from "./modifiers.ts";
import { allOf, anyOf, mapMatches } from "./syntax.ts";
import type { DetectionRule, Logsource, Match, Node } from "./syntax.ts";

export interface Pipeline {
  readonly name: string;
  readonly priority: number;
  readonly steps: readonly Step[];
}

interface Step {
  /** Rules of any of these; empty: of every. */
  readonly of: readonly Logsource[];
  readonly change: (rule: DetectionRule) => DetectionRule;
  /** The logsource that rules have after it. */
  readonly becomes: Logsource | null;
}

const KEYS = ["name", "priority", "transformations", "allowed_backends", "vars"];

/** Throws RuleFault with the place of what is not known. */
export function readPipeline(text: string): Pipeline {
  const [read] = readDocuments(text);
  if (read === undefined) throw new RuleFault({ line: 1, column: 1 }, "the pipeline is empty");
  if (read.kind === "fault") throw read.fault;
  const { root } = read;
  for (const { key, at } of root.entries("a pipeline"))
    if (!KEYS.includes(key)) throw new RuleFault(at, `${JSON.stringify(key)} is no key of a pipeline`);
  const priority = root.get("priority")?.scalar()?.value ?? 0;
  if (typeof priority !== "number") throw root.get("priority")!.fault("priority must be a number");
  return {
    name: root.get("name")?.text("the name of a pipeline") ?? "",
    priority,
    steps: (root.get("transformations")?.items("transformations") ?? []).map(readStep),
  };
}

/** The rule as the pipelines make it. Throws RuleFault where one of them refuses it. */
export function applyPipelines(rule: DetectionRule, pipelines: readonly Pipeline[]): DetectionRule {
  let changed = rule;
  for (const { steps } of pipelines.toSorted((one, other) => one.priority - other.priority)) {
    for (const step of steps) {
      if (step.of.length > 0 && !step.of.some((logsource) => covers(logsource, changed.logsource))) continue;
      changed = step.change(changed);
      if (step.becomes !== null) changed = { ...changed, logsource: step.becomes };
    }
  }
  return changed;
}

function readStep(value: Value): Step {
  const type = value.get("type");
  if (type === null) throw value.fault("the transformation has no type");
  const read = STEPS[type.text("the type of a transformation")];
  if (read === undefined)
    throw type.fault(`there is no such transformation here; there are ${Object.keys(STEPS).join(", ")}`);
  const of = (value.get("rule_conditions")?.items("rule_conditions") ?? []).map((condition) => {
    if (condition.get("type")?.text("the type of a condition") !== "logsource")
      throw condition.fault("only conditions of the type logsource are known here");
    return logsourceOf(condition);
  });
  for (const { key, at } of value.entries("a transformation"))
    if (
      ![
        "id",
        "type",
        "rule_conditions",
        "mapping",
        "prefix",
        "suffix",
        "conditions",
        "category",
        "product",
        "service",
        "message",
        "fields",
      ].includes(key)
    )
      throw new RuleFault(at, `${JSON.stringify(key)} is not known here`);
  const becomes = type.text("type") === "change_logsource" ? logsourceOf(value) : null;
  return { of, change: read(value), becomes };
}

function logsourceOf(value: Value): Logsource {
  const named = (name: string) => value.get(name)?.text(name) ?? null;
  return { category: named("category"), product: named("product"), service: named("service") };
}

type ReadChange = (value: Value) => (rule: DetectionRule) => DetectionRule;

const renaming =
  (names: (field: string) => readonly string[]) =>
  (rule: DetectionRule): DetectionRule => ({ ...rule, root: mapMatches(rule.root, (match) => renamed(match, names)) });

function renamed(match: Match, names: (field: string) => readonly string[]): Node {
  const { test } = match;
  const other = test.kind === "field" ? { ...test, name: names(test.name)[0] ?? test.name } : test;
  if (match.field === null) return match;
  return anyOf(names(match.field).map((field) => ({ ...match, field, test: other })));
}

const STEPS: Readonly<Record<string, ReadChange>> = {
  field_name_mapping: (value) => {
    const mapping = new Map(
      required(value, "mapping")
        .entries("mapping")
        .map(({ key, value: to }) => [key, to.each().map((name) => name.text("a field"))]),
    );
    return renaming((field) => mapping.get(field) ?? [field]);
  },
  field_name_prefix_mapping: (value) => {
    const mapping = required(value, "mapping")
      .entries("mapping")
      .map(({ key, value: to }) => [key, to.each().map((name) => name.text("a field"))] as const);
    return renaming((field) => {
      const found = mapping.find(([prefix]) => field.startsWith(prefix));
      return found === undefined ? [field] : found[1].map((prefix) => prefix + field.slice(found[0].length));
    });
  },
  field_name_prefix: (value) => {
    const prefix = required(value, "prefix").text("prefix");
    return renaming((field) => [prefix + field]);
  },
  field_name_suffix: (value) => {
    const suffix = required(value, "suffix").text("suffix");
    return renaming((field) => [field + suffix]);
  },
  add_condition: (value) => {
    const node = readDetection(required(value, "conditions"), NO_PLACEHOLDERS);
    return (rule) => ({ ...rule, root: allOf([node, rule.root]) });
  },
  change_logsource: () => (rule) => rule,
  rule_failure: (value) => {
    const message = value.get("message")?.text("message") ?? "a pipeline refuses rules of this logsource";
    return (rule) => {
      throw new RuleFault(rule.place, message);
    };
  },
  detection_item_failure: (value) => {
    const message = value.get("message")?.text("message") ?? "a pipeline refuses this field";
    const fields = new Set(
      required(value, "fields")
        .each()
        .map((field) => field.text("a field")),
    );
    return (rule) => ({
      ...rule,
      root: mapMatches(rule.root, (match) => {
        if (match.field !== null && fields.has(match.field)) throw new RuleFault(match.place, message);
        return match;
      }),
    });
  },
};

function required(value: Value, name: string): Value {
  const found = value.get(name);
  if (found === null) throw value.fault(`the transformation needs ${name}`);
  return found;
}
