/** When a step of a pipeline applies: conditions on the rule, on the names of fields, on what earlier steps did. */
import { RE2JS } from "re2js";

import type { Value } from "./document.ts";
import { RuleFault } from "./fault.ts";
import { covers } from "./link.ts";
import { checkRegex } from "./regex.ts";
import { matchesOf } from "./syntax.ts";
import type { DetectionRule, Logsource, Match, Node } from "./syntax.ts";
import { literalText } from "./text-pattern.ts";

/** A rule on its way through the pipelines. */
export interface Work {
  readonly rule: DetectionRule;
  /** Null: nothing is left of it. */
  root: Node | null;
  logsource: Logsource;
  /** What steps have set. */
  readonly state: Map<string, string>;
  /** Steps that applied to the rule, by their ids. */
  readonly applied: Set<string>;
}

/** A field as a step sees it; null: a keyword. `steps`: which ones have changed it. */
export interface NamedField {
  readonly field: string | null;
  readonly steps: readonly string[];
}

export type RuleCondition = (work: Work) => boolean;
export type FieldCondition = (named: NamedField, work: Work) => boolean;

/** Conditions of one kind, as `rule_conditions` with `rule_cond_op` and `rule_cond_not`; all must hold unless it says or. */
function readConditions<Condition extends (...of: never[]) => boolean>(
  step: Value,
  [list, operator, negated]: readonly [list: string, operator: string, negated: string],
  read: (condition: Value, type: string) => Condition,
): Condition | null {
  const value = step.get(list);
  const op = step.get(operator);
  const not = step.get(negated);
  if (op !== null && !["and", "or"].includes(op.text(operator))) throw op.fault(`${operator} is and, or or`);
  if (not !== null && typeof not.scalar()?.value !== "boolean") throw not.fault(`${negated} is true or false`);
  if (value === null) return null;
  const conditions = value.items(list).map((condition) => {
    const type = condition.get("type");
    if (type === null) throw condition.fault("the condition has no type");
    return read(condition, type.text("the type of a condition"));
  });
  const isAny = op?.text(operator) === "or";
  const isNegated = not?.scalar()?.value === true;
  const holds = (...of: never[]): boolean =>
    (isAny ? conditions.some((one) => one(...of)) : conditions.every((one) => one(...of))) !== isNegated;
  return holds as Condition;
}

export const RULE_KEYS = ["rule_conditions", "rule_cond_op", "rule_cond_not"] as const;
export const FIELD_KEYS = ["field_name_conditions", "field_name_cond_op", "field_name_cond_not"] as const;
export const ITEM_KEYS = ["detection_item_conditions", "detection_item_cond_op", "detection_item_cond_not"] as const;

export const readRuleConditions = (step: Value): RuleCondition =>
  readConditions<RuleCondition>(step, RULE_KEYS, readRuleCondition) ?? (() => true);

export function readFieldConditions(step: Value): FieldCondition {
  const fields = readConditions<FieldCondition>(step, FIELD_KEYS, readFieldCondition);
  const items = readConditions<FieldCondition>(step, ITEM_KEYS, readItemCondition);
  return (named, work) => (fields?.(named, work) ?? true) && (items?.(named, work) ?? true);
}

function readRuleCondition(condition: Value, type: string): RuleCondition {
  const text = (name: string) => needed(condition, name).text(name);
  switch (type) {
    case "logsource": {
      known(condition, ["category", "product", "service"]);
      const wanted = readLogsource(condition);
      return ({ logsource }) => covers(wanted, logsource);
    }
    case "contains_field": {
      known(condition, ["field"]);
      const field = text("field");
      return ({ root }) => fieldsOf(root).has(field);
    }
    case "contains_detection_item": {
      known(condition, ["field", "value"]);
      const [field, value] = [text("field"), text("value")];
      return ({ root }) =>
        root !== null && matchesOf(root).some((match) => match.field === field && isText(match, value));
    }
    case "tag": {
      known(condition, ["tag"]);
      const tag = text("tag").toLowerCase();
      return ({ rule }) => rule.tags.some((one) => one.toLowerCase() === tag);
    }
    case "is_sigma_rule":
      known(condition, []);
      return () => true;
    case "processing_item_applied": {
      known(condition, ["processing_item_id"]);
      const id = text("processing_item_id");
      return ({ applied }) => applied.has(id);
    }
    case "processing_state":
      return stateCondition(condition);
    default:
      throw unknown(condition, type, "rule_conditions");
  }
}

