/** The second kind of rule: a figure over edges that stays beyond a threshold for a time. */
import type { Value } from "../sigma/document.ts";
import { readDocuments } from "../sigma/document.ts";
import { RuleFault } from "../sigma/fault.ts";
import { readHeading } from "../sigma/heading.ts";
import type { CountOperator, Heading } from "../sigma/syntax.ts";

export const MEASURED = ["rate", "error_ratio", "p95", "match_rate", "absent", "checkpoint_age"] as const;
export type Measured = (typeof MEASURED)[number];
const GROUPS = ["caller", "callee", "operation"] as const;
export type MeasureGroup = (typeof GROUPS)[number];

export interface Measure {
  readonly heading: Heading;
  /**
   * rate: calls a second. error_ratio: of errors and timeouts among calls. p95: of durations, in milliseconds.
   * match_rate: of calls whose halves agree. absent: seconds since the last record. checkpoint_age: seconds that the
   * oldest record that is not published yet has waited.
   */
  readonly of: Measured;
  readonly groupBy: readonly MeasureGroup[];
  /** Only groups with these values. */
  readonly where: ReadonlyMap<MeasureGroup, string>;
  readonly windowS: number;
  /** The figure is divided by what it was in so long before the window; null: it stands by itself. */
  readonly relativeToS: number | null;
  readonly operator: Exclude<CountOperator, "neq">;
  readonly threshold: number;
  /** Calls that there must be in the window, or in the time before it. */
  readonly atLeast: number;
  readonly forS: number;
}

const KEYS = ["of", "group-by", "where", "window", "relative-to", "condition", "at-least", "for"];
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const MAX_WINDOW_S = 7 * 86_400;

export const isMeasureText = (text: string): boolean => /^measure:/m.test(text);

/** Throws RuleFault. */
export function readMeasure(text: string): Measure {
  const [read, more] = readDocuments(text);
  if (read === undefined) throw new RuleFault({ line: 1, column: 1 }, "there is no rule");
  if (read.kind === "fault") throw read.fault;
  const { root } = read;
  if (more !== undefined) throw root.fault("a measure is one document by itself");
  const value = root.get("measure");
  if (value === null) throw root.fault("there is no measure");
  for (const { key, at } of value.entries("measure"))
    if (!KEYS.includes(key))
      throw new RuleFault(at, `${JSON.stringify(key)} is no key of a measure; there are ${KEYS.join(", ")}`);
  const of = oneOf(required(value, "of"), MEASURED);
  const relative = value.get("relative-to");
  return {
    heading: readHeading(root),
    of,
    groupBy: (value.get("group-by")?.each() ?? []).map((group) => oneOf(group, GROUPS)),
    where: readWhere(value.get("where")),
    windowS: periodS(required(value, "window")),
    relativeToS: relative === null ? null : periodS(relative),
    ...readCondition(required(value, "condition")),
    atLeast: numberOf(value.get("at-least"), 1),
    forS: value.get("for") === null ? 0 : periodS(value.get("for")!),
  };
}

function readCondition(value: Value): Pick<Measure, "operator" | "threshold"> {
  const [entry, more] = value.entries("the condition of a measure");
  if (entry === undefined || more !== undefined) throw value.fault("the condition is one comparison, as `gt: 0.1`");
  if (!["lt", "lte", "gt", "gte", "eq"].includes(entry.key))
    throw new RuleFault(entry.at, "a measure is compared by lt, lte, gt, gte or eq");
  return { operator: entry.key as Measure["operator"], threshold: numberOf(entry.value, 0) };
}

function readWhere(value: Value | null): Measure["where"] {
  if (value === null) return new Map();
  return new Map(
    value.entries("where").map(({ key, at, value: of }) => {
      const group = GROUPS.find((known) => known === key);
      if (group === undefined) throw new RuleFault(at, `where names one of ${GROUPS.join(", ")}`);
      return [group, of.text(key)] as const;
    }),
  );
}

function required(value: Value, name: string): Value {
  const found = value.get(name);
  if (found === null) throw value.fault(`the measure needs ${name}`);
  return found;
}

function oneOf<Known extends string>(value: Value, known: readonly Known[]): Known {
  const text = value.text("this");
  const found = known.find((one) => one === text);
  if (found === undefined) throw value.fault(`this must be one of ${known.join(", ")}`);
  return found;
}

function periodS(value: Value): number {
  const match = /^(\d{1,7})([smhd])$/.exec(value.text("a time"));
  const seconds = match === null ? 0 : Number(match[1]) * (UNIT_S[match[2] ?? ""] ?? 1);
  if (seconds < 1 || seconds > MAX_WINDOW_S)
    throw value.fault("a time is a number and one of s, m, h, d, from 1s to 7d");
  return seconds;
}

function numberOf(value: Value | null, byDefault: number): number {
  if (value === null) return byDefault;
  const number = value.scalar()?.value;
  if (typeof number !== "number" || !Number.isFinite(number)) throw value.fault("this must be a number");
  return number;
}
