import { TallystickError } from "../errors.ts";
import type { TimeAxis } from "./filter.ts";
import { parseQuery } from "./language/parser.ts";
import { printQuery } from "./language/print.ts";
import type { Query } from "./language/syntax.ts";
import { parseInstant } from "./time.ts";
import type { PageOrder } from "./windows.ts";

/** What every reader may ask, in the words of the API. Absent and null are the same. */
export interface Question {
  /** Query text; empty and `*`: everything. */
  readonly q?: string | null;
  /** Half-open [from, to): RFC 3339, a date or `now-15m`. */
  readonly from?: string | null;
  readonly to?: string | null;
  /** Which time `from`, `to` and the order mean; `timestamp` by default. */
  readonly time?: TimeAxis | null;
  /** With Tallystick's own records; false by default. */
  readonly own?: boolean | null;
}

export interface ReadQuestion {
  readonly query: Query;
  readonly axis: TimeAxis;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly own: boolean;
}

/** TallystickError `query_syntax`, `query_too_large` or `bad_request`. */
export function readQuestion(question: Question, nowUs: number): ReadQuestion {
  const { from, to } = question;
  return {
    query: parseQuery(question.q ?? ""),
    axis: question.time ?? "timestamp",
    fromUs: isGiven(from) ? parseInstant(from, nowUs, "from") : null,
    toUs: isGiven(to) ? parseInstant(to, nowUs, "to") : null,
    own: question.own ?? false,
  };
}

/** What a cursor is bound to. */
export function questionKey(question: Question, order: PageOrder): readonly unknown[] {
  const { from, to, time, own } = question;
  const q = printQuery(parseQuery(question.q ?? "").root);
  return [q, from ?? "", to ?? "", time ?? "timestamp", order, own ?? false];
}

export function checkedCount(
  value: number | null | undefined,
  fallback: number,
  max: number,
  parameter: string,
): number {
  if (value === null || value === undefined) return fallback;
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new TallystickError("bad_request", `${parameter} is ${value}.`, {
    hint: `Give a whole number from 1 to ${max}.`,
    at: { parameter },
  });
}

function isGiven(text: string | null | undefined): text is string {
  return text !== null && text !== undefined && text !== "";
}