function readFieldCondition(condition: Value, type: string): FieldCondition {
  if (type === "include_fields" || type === "exclude_fields") {
    known(condition, ["fields", "mode"]);
    const fields = needed(condition, "fields").each();
    const mode = condition.get("mode")?.text("mode") ?? "plain";
    if (mode !== "plain" && mode !== "re") throw condition.get("mode")!.fault("mode is plain or re");
    const holds = mode === "re" ? matching(fields) : among(fields);
    return ({ field }) => (field !== null && holds(field)) === (type === "include_fields");
  }
  return doneBefore(condition, type) ?? refuse(condition, type, "field_name_conditions");
}

const readItemCondition = (condition: Value, type: string): FieldCondition =>
  doneBefore(condition, type) ?? refuse(condition, type, "detection_item_conditions");

/** Of what earlier steps did. */
function doneBefore(condition: Value, type: string): FieldCondition | null {
  if (type === "processing_item_applied") {
    known(condition, ["processing_item_id"]);
    const id = needed(condition, "processing_item_id").text("processing_item_id");
    return ({ steps }) => steps.includes(id);
  }
  if (type !== "processing_state") return null;
  const holds = stateCondition(condition);
  return (_, work) => holds(work);
}

function stateCondition(condition: Value): RuleCondition {
  known(condition, ["key", "val"]);
  const [key, value] = ["key", "val"].map((name) => needed(condition, name).text(name)) as [string, string];
  return ({ state }) => state.get(key) === value;
}

function among(fields: readonly Value[]): (field: string) => boolean {
  const names = new Set(fields.map((field) => field.text("a field")));
  return (field) => names.has(field);
}

function matching(fields: readonly Value[]): (field: string) => boolean {
  const patterns = fields.map((field) => {
    checkRegex(field.text("a field"), "", field);
    return RE2JS.compile(field.text("a field"));
  });
  return (field) => patterns.some((pattern) => pattern.matcher(field).lookingAt());
}

const fieldsOf = (root: Node | null): ReadonlySet<string | null> =>
  new Set(root === null ? [] : matchesOf(root).map(({ field }) => field));

function isText({ test }: Match, value: string): boolean {
  if (test.kind === "literal") return test.text === value;
  const text = test.kind === "text" ? literalText(test.parts) : null;
  return text !== null && text.toLowerCase() === value.toLowerCase();
}

export function readLogsource(value: Value): Logsource {
  const named = (name: string) => value.get(name)?.text(name) ?? null;
  return { category: named("category"), product: named("product"), service: named("service") };
}

/** No other keys than these and `type`. */
function known(condition: Value, keys: readonly string[]): void {
  for (const { key, at } of condition.entries("a condition"))
    if (key !== "type" && !keys.includes(key))
      throw new RuleFault(at, `${JSON.stringify(key.slice(0, 80))} is not known in this condition`);
}

export function needed(value: Value, name: string): Value {
  const found = value.get(name);
  if (found === null) throw value.fault(`${name} is missing`);
  return found;
}

const unknown = (condition: Value, type: string, list: string): RuleFault =>
  (condition.get("type") ?? condition).fault(
    `${list} of the type ${JSON.stringify(type.slice(0, 80))} are not known here`,
  );

function refuse(condition: Value, type: string, list: string): never {
  throw unknown(condition, type, list);
}
