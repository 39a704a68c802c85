import { syntaxError } from "../language/fault.ts";
import type { Bound } from "../language/syntax.ts";
import { parsePeriod, TIME_FORMS } from "../time.ts";
import { comparedSql, comparedText, EARLIEST_TIME_US, presence, presentNumber } from "./column.ts";
import type { SearchColumn } from "./column.ts";
import type { CompileContext } from "./context.ts";
import {
  DOTTED_NUMBERS,
  DOTTED_PATTERN,
  NUMBER_PATTERN,
  parseDotted,
  parseNumber,
  parseWholeNumber,
  wholeNumberForms,
} from "./number.ts";
import { allOf } from "./sql.ts";
import type { Params } from "./sql.ts";
import { timeBetween } from "./times.ts";

/** Ranges and comparisons. A record without the field is in none of them. */

export function rangeField(
  column: SearchColumn,
  lower: Bound | null,
  upper: Bound | null,
  context: CompileContext,
): string {
  switch (column.shape) {
    case "uint":
    case "signed":
      return rangeNumber(column, lower, upper, context);
    case "time":
      return rangeTime(column, lower, upper, context);
    default:
      return allOf([presence(column), rangeText(comparedSql(column), lower, upper, readingBy(column), context.params)]);
  }
}

export function rangeAttribute(
  name: string,
  lower: Bound | null,
  upper: Bound | null,
  { params }: CompileContext,
): string {
  const key = params.text(name);
  const reading = { fold: (text: string) => text.toLowerCase(), isVersion: name.endsWith(".version") };
  const range = rangeText(`lowerUTF8(attributes[${key}])`, lower, upper, reading, params);
  return `mapContains(attributes, ${key}) AND ${range}`;
}

function readingBy(column: SearchColumn): TextReading {
  return { fold: (text) => comparedText(column, text), isVersion: column.field.name === "service_version" };
}

function rangeNumber(column: SearchColumn, lower: Bound | null, upper: Bound | null, context: CompileContext): string {
  const compared = (bound: Bound | null, operator: string) => {
    if (bound === null) return "1";
    const number = parseWholeNumber(bound.text, column);
    if (number === null) throw syntaxError(bound.column, `${column.field.name} is a number.`, wholeNumberForms(column));
    const sql = `${column.sql} ${operator}${bound.inclusive ? "=" : ""} ${context.params.add(number, "Int64")}`;
    return presentNumber(column, sql);
  };
  return allOf([presence(column), compared(lower, ">"), compared(upper, "<")]);
}

/**
 * A date or minute is a period: `[a TO b]` runs from a's start to b's end, `{a TO b}` from a's end to b's start.
 */
function rangeTime(column: SearchColumn, lower: Bound | null, upper: Bound | null, context: CompileContext): string {
  const start = lower === null ? EARLIEST_TIME_US : boundary(column, lower, !lower.inclusive, context);
  const end = upper === null ? Number.MAX_SAFE_INTEGER : boundary(column, upper, upper.inclusive, context);
  return timeBetween(column, start, end, context);
}

function boundary(column: SearchColumn, bound: Bound, atEnd: boolean, context: CompileContext): number {
  const period = parsePeriod(bound.text, context.nowUs);
  if (period === null) throw syntaxError(bound.column, `${column.field.name} is a time.`, TIME_FORMS);
  return atEnd ? period.endUs : period.startUs;
}

/**
 * As numbers when every bound is one, number by number when they are versions or addresses, and then only values that
 * are such; else letter by letter.
 */
function rangeText(
  sql: string,
  lower: Bound | null,
  upper: Bound | null,
  reading: TextReading,
  params: Params,
): string {
  const { value, limit, only } = readingOf(sql, lower, upper, reading, params);
  const compared = (bound: Bound | null, operator: string) =>
    bound === null ? "1" : `${value} ${operator}${bound.inclusive ? "=" : ""} ${limit(bound.text)}`;
  return allOf([only, compared(lower, ">"), compared(upper, "<")]);
}

interface TextReading {
  readonly fold: (text: string) => string;
  /** `1.10` is a version, later than `1.9`. */
  readonly isVersion: boolean;
}

function readingOf(
  sql: string,
  lower: Bound | null,
  upper: Bound | null,
  { fold, isVersion }: TextReading,
  params: Params,
) {
  const texts = [lower, upper].flatMap((bound) => bound?.text ?? []);
  if (texts.every((text) => parseNumber(text) !== null) && !isVersion) {
    return {
      value: `toFloat64OrZero(toString(${sql}))`,
      limit: (text: string) => params.add(parseNumber(text) ?? 0, "Float64"),
      only: `match(${sql}, ${params.text(NUMBER_PATTERN)})`,
    };
  }
  if (texts.every((text) => parseDotted(text) !== null)) {
    const numbers = `splitByChar('.', extract(toString(${sql}), ${params.text(DOTTED_PATTERN)}))`;
    return {
      value: `arrayResize(arrayMap(number -> toUInt64OrZero(number), ${numbers}), ${DOTTED_NUMBERS})`,
      limit: (text: string) => params.add(parseDotted(text) ?? [], "Array(UInt64)"),
      only: `match(${sql}, ${params.text(DOTTED_PATTERN)})`,
    };
  }
  return { value: sql, limit: (text: string) => params.text(fold(text)), only: "1" };
}
