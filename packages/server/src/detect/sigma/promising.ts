/**
 * Which correlations can come true with something new, asked of the engine in one reading of what they look back on,
 * however many they are: the groups of each that hold enough. Errs to one side only, as what it leaves out holds
 * too little in all its groups.
 */
import { compileNode } from "./compile.ts";
import { countedOf, endsChain, enough, groupKey } from "./correlation-sql.ts";
import type { EventSql } from "./field-sql.ts";
import { hitsSql, ofHitSql } from "./hits-sql.ts";
import { MAX_ASKED_PARTS } from "./limits.ts";
import type { LinkedCorrelation, LinkedRule } from "./link.ts";

/** A rule of a correlation, over our events. */
interface Part {
  /** The correlation's place in the list. */
  readonly rule: number;
  /** Its own place in the correlation. */
  readonly which: number;
  readonly holds: string;
  readonly columns: Readonly<Record<(typeof COLUMNS)[number], string>>;
}

const COLUMNS = ["key", "value", "valued", "numbers"] as const;

/**
 * Texts as a number, which costs half as much to group by as they do. Where two groups were one, too much would be
 * asked about; of values that are counted nobody can make two that are one.
 */
const keyOf = (texts: readonly string[]): string => `cityHash64(${texts.join(", ")})`;
const valueOf = (texts: readonly string[]): string => `reinterpretAsUInt128(sipHash128(${texts.join(", ")}))`;

/** Correlations of correlations are not asked for. */
export function isAskedTogether(linked: LinkedRule): linked is LinkedCorrelation {
  return linked.kind === "correlation" && linked.of.every(({ rule }) => rule.kind === "rule");
}

/** As many as one question takes: its memory grows with their rules. */
export function askedAtOnce(rules: readonly LinkedCorrelation[]): readonly (readonly LinkedCorrelation[])[] {
  const all: LinkedCorrelation[][] = [];
  let parts = 0;
  for (const rule of rules) {
    parts += rule.of.length;
    if (all.length === 0 || parts > MAX_ASKED_PARTS) {
      all.push([]);
      parts = rule.of.length;
    }
    all.at(-1)!.push(rule);
  }
  return all;
}

/** Answers with one row for each that can come true: its place in the list, as `rule`. */
export function promisingSql(rules: readonly LinkedCorrelation[], events: EventSql): string {
  const parts = rules.flatMap((linked, rule) => linked.of.map((_, which) => partOf(linked, { rule, which }, events)));
  const { from, where } = events.history(Math.max(...rules.map(({ rule }) => rule.timespanS)));
  const hits = hitsSql(parts.map(({ holds }) => holds));
  const valuesOf = (column: (typeof COLUMNS)[number]) => parts.map((part) => part.columns[column]);
  const of = (places: readonly number[]): string => `[${places.join(", ")}][hit + 1]`;
  const columns = [
    ...COLUMNS.map((column) => `${ofHitSql(valuesOf(column), "hit")} AS ${column}`),
    `${of(parts.map(({ rule }) => rule))} AS rule`,
    `${of(parts.map(({ which }) => which))} AS which`,
    `toUInt8(${events.isNew}) AS isNew`,
  ];
  const each = rules.map(({ rule }, at) => `rule = ${at}, toUInt8(${enough(rule)})`).join(", ");
  const rows = `SELECT ${columns.join(", ")} FROM ${from} ARRAY JOIN ${hits} AS hit WHERE ${where}`;
  const groups = `SELECT rule FROM (${rows}) GROUP BY rule, key HAVING max(isNew) = 1 AND multiIf(${each}, 1)`;
  return `SELECT toUInt32(rule) AS rule FROM (${groups}) GROUP BY rule ORDER BY rule`;
}

function partOf(linked: LinkedCorrelation, { rule, which }: Pick<Part, "rule" | "which">, events: EventSql): Part {
  const { rule: of } = linked.of[which]!;
  if (of.kind !== "rule") throw new Error("a correlation of correlations is not asked for");
  const { value, valued, numbers } = countedOf(linked, which, events);
  const { where } = events.history(linked.rule.timespanS);
  const columns = {
    key: keyOf(groupKey(linked, which, events)),
    value: value === undefined ? "toUInt128(0)" : valueOf(value),
    valued: valued ?? "toUInt8(0)",
    numbers: numbers ?? "emptyArrayFloat64()",
  };
  const also = endsChain(linked, which) ? ` AND (${events.isNew})` : "";
  return { rule, which, holds: `(${where})${also} AND (${compileNode(of.root, events)})`, columns };
}
