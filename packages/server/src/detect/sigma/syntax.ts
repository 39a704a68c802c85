/** What a rule means, when its text is read: modifiers are applied, conditions resolved. */
import type { Level } from "../finding.ts";
import type { Place } from "./fault.ts";

/** `*`: any text, `?`: one character, `dash`: one of the characters that Windows takes for the dash of an option. */
export type Wild = { readonly wild: "*" | "?" | "dash" };
export type Part = string | Wild;

export interface TextTest {
  readonly kind: "text";
  readonly parts: readonly Part[];
  readonly cased: boolean;
}

export type CompareOperator = "lt" | "lte" | "gt" | "gte";
export type TimePart = "minute" | "hour" | "day" | "week" | "month" | "year";

export type Test =
  | TextTest
  /** A number or a truth value as its text. */
  | { readonly kind: "literal"; readonly text: string }
  /** Absent, or null. */
  | { readonly kind: "null" }
  | { readonly kind: "regex"; readonly source: string; readonly flags: string }
  | { readonly kind: "cidr"; readonly network: string }
  | { readonly kind: "exists"; readonly wanted: boolean }
  | { readonly kind: "compare"; readonly operator: CompareOperator; readonly number: number }
  | { readonly kind: "time"; readonly part: TimePart; readonly number: number }
  | {
      readonly kind: "field";
      readonly name: string;
      /** Text may come before it, after it. */
      readonly anyBefore: boolean;
      readonly anyAfter: boolean;
      readonly cased: boolean;
    };

export interface Match {
  readonly kind: "match";
  /** Null: anywhere in the event. */
  readonly field: string | null;
  readonly test: Test;
  readonly place: Place;
  /** Ids of the steps of pipelines that changed it. */
  readonly steps?: readonly string[];
}

export type Node =
  | { readonly kind: "and" | "or"; readonly of: readonly Node[] }
  | { readonly kind: "not"; readonly of: Node }
  | Match;

export interface Logsource {
  readonly category: string | null;
  readonly product: string | null;
  readonly service: string | null;
}

/** What every document says about itself. */
export interface Heading {
  readonly id: string | null;
  readonly name: string | null;
  readonly title: string;
  readonly description: string;
  readonly status: string;
  readonly level: Level;
  readonly tags: readonly string[];
  readonly falsePositives: readonly string[];
  /** What to do about it: a key of ours. */
  readonly runbookUrl: string | null;
  readonly place: Place;
}

export interface DetectionRule extends Heading {
  readonly kind: "rule";
  readonly logsource: Logsource;
  readonly root: Node;
}

export interface FilterRule extends Heading {
  readonly kind: "filter";
  readonly logsource: Logsource;
  /** Null: every rule of the logsource. */
  readonly rules: readonly string[] | null;
  readonly root: Node;
}

export type CorrelationType =
  | "event_count"
  | "value_count"
  | "temporal"
  | "temporal_ordered"
  | "value_sum"
  | "value_avg"
  | "value_percentile"
  | "value_median";

export type CountOperator = CompareOperator | "eq" | "neq";

export interface Bound {
  readonly operator: CountOperator;
  readonly number: number;
}

export interface CorrelationCondition {
  /** At least one; all of them hold. */
  readonly bounds: readonly Bound[];
  /** What values are counted or added; the tuple of them. */
  readonly fields: readonly string[];
  readonly percentile: number;
}

export interface CorrelationRule extends Heading {
  readonly kind: "correlation";
  readonly type: CorrelationType;
  readonly rules: readonly { readonly reference: string; readonly place: Place }[];
  readonly groupBy: readonly string[];
  readonly timespanS: number;
  /** Null: of a temporal correlation, which wants all rules. */
  readonly condition: CorrelationCondition | null;
  /** Alias to the field that a rule, by its reference, has for it. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Its rules tell what they find by themselves too. */
  readonly generate: boolean;
}

export type SigmaDocument = DetectionRule | FilterRule | CorrelationRule;

export const allOf = (of: readonly Node[]): Node => (of.length === 1 ? of[0]! : { kind: "and", of });
export const anyOf = (of: readonly Node[]): Node => (of.length === 1 ? of[0]! : { kind: "or", of });

/** Every match of a tree. */
export function matchesOf(node: Node): readonly Match[] {
  if (node.kind === "match") return [node];
  if (node.kind === "not") return matchesOf(node.of);
  return node.of.flatMap(matchesOf);
}
