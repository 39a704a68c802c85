/** A correlation: what events of other rules come to within a time. */
import type { Value } from "./document.ts";
import { RuleFault } from "./fault.ts";
import { MAX_CORRELATED_RULES, MAX_TIMESPAN_S } from "./limits.ts";
import type {
  Bound,
  CorrelationCondition,
  CorrelationRule,
  CorrelationType,
  CountOperator,
  Heading,
} from "./syntax.ts";

const TYPES: readonly CorrelationType[] = [
  "event_count",
  "value_count",
  "temporal",
  "temporal_ordered",
  "value_sum",
  "value_avg",
  "value_percentile",
  "value_median",
];
const OPERATORS: readonly CountOperator[] = ["lt", "lte", "gt", "gte", "eq", "neq"];
const KEYS = ["type", "rules", "group-by", "timespan", "timeframe", "condition", "aliases", "generate"];
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

export const isTemporal = (type: CorrelationType): boolean => type === "temporal" || type === "temporal_ordered";

export function readCorrelation(heading: Heading, value: Value): CorrelationRule {
  for (const { key, at } of value.entries("correlation"))
    if (!KEYS.includes(key)) throw new RuleFault(at, `${JSON.stringify(key)} is no key of a correlation`);
  const type = readType(value);
  const rules = readReferences(value);
  if (isTemporal(type) && rules.length < 2) throw value.fault(`${type} needs at least two rules`);
  const generate = value.get("generate")?.scalar()?.value ?? false;
  if (typeof generate !== "boolean") throw value.get("generate")!.fault("generate must be true or false");
  return {
    ...heading,
    kind: "correlation",
    type,
    rules,
    groupBy: (value.get("group-by")?.each() ?? []).map((field) => field.text("a field of group-by")),
    timespanS: readTimespan(value),
    condition: readCondition(value, type, rules.length),
    aliases: readAliases(value, rules),
    generate,
  };
}

function readType(value: Value): CorrelationType {
  const at = value.get("type");
  if (at === null) throw value.fault("the correlation has no type");
  const text = at.text("the type of a correlation");
  const type = TYPES.find((known) => known === text);
  if (type === undefined)
    throw at.fault(
      `there is no correlation of the type ${JSON.stringify(text.slice(0, 60))}; there are ${TYPES.join(", ")}`,
    );
  return type;
}

function readReferences(value: Value): CorrelationRule["rules"] {
  const at = value.get("rules");
  if (at === null) throw value.fault("the correlation names no rules");
  const rules = at.each().map((rule) => ({ reference: rule.text("a rule of a correlation"), place: rule.place }));
  if (rules.length === 0) throw at.fault("the correlation names no rules");
  if (rules.length > MAX_CORRELATED_RULES) throw at.fault(`a correlation has at most ${MAX_CORRELATED_RULES} rules`);
  const twice = rules.find(({ reference }, place) => rules.findIndex((one) => one.reference === reference) < place);
  if (twice !== undefined) throw new RuleFault(twice.place, `the rule ${twice.reference} is named twice`);
  return rules;
}

function readTimespan(value: Value): number {
  const [named, other] = [value.get("timespan"), value.get("timeframe")];
  if (named !== null && other !== null) throw other.fault("timeframe is another name of timespan: give one of them");
  const at = named ?? other;
  if (at === null) throw value.fault("the correlation has no timespan");
  const match = /^(\d{1,9})([smhd])$/.exec(at.text("the timespan"));
  if (match === null) throw at.fault("a timespan is a number and one of s, m, h, d, as 15m");
  const seconds = Number(match[1]) * (UNIT_S[match[2] ?? ""] ?? 1);
  if (seconds === 0) throw at.fault("a timespan is longer than nothing");
  if (seconds > MAX_TIMESPAN_S) throw at.fault(`a timespan is at most ${MAX_TIMESPAN_S / 86_400}d here`);
  return seconds;
}

