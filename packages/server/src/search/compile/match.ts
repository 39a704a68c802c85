import { bareId, equalTo, looksLikeId } from "../../index/predicates.ts";
import { syntaxError } from "../language/fault.ts";
import type { QueryValue } from "../language/syntax.ts";
import { literalOf } from "../language/syntax.ts";
import { parsePeriod, TIME_FORMS } from "../time.ts";
import { comparedSql, comparedText, presence, presentNumber } from "./column.ts";
import type { SearchColumn } from "./column.ts";
import type { CompileContext } from "./context.ts";
import { parseWholeNumber, wholeNumberForms } from "./number.ts";
import { likeLiteral } from "./sql.ts";
import { timeBetween } from "./times.ts";
import { longestRun, phrasePattern, wildcardPattern, wordsOf } from "./words.ts";

/** Values in a field, in an attribute, or anywhere. */

export function matchField(column: SearchColumn, value: QueryValue, context: CompileContext): string {
  const literal = literalOf(value);
  switch (column.shape) {
    case "uint":
    case "signed":
      return matchNumber(column, literal, value, context);
    case "time":
      return matchTime(column, literal, value, context);
    case "flag":
      return matchFlag(column, literal, value);
    case "names":
      return matchElement(column, value, context);
    case "map":
      return matchAnyAttribute(value, context);
    default:
      break;
  }
  if (literal === "") return `NOT (${presence(column)})`;
  if (column.field.kind === "text") return matchText(column, value, context);
  if (literal === null) return `${comparedSql(column)} LIKE ${context.params.text(likePattern(column, value))}`;
  noteUnknownValue(column, literal, value, context);
  return equals(column, comparedText(column, literal), context);
}

/** In the column's own form, which the primary key and the bloom filters can answer; without case for names. */
function equals(column: SearchColumn, text: string, { params }: CompileContext): string {
  const isStoredForm = (column.field.exact || column.field.kind === "enum") && !column.computed;
  if (!isStoredForm) return `${comparedSql(column)} = ${params.text(text)}`;
  return params.condition((param) => equalTo(column.sql, text, param));
}

function likePattern(column: SearchColumn | null, value: QueryValue): string {
  return value.parts
    .map((part) => {
      if (part.kind === "any") return "%";
      if (part.kind === "one") return "_";
      return likeLiteral(column === null ? part.text.toLowerCase() : comparedText(column, part.text));
    })
    .join("");
}

function matchNumber(column: SearchColumn, literal: string | null, value: QueryValue, context: CompileContext): string {
  const number = literal === null ? null : parseWholeNumber(literal, column);
  if (number === null) throw syntaxError(value.column, `${column.field.name} is a number.`, wholeNumberForms(column));
  return presentNumber(column, `${column.sql} = ${context.params.add(number, "Int64")}`);
}

function matchTime(column: SearchColumn, literal: string | null, value: QueryValue, context: CompileContext): string {
  const period = literal === null ? null : parsePeriod(literal, context.nowUs);
  if (period === null) throw syntaxError(value.column, `${column.field.name} is a time.`, TIME_FORMS);
  return timeBetween(column, period.startUs, period.endUs, context);
}

function matchFlag(column: SearchColumn, literal: string | null, value: QueryValue): string {
  if (literal?.toLowerCase() === "true") return `${column.sql} = 1`;
  if (literal?.toLowerCase() === "false") return `${column.sql} != 1`;
  throw syntaxError(value.column, `${column.field.name} is true or false.`, "true or false");
}

function matchElement(column: SearchColumn, value: QueryValue, context: CompileContext): string {
  const literal = literalOf(value);
  if (literal === "") return `empty(${column.sql})`;
  if (literal === null)
    return `arrayExists(x -> x LIKE ${context.params.text(likePattern(column, value))}, ${column.sql})`;
  return `has(${column.sql}, ${context.params.text(comparedText(column, literal))})`;
}

