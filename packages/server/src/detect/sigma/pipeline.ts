/**
 * Processing pipelines in Sigma's format: other products' names and values as ours. Steps apply to a rule one after
 * the other, its filters with it, by their conditions; what a correlation names follows the rules that it is made of.
 */
import type { Value } from "./document.ts";
import { readDocuments } from "./document.ts";
import { RuleFault } from "./fault.ts";
import type { LinkedCorrelation, LinkedDetection, LinkedRule } from "./link.ts";
import type { Placeholders } from "./modifiers.ts";
import {
  FIELD_KEYS,
  ITEM_KEYS,
  needed,
  readFieldConditions,
  readRuleConditions,
  RULE_KEYS,
} from "./pipeline-conditions.ts";
import type { FieldCondition, RuleCondition, Work } from "./pipeline-conditions.ts";
import { STEPS } from "./pipeline-steps.ts";
import type { Change } from "./pipeline-steps.ts";
import { anyOf } from "./syntax.ts";
import type { Match, Node } from "./syntax.ts";

export interface Pipeline {
  readonly name: string;
  readonly priority: number;
  readonly steps: readonly Step[];
  /** Of its `vars`, for the modifier `expand`. */
  readonly placeholders: Placeholders;
}

interface Step {
  readonly id: string | null;
  readonly isFor: RuleCondition;
  readonly isForField: FieldCondition;
  readonly changes: readonly (Change | Step)[];
}

const KEYS = ["name", "priority", "transformations", "allowed_backends", "vars"];
const MAX_NESTING = 8;
/** They change what a rule shows beside what it finds, which findings here do not go by. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(["add_field", "remove_field", "set_field"]);

/** Throws RuleFault with the place of what is not known. */
export function readPipeline(text: string): Pipeline {
  const [read] = readDocuments(text);
  if (read === undefined) throw new RuleFault({ line: 1, column: 1 }, "the pipeline is empty");
  if (read.kind === "fault") throw read.fault;
  const { root } = read;
  for (const { key, at } of root.entries("a pipeline")) {
    if (key === "postprocessing" || key === "finalizers")
      throw new RuleFault(at, `${key} changes the text of queries, and rules are no text here`);
    if (!KEYS.includes(key)) throw new RuleFault(at, `${JSON.stringify(key.slice(0, 80))} is no key of a pipeline`);
  }
  const priority = root.get("priority")?.scalar()?.value ?? 0;
  if (typeof priority !== "number") throw root.get("priority")!.fault("priority must be a number");
  const vars = readVars(root.get("vars"));
  const placeholders = new Map<string, readonly string[]>();
  const steps = (root.get("transformations")?.items("transformations") ?? []).flatMap((step) =>
    readPlaceholders(step, vars, placeholders) ? [] : [readStep(step, 0)],
  );
  return { name: root.get("name")?.text("the name of a pipeline") ?? "", priority, steps, placeholders };
}

function readVars(value: Value | null): Placeholders {
  if (value === null) return new Map();
  return new Map(
    value.entries("vars").map(({ key, value: of }) => [key, of.each().map((one) => one.text("a value of vars"))]),
  );
}

/** Placeholders have their values when rules are read, whatever the rule. */
function readPlaceholders(step: Value, vars: Placeholders, placeholders: Map<string, readonly string[]>): boolean {
  const type = step.get("type")?.text("the type of a transformation");
  if (type !== "value_placeholders" && type !== "wildcard_placeholders") return false;
  for (const { key, at } of step.entries("a transformation"))
    if (!["id", "type", "include"].includes(key))
      throw new RuleFault(at, `${JSON.stringify(key.slice(0, 80))} is not known of ${type}: it is for every rule`);
  if (type === "wildcard_placeholders") {
    for (const name of needed(step, "include").each()) placeholders.set(name.text("a placeholder"), ["*"]);
    return true;
  }
  const include = step.get("include")?.each();
  for (const name of include ?? []) {
    const values = vars.get(name.text("a placeholder"));
    if (values === undefined) throw name.fault("there is nothing of that name in vars");
    placeholders.set(name.text("a placeholder"), values);
  }
  if (include === undefined) for (const [name, values] of vars) placeholders.set(name, values);
  return true;
}

