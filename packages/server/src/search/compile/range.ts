import { syntaxError } from "../language/scanner.ts";
import type { Bound } from "../language/syntax.ts";
import { parsePeriod, TIME_FORMS } from "../time.ts";
import { comparedSql, comparedText, EARLIEST_TIME_US, presence, presentNumber } from "./column.ts";
import type { SearchColumn } from "./column.ts";
import type { CompileContext } from "./context.ts";
import { NUMBER_PATTERN, parseNumber, parseWholeNumber, wholeNumberForms } from "./number.ts";
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
      return allOf([presence(column), rangeText(comparedSql(column), lower, upper, context.params, foldedBy(column))]);
  }
}

export function rangeAttribute(
  name: string,
  lower: Bound | null,
  upper: Bound | null,
  { params }: CompileContext,
): string {
  const key = params.text(name);
  const range = rangeText(`lowerUTF8(attributes[${key}])`, lower, upper, params, (text) => text.toLowerCase());
  return `mapContains(attributes, ${key}) AND ${range}`;
}

function foldedBy(column: SearchColumn): (text: string) => string {
  return (text) => comparedText(column, text);
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

/** As numbers when every bound is one, and then only values that are numbers; else letter by letter. */
function rangeText(
  sql: string,
  lower: Bound | null,
  upper: Bound | null,
  params: Params,
  fold: (text: string) => string,
): string {
  const bounds = [lower, upper].filter((bound) => bound !== null);
  const numeric = bounds.every((bound) => parseNumber(bound.text) !== null);
  const value = numeric ? `toFloat64OrZero(toString(${sql}))` : sql;
  const compared = (bound: Bound | null, operator: string) => {
    if (bound === null) return "1";
    const limit = numeric ? params.add(parseNumber(bound.text) ?? 0, "Float64") : params.text(fold(bound.text));
    return `${value} ${operator}${bound.inclusive ? "=" : ""} ${limit}`;
  };
  const isNumber = numeric ? `match(${sql}, ${params.text(NUMBER_PATTERN)})` : "1";
  return allOf([isNumber, compared(lower, ">"), compared(upper, "<")]);
}
