/**
 * Any rule as one predicate over events. A correlation holds of an event with which its condition comes true: what its
 * rules found within the timespan that ends there, of the same group. The windows slide; events of the same instant
 * are in each other's windows, so that the order in which they came does not matter.
 *
 * Windows are dear, and hardly any group ever comes near its condition: events are gathered by group first, and only
 * groups that hold enough for it, one of them new, are looked at window by window.
 */
import { compileNode, numberSql } from "./compile.ts";
import type { EventSql, FieldSql } from "./field-sql.ts";
import type { LinkedCorrelation, LinkedRule } from "./link.ts";
import { isTemporal } from "./read-correlation.ts";
import type { Bound, CorrelationCondition, CorrelationRule, CorrelationType, CountOperator } from "./syntax.ts";

export function compileRule(linked: LinkedRule, events: EventSql): string {
  if (linked.kind === "rule") return compileNode(linked.root, events);
  // Of what it holds of, only what is looked at is asked for.
  const { ofEvent, ofAt } = events.shortPosition;
  return `${ofEvent} IN (SELECT ${ofAt} FROM (${firedBy(linked, events, 0)}) WHERE isNew = 1)`;
}

/** `beforeS`: so much older than what is looked at are events that another rule looks back on. */
function compileWithin(linked: LinkedRule, events: EventSql, beforeS: number): string {
  if (linked.kind === "rule") return compileNode(linked.root, events);
  return `${events.position} IN (SELECT at FROM (${firedBy(linked, events, beforeS)}))`;
}

/** The longest time that a rule looks back. */
export function lookBackS(linked: LinkedRule): number {
  if (linked.kind === "rule") return 0;
  return linked.rule.timespanS + Math.max(...linked.of.map(({ rule }) => lookBackS(rule)));
}

/** Every detection that a rule rests on. */
export function fieldsOf(linked: LinkedRule, fieldsIn: (linked: LinkedRule) => readonly string[]): readonly string[] {
  if (linked.kind === "rule") return fieldsIn(linked);
  const { condition, groupBy, aliases } = linked.rule;
  const own = [...groupBy, ...(condition?.fields ?? []), ...[...aliases.values()].flatMap((of) => [...of.values()])];
  return [...own, ...linked.of.flatMap(({ rule }) => fieldsOf(rule, fieldsIn))];
}

const COMPARED: Readonly<Record<CountOperator, string>> = {
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
  eq: "=",
  neq: "!=",
};

/** Where the events are with which it comes true, as `at`, and whether each `isNew`. */
function firedBy(linked: LinkedCorrelation, events: EventSql, beforeS: number): string {
  const { rule } = linked;
  const rows = promising(
    rule,
    linked.of.map((_, at) => rowsOf(linked, at, { events, beforeS })),
  );
  if (rule.type === "temporal_ordered") return ordered(linked, rows);
  const unitUs = frameUnitUs(rule.timespanS);
  const span = (rule.timespanS * 1_000_000) / unitUs;
  const window = `(PARTITION BY number ORDER BY intDiv(us, ${unitUs}) RANGE BETWEEN ${span} PRECEDING AND CURRENT ROW)`;
  const measured = measure(rule, window, linked.of.length);
  const holds = rule.condition === null ? `measured >= ${rule.rules.length}` : conditionSql(rule.condition);
  return `SELECT at, isNew FROM (SELECT at, isNew, ${measured} AS measured FROM (${rows})) WHERE ${holds}`;
}

/** The rows of groups in which the condition can come true with a new event. Windows are sorted by a group's number. */
function promising(rule: CorrelationRule, rows: readonly string[]): string {
  const columns = ["at", "us", "which", "isNew", ...valueNames(rule)];
  const events = `groupArray(tuple(${columns.join(", ")})) AS events`;
  const groups = `SELECT rowNumberInAllBlocks() AS number, ${events} FROM (${rows.join(" UNION ALL ")}) GROUP BY key HAVING max(isNew) = 1 AND ${enough(rule)}`;
  const each = columns.map((name, at) => `tupleElement(event, ${at + 1}) AS ${name}`).join(", ");
  return `SELECT number, ${each} FROM (${groups}) ARRAY JOIN events AS event`;
}

/** Sums in another order differ in their last digits. */
const CLOSE = 1e-9;

/** Of all events of a group: holds wherever the condition holds of a part of them. */
export function enough(rule: CorrelationRule): string {
  const { type, condition, rules } = rule;
  if (condition === null) return isTemporal(type) ? `uniqExact(which) >= ${rules.length}` : "1";
  return condition.bounds.map((bound) => enoughFor(type, bound)).join(" AND ");
}

function enoughFor(type: CorrelationType, { operator, number }: Bound): string {
  if (operator !== "gt" && operator !== "gte" && operator !== "eq") return "1";
  const least = numberSql(number);
  if (isTemporal(type)) return `uniqExact(which) >= ${least}`;
  if (type === "event_count") return `count() >= ${least}`;
  if (type === "value_count") return `uniqExactIf(value, valued = 1) >= ${least}`;
  if (type !== "value_sum" || number <= 0) return "1";
  return `sum(arraySum(one -> greatest(one, 0), numbers)) >= ${numberSql(number * (1 - CLOSE))}`;
}

const valueNames = ({ type }: CorrelationRule): readonly string[] =>
  type === "value_count" ? ["value", "valued"] : type.startsWith("value_") ? ["numbers"] : [];