function readStep(value: Value, depth: number): Step {
  const type = value.get("type");
  if (type === null) throw value.fault("the transformation has no type");
  const name = type.text("the type of a transformation");
  const kind = STEPS.get(name);
  const isPlain = kind !== undefined || name === "nest" || WITHOUT_EFFECT.has(name);
  if (!isPlain)
    throw type.fault(
      `there is no transformation ${JSON.stringify(name.slice(0, 80))} here; there are ${[...STEPS.keys(), "nest", "value_placeholders", "wildcard_placeholders"].join(", ")}`,
    );
  const fieldKeys = kind?.ofFields === true ? [...FIELD_KEYS, ...ITEM_KEYS] : [];
  const own = name === "nest" ? ["items"] : (kind?.keys ?? ["field", "fields"]);
  const keys: readonly string[] = ["id", "type", ...RULE_KEYS, ...fieldKeys, ...own];
  for (const { key, at } of value.entries("a transformation"))
    if (!keys.includes(key)) throw new RuleFault(at, `${JSON.stringify(key.slice(0, 80))} is not known of ${name}`);
  if (depth > MAX_NESTING) throw value.fault(`transformations are nested ${MAX_NESTING} deep at most`);
  return {
    id: value.get("id")?.text("the id of a transformation") ?? null,
    isFor: readRuleConditions(value),
    isForField: readFieldConditions(value),
    changes:
      name === "nest"
        ? needed(value, "items")
            .items("items")
            .map((item) => readStep(item, depth + 1))
        : kind === undefined
          ? []
          : [kind.read(value)],
  };
}

/** The rule as the pipelines make it. Throws RuleFault where one of them refuses it. */
export function throughPipelines(linked: LinkedRule, pipelines: readonly Pipeline[]): LinkedRule {
  if (pipelines.length === 0) return linked;
  const steps = pipelines.toSorted((one, other) => one.priority - other.priority).flatMap((pipeline) => pipeline.steps);
  return changed(linked, steps).rule;
}

/** What a name of a field has become; of several rules that do not agree none. */
type Names = (field: string) => string | null;

interface Changed<Rule extends LinkedRule> {
  readonly rule: Rule;
  readonly names: Names;
}

function changed(linked: LinkedRule, steps: readonly Step[]): Changed<LinkedRule> {
  return linked.kind === "rule" ? changedDetection(linked, steps) : changedCorrelation(linked, steps);
}

function changedDetection(linked: LinkedDetection, steps: readonly Step[]): Changed<LinkedDetection> {
  const { rule } = linked;
  const work: Work = { rule, root: linked.root, logsource: rule.logsource, state: new Map(), applied: new Set() };
  const renamings: Renaming[] = [];
  for (const step of steps) apply(step, work, renamings);
  if (work.root === null) throw new RuleFault(rule.place, "the pipelines leave nothing of the rule");
  const names: Names = (field) => {
    const all = renamings.reduce<readonly CalledField[]>(
      (found, rename) => found.flatMap(rename),
      [{ field, steps: [] }],
    );
    return all.length === 1 ? all[0]!.field : null;
  };
  return { rule: { ...linked, root: work.root }, names };
}

interface CalledField {
  readonly field: string;
  readonly steps: readonly string[];
}

/** What a step makes of a name that stands by itself. */
type Renaming = (called: CalledField) => readonly CalledField[];