/** Whole values without case, as in names; `attributes:x` looks into all of them. */
function matchAnyAttribute(value: QueryValue, context: CompileContext): string {
  const literal = literalOf(value);
  if (literal === "") return "empty(attributes)";
  const { comparison, words } = comparedAttribute("x", value, context);
  return `${words}arrayExists(x -> ${comparison}, mapValues(attributes))`;
}

export function matchAttribute(name: string, value: QueryValue, context: CompileContext): string {
  const key = context.params.text(name);
  if (literalOf(value) === "") return `mapContains(attributes, ${key}) AND empty(attributes[${key}])`;
  const { comparison, words } = comparedAttribute(`attributes[${key}]`, value, context);
  const needsPresence = value.parts.every((part) => part.kind === "any");
  return words + (needsPresence ? `mapContains(attributes, ${key})` : comparison);
}

/** The words of a value are in the text index, which spares reading most maps. */
function comparedAttribute(sql: string, value: QueryValue, { params }: CompileContext) {
  const literal = literalOf(value);
  if (literal === null)
    return { comparison: `lowerUTF8(${sql}) LIKE ${params.text(likePattern(null, value))}`, words: "" };
  const words = wordsOf(literal);
  const inIndex = words.length === 0 ? "" : `hasAllTokens(words, ${params.add(words, "Array(String)")}) AND `;
  return { comparison: `lowerUTF8(${sql}) = ${params.text(literal.toLowerCase())}`, words: inIndex };
}

/** Free text: words without case; several stand next to each other. Text without any word is compared whole. */
function matchText(column: SearchColumn, value: QueryValue, { params }: CompileContext): string {
  const literal = literalOf(value);
  const sql = `lowerUTF8(${column.sql})`;
  if (literal === null) return `match(${sql}, ${params.text(wildcardPattern(value.parts))})`;
  const words = wordsOf(literal);
  if (words.length === 0) return `${column.sql} = ${params.text(literal)}`;
  const inIndex = `hasAllTokens(words, ${params.add(words, "Array(String)")})`;
  return `${inIndex} AND match(${sql}, ${params.text(phrasePattern(words))})`;
}

/** A word in any text; what looks like an id is compared with the ids too. */
export function matchAnywhere(value: QueryValue, context: CompileContext): string {
  const literal = literalOf(value);
  if (literal === null) return wildcardAnywhere(value, context);
  const words = wordsOf(literal);
  if (words.length === 0) {
    throw syntaxError(value.column, "There is no letter and no digit in it.", "a word, or field: before it");
  }
  const inText = wordsAnywhere(words, context);
  if (!looksLikeId(literal)) return inText;
  return `(${inText}) OR ${context.params.condition((param) => bareId(literal, param))}`;
}

function wordsAnywhere(words: readonly string[], { params }: CompileContext): string {
  const inIndex = `hasAllTokens(words, ${params.add(words, "Array(String)")})`;
  return words.length === 1 ? inIndex : `${inIndex} AND match(words, ${params.text(phrasePattern(words))})`;
}

/** The index finds words that contain a run of four and more; shorter ones are found by reading. */
function wildcardAnywhere(value: QueryValue, { params }: CompileContext): string {
  const run = longestRun(value.parts);
  const inIndex = run.length < 4 ? "" : `words LIKE ${params.text(`%${likeLiteral(run)}%`)} AND `;
  return `${inIndex}match(words, ${params.text(wildcardPattern(value.parts))})`;
}

function noteUnknownValue(column: SearchColumn, literal: string, value: QueryValue, { notes }: CompileContext): void {
  const { values, name, kind } = column.field;
  if (kind !== "enum" || values === null || values.includes(literal.toLowerCase())) return;
  const message = `${name} is never \`${literal}\`. It is one of ${values.join(", ")}.`;
  notes.push({ code: "unknown_value", column: value.column, message });
}
