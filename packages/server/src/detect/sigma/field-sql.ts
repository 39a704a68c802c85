/** How the fields of some events are reached in SQL. */
import { stringLiteral } from "../../index/engine/statement.ts";

/** A field of the events that are looked through. Expressions are never NULL. */
export interface FieldSql {
  /** A predicate that holds when `holds` does for some value of the field, given as text. */
  some(holds: (text: string) => string): string;
  /** The same for its values as Float64; what is no number has none. */
  someNumber(holds: (number: string) => string): string;
  /** The same for its values as DateTime64; what is no time has none. */
  someTime(holds: (time: string) => string): string;
  /** It has a value. */
  readonly present: string;
  /** It is there, be it without a value. */
  readonly exists: string;
  /** Its values as Array(String). */
  readonly values: string;
  /** The same in one text. */
  joined(separator: string): string;
  /** Its values as Array(Float64). */
  readonly numbers: string;
  /** Its value as a number, of a column of numbers; else null. */
  readonly number: string | null;
  /** Its value as text where it is present; null: it may have several. */
  readonly text: string | null;
}

export interface EventSql {
  field(name: string): FieldSql;
  /** A predicate that holds when `holds` does for some text of the event. */
  anywhere(holds: (text: string) => string): string;
  /** What a correlation reads: all that is looked at, and what is up to so many seconds older. */
  history(spanS: number): { readonly from: string; readonly where: string };
  /** A predicate of what is looked at, not of what is older. */
  readonly isNew: string;
  /** An expression that tells one event from every other. */
  readonly position: string;
  /** What tells one from every other among what is looked at, in short: of an event, and of the position `at`. */
  readonly shortPosition: { readonly ofEvent: string; readonly ofAt: string };
  /** When it was, in microseconds since 1970. */
  readonly timeUs: string;
}

/** Integers and decimals as JSON writes them: what is compared as a number. */
const NUMBER = String.raw`'^-?[0-9]{1,18}(\\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?$'`;

export const isNumber = (text: string): string => `match(${text}, ${NUMBER})`;

/** A field whose values are an expression of type Array(String). */
export function listField(values: string, exists: string): FieldSql {
  const numbers = `arrayMap(v -> toFloat64OrZero(v), arrayFilter(v -> ${isNumber("v")}, ${values}))`;
  const times = `parseDateTime64BestEffortOrZero(v, 6, 'UTC')`;
  return {
    some: (holds) => `arrayExists(v -> ${holds("v")}, ${values})`,
    someNumber: (holds) => `arrayExists(v -> ${isNumber("v")} AND ${holds("toFloat64OrZero(v)")}, ${values})`,
    someTime: (holds) => `arrayExists(v -> ${times} != toDateTime64(0, 6, 'UTC') AND ${holds(times)}, ${values})`,
    present: `notEmpty(${values})`,
    exists,
    values,
    joined: (separator) => `arrayStringConcat(${values}, ${stringLiteral(separator)})`,
    numbers,
    number: null,
    text: null,
  };
}
