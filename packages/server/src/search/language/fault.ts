import { TallystickError } from "../../errors.ts";

/** What is wrong with a query and at which column, which its message begins with: whoever shows it adds nothing. */

export function syntaxError(column: number, problem: string, expected: string): TallystickError {
  return new TallystickError("query_syntax", at(column, problem), {
    hint: `Expected ${expected}.`,
    at: { column, expected },
  });
}

export function tooLarge(column: number, problem: string): TallystickError {
  return new TallystickError("query_too_large", at(column, `The query is too large. ${problem}`), {
    hint: "Split it, or use a range or a wildcard instead of a long list.",
    at: { column },
  });
}

function at(column: number, problem: string): string {
  return `Column ${column}: ${problem}`;
}