function apply(step: Step, work: Work, renamings: Renaming[]): void {
  const { id, isFor, isForField, changes } = step;
  if (!isFor(work)) return;
  if (id !== null) work.applied.add(id);
  for (const change of changes) {
    if ("changes" in change) {
      apply(change, work, renamings);
      continue;
    }
    const { names, match: changeMatch } = change;
    change.rule?.(work);
    const each = names === undefined ? changeMatch : (match: Match) => renamed(match, names);
    if (each !== undefined && work.root !== null)
      work.root = rewritten(work.root, (match) =>
        isForField({ field: match.field, steps: match.steps ?? [] }, work) ? marked(match, each(match), id) : match,
      );
    if (names === undefined) continue;
    const then = { ...work, state: new Map(work.state), applied: new Set(work.applied) };
    renamings.push((called) => {
      if (!isForField(called, then)) return [called];
      const to = names(called.field);
      const steps = id === null || (to.length === 1 && to[0] === called.field) ? called.steps : [...called.steps, id];
      return to.map((field) => ({ field, steps }));
    });
  }
}

/** Remembers that a step changed it. */
function marked(before: Match, after: Node | null, id: string | null): Node | null {
  if (after === null || id === null || after === before) return after;
  return rewritten(after, (match) => ({ ...match, steps: [...(match.steps ?? []), id] }));
}

/** What is taken out is as if it had never been written: of what held it the rest stands. */
function rewritten(node: Node, change: (match: Match) => Node | null): Node | null {
  if (node.kind === "match") return change(node);
  if (node.kind === "not") {
    const of = rewritten(node.of, change);
    return of === null ? null : { kind: "not", of };
  }
  const of = node.of.flatMap((part) => rewritten(part, change) ?? []);
  if (of.length === 0) return null;
  return of.length === 1 ? of[0]! : { kind: node.kind, of };
}

function renamed(match: Match, names: (field: string) => readonly string[]): Node {
  const { test, field } = match;
  const other = test.kind === "field" ? { ...test, name: names(test.name)[0] ?? test.name } : test;
  if (field === null) return match;
  const to = names(field);
  if (to.length === 1 && to[0] === field && other === test) return match;
  return anyOf(to.map((one) => ({ ...match, field: one, test: other })));
}

/**
 * A name that all its rules call alike has that name; one that they call differently is an alias of what each calls it.
 */
function changedCorrelation(linked: LinkedCorrelation, steps: readonly Step[]): Changed<LinkedCorrelation> {
  const { rule } = linked;
  const of = linked.of.map(({ reference, rule: part }) => ({ reference, changed: changed(part, steps) }));
  const aliases = new Map(rule.aliases);
  for (const [alias, byReference] of rule.aliases)
    aliases.set(
      alias,
      new Map([...byReference].map(([reference, field]) => [reference, nameIn(of, reference, field, linked)])),
    );
  const named = (field: string): string => {
    if (rule.aliases.has(field)) return field;
    const each = of.map(({ reference }) => [reference, nameIn(of, reference, field, linked)] as const);
    const [first] = each;
    if (first !== undefined && each.every(([, name]) => name === first[1])) return first[1];
    aliases.set(field, new Map(each));
    return field;
  };
  const { condition } = rule;
  const groupBy = rule.groupBy.map(named);
  const fields = condition?.fields.map(named) ?? [];
  return {
    rule: {
      ...linked,
      rule: { ...rule, groupBy, aliases, condition: condition === null ? null : { ...condition, fields } },
      of: of.map((one) => ({ reference: one.reference, rule: one.changed.rule })),
    },
    names(field) {
      const [first, ...others] = of.map((one) => one.changed.names(field));
      return first !== undefined && others.every((name) => name === first) ? first : null;
    },
  };
}

function nameIn(
  of: readonly { readonly reference: string; readonly changed: Changed<LinkedRule> }[],
  reference: string,
  field: string,
  { rule }: LinkedCorrelation,
): string {
  const part = of.find((one) => one.reference === reference);
  const name = part === undefined ? field : part.changed.names(field);
  if (name === null)
    throw new RuleFault(rule.place, `the pipelines map the field ${JSON.stringify(field.slice(0, 80))} to several`);
  return name;
}
