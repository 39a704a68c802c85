import type { SearchColumn } from "./column.ts";

/** Numbers as a reader writes them. A duration in microseconds may carry a unit: `>50ms`. */

const UNIT_US: Readonly<Record<string, number>> = { us: 1, ms: 1_000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 };

/** Null when the text is no number that the column can hold. */
export function parseWholeNumber(text: string, column: SearchColumn): number | null {
  const match = /^(-?\d{1,16})(?:(\.\d{1,6})?(us|ms|s|m|h))?$/.exec(text);
  if (match === null) return null;
  const [, whole = "", fraction = "", unit] = match;
  if (unit !== undefined && !takesUnit(column)) return null;
  const value = unit === undefined ? Number(whole) : Math.round(Number(whole + fraction) * (UNIT_US[unit] ?? 1));
  if (!Number.isSafeInteger(value) || (value < 0 && column.shape !== "signed")) return null;
  return value + 0;
}

export function wholeNumberForms(column: SearchColumn): string {
  const least = column.shape === "signed" ? "a whole number" : "a whole number from 0 to 9007199254740991";
  return takesUnit(column) ? `${least}, or a duration as 50ms` : least;
}

function takesUnit(column: SearchColumn): boolean {
  return column.field.name.endsWith("_us");
}

/** What is compared as a number in text and attributes; the pattern is the same in RE2 and here. */
export const NUMBER_PATTERN = String.raw`^-?[0-9]{1,15}(\.[0-9]{1,9})?$`;
const NUMBER = new RegExp(NUMBER_PATTERN);

export function parseNumber(text: string): number | null {
  return NUMBER.test(text) ? Number(text) : null;
}

/**
 * A version, or anything else of numbers between dots, as an address; what follows (a pre-release, a build) does not
 * count. The patterns are the same in RE2 and here.
 */
export const DOTTED_PATTERN = String.raw`^v?([0-9]{1,9}(?:\.[0-9]{1,9}){0,7})(?:[-+ ][\s\S]*)?$`;
const DOTTED = new RegExp(DOTTED_PATTERN);
export const DOTTED_NUMBERS = 8;

/** Its numbers, filled up with zeros, or null. */
export function parseDotted(text: string): readonly number[] | null {
  const numbers = DOTTED.exec(text.toLowerCase())?.[1]?.split(".").map(Number);
  return numbers === undefined ? null : Array.from({ length: DOTTED_NUMBERS }, (_, place) => numbers[place] ?? 0);
}