/** The engine takes frames of 31 bits only: longer ones are told in thousandths, or whole seconds. */
function frameUnitUs(timespanS: number): number {
  return [1, 1_000].find((unitUs) => (timespanS * 1_000_000) / unitUs < 2 ** 31) ?? 1_000_000;
}

/** Of one of its rules: where, when, which rule, the group, and what is counted. */
function rowsOf(
  linked: LinkedCorrelation,
  at: number,
  { events, beforeS }: { readonly events: EventSql; readonly beforeS: number },
): string {
  const { value, valued, numbers } = countedOf(linked, at, events);
  const select = [
    `${events.position} AS at`,
    `${events.timeUs} AS us`,
    `${at} AS which`,
    `[${groupKey(linked, at, events).join(", ")}] AS key`,
    // What is older than the range is looked at by who looks back on it.
    `toUInt8(${beforeS > 0 ? "1" : events.isNew}) AS isNew`,
    ...(value === undefined ? [] : [`[${value.join(", ")}] AS value`, `${valued} AS valued`]),
    ...(numbers === undefined ? [] : [`${numbers} AS numbers`]),
  ];
  const { rule: of } = linked.of[at]!;
  const spanS = beforeS + linked.rule.timespanS;
  const { from, where } = events.history(spanS);
  const also = beforeS === 0 && endsChain(linked, at) ? ` AND (${events.isNew})` : "";
  return `SELECT ${select.join(", ")} FROM ${from} WHERE (${where})${also} AND (${compileWithin(of, events, spanS)})`;
}

/** With an event of that rule the condition comes true, or with none: of those that are not new nothing is asked. */
export function endsChain({ rule }: LinkedCorrelation, at: number): boolean {
  return rule.type === "temporal_ordered" && at === rule.rules.length - 1;
}

/** How a field of a correlation is reached in events of one of its rules. */
function fieldOf({ rule, of }: LinkedCorrelation, at: number, events: EventSql): (name: string) => FieldSql {
  const { reference } = of[at]!;
  return (name) => events.field(rule.aliases.get(name)?.get(reference) ?? name);
}

/** What tells the group of an event that one of its rules found: at least one text. */
export function groupKey(linked: LinkedCorrelation, at: number, events: EventSql): readonly string[] {
  const field = fieldOf(linked, at, events);
  const key = linked.rule.groupBy.map((name) => field(name).joined("\n"));
  return key.length === 0 ? ["''"] : key;
}

export interface Counted {
  /** The texts that are counted together, and a predicate: they are there. */
  readonly value: readonly string[];
  readonly valued: string;
  /** What is added, or put in order. */
  readonly numbers: string;
}

/** What is counted of an event that one of its rules found. */
export function countedOf(linked: LinkedCorrelation, at: number, events: EventSql): Partial<Counted> {
  const field = fieldOf(linked, at, events);
  const { type, condition } = linked.rule;
  const fields = condition?.fields ?? [];
  if (!type.startsWith("value_")) return {};
  if (type !== "value_count") return { numbers: field(fields[0]!).numbers };
  const value = fields.map((name) => field(name).joined("\n"));
  const present = fields.map((name) => field(name).present).join(" AND ");
  return { value, valued: `toUInt8(${present})` };
}

/** Of several rules an event that more than one of them found is one event. */
function measure(rule: CorrelationRule, window: string, rules: number): string {
  switch (rule.type) {
    case "event_count":
      return rules === 1 ? `count() OVER ${window}` : `uniqExact(at) OVER ${window}`;
    case "value_count":
      return `uniqExactIf(value, valued = 1) OVER ${window}`;
    case "value_sum":
      return `sumArray(numbers) OVER ${window}`;
    case "value_avg":
      return `avgArray(numbers) OVER ${window}`;
    case "value_median":
    case "value_percentile":
      return `quantileExactInclusiveArray(${rule.condition!.percentile / 100})(numbers) OVER ${window}`;
    default:
      return `uniqExact(which) OVER ${window}`;
  }
}

const conditionSql = ({ bounds }: CorrelationCondition): string =>
  bounds.map(({ operator, number }) => `measured ${COMPARED[operator]} ${numberSql(number)}`).join(" AND ");

/**
 * Events of all rules one after the other. At each event of a rule stands the latest beginning of a chain that leads
 * to it; the chain is within the timespan when that beginning is.
 */
function ordered({ rule }: LinkedCorrelation, rows: string): string {
  const last = rule.rules.length - 1;
  const before = "(PARTITION BY number ORDER BY us, at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)";
  const none = "toInt64(-9223372036854775807)";
  let sql = `SELECT at, us, number, which, isNew, if(which = 0, us, ${none}) AS begun0 FROM (${rows})`;
  for (let step = 1; step <= last; step++) {
    const earlier = Array.from({ length: step }, (_, at) => `begun${at}`).join(", ");
    sql =
      `SELECT at, us, number, which, isNew, ${earlier}, ` +
      `if(which = ${step}, ifNull(maxOrNull(begun${step - 1}) OVER ${before}, ${none}), ${none}) AS begun${step} FROM (${sql})`;
  }
  const span = numberSql(rule.timespanS * 1_000_000);
  return `SELECT at, isNew FROM (${sql}) WHERE which = ${last} AND begun${last} > ${none} AND us - begun${last} <= ${span}`;
}