function readCondition(value: Value, type: CorrelationType, rules: number): CorrelationCondition | null {
  const at = value.get("condition");
  if (at === null) {
    if (isTemporal(type)) return null;
    throw value.fault("the correlation has no condition");
  }
  if (!at.isMap()) throw at.fault("only conditions of a count are run here, as `gte: 10`");
  const bounds = readBounds(at);
  if (isTemporal(type)) checkCount(at, type, { bounds, rules });
  const field = at.get("field");
  const fields = (field?.each() ?? []).map((one) => one.text("the field of a condition"));
  const isOfValues = type.startsWith("value_");
  if (field !== null && !isOfValues) throw field.fault(`${type} looks at no field`);
  if (isOfValues && fields.length === 0) throw at.fault(`${type} needs the field whose values it looks at`);
  if (type !== "value_count" && fields.length > 1) throw at.fault(`${type} looks at one field`);
  const percentile = readPercentile(at, type);
  // One after the other all are looked for anyhow.
  return type === "temporal_ordered" ? null : { bounds, fields, percentile };
}

const COMPARE: Readonly<Record<CountOperator, (count: number, number: number) => boolean>> = {
  lt: (count, number) => count < number,
  lte: (count, number) => count <= number,
  gt: (count, number) => count > number,
  gte: (count, number) => count >= number,
  eq: (count, number) => count === number,
  neq: (count, number) => count !== number,
};

/** What is counted is how many of the rules found something. In their order, only all of them are looked for. */
function checkCount(
  at: Value,
  type: CorrelationType,
  { bounds, rules }: { readonly bounds: readonly Bound[]; readonly rules: number },
): void {
  const met = Array.from({ length: rules }, (_, place) => place + 1).filter((count) =>
    bounds.every(({ operator, number }) => COMPARE[operator](count, number)),
  );
  if (met.length === 0) throw at.fault(`the condition never holds: it counts rules, and there are ${rules}`);
  if (type === "temporal_ordered" && (met.length > 1 || met[0] !== rules))
    throw at.fault(
      `temporal_ordered is run for all its rules only: leave the condition out, or write \`gte: ${rules}\``,
    );
}

function readBounds(condition: Value): readonly Bound[] {
  const bounds: Bound[] = [];
  for (const { key, at, value } of condition.entries("the condition of a correlation")) {
    if (key === "field" || key === "percentile") continue;
    const operator = OPERATORS.find((known) => known === key);
    if (operator === undefined)
      throw new RuleFault(at, `${JSON.stringify(key)} is no part of a correlation's condition`);
    const number = value.scalar()?.value;
    if (typeof number !== "number" || !Number.isFinite(number)) throw value.fault(`${operator} must be a number`);
    bounds.push({ operator, number });
  }
  if (bounds.length === 0) throw condition.fault(`the condition needs at least one of ${OPERATORS.join(", ")}`);
  return bounds;
}

function readPercentile(at: Value, type: CorrelationType): number {
  const value = at.get("percentile");
  if (value !== null && type !== "value_percentile") throw value.fault(`${type} has no percentile`);
  if (value === null) {
    if (type === "value_percentile") throw at.fault("value_percentile needs a percentile");
    return 50;
  }
  const number = value.scalar()?.value;
  if (typeof number !== "number" || !(number >= 0 && number <= 100))
    throw value.fault("a percentile is a number from 0 to 100");
  return number;
}

function readAliases(value: Value, rules: CorrelationRule["rules"]): CorrelationRule["aliases"] {
  const aliases = value.get("aliases");
  if (aliases === null || aliases.scalar()?.value === null) return new Map();
  return new Map(
    aliases.entries("aliases").map(({ key, value: of }) => {
      const fields = of.entries("an alias").map(({ key: rule, at, value: field }) => {
        if (!rules.some(({ reference }) => reference === rule))
          throw new RuleFault(at, `${JSON.stringify(rule.slice(0, 80))} is no rule of this correlation`);
        return [rule, field.text("the field of an alias")] as const;
      });
      return [key, new Map(fields)] as const;
    }),
  );
}
