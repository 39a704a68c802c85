import { TallystickError } from "../errors.ts";

/**
 * Points in time as a reader writes them: RFC 3339, a date, or `now-15m`. All are UTC unless an offset is given.
 */

/**
 * Half-open, in microseconds. An instant is one microsecond long; a date is a day, a minute without seconds is a
 * minute.
 */
export interface Period {
  readonly startUs: number;
  readonly endUs: number;
}

export const TIME_FORMS = "a time as 2026-11-25T08:20:43Z, a date as 2026-11-25, or now-15m";

const SECOND_US = 1_000_000;
const UNIT_US: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: SECOND_US,
  m: 60 * SECOND_US,
  h: 3_600 * SECOND_US,
  d: 86_400 * SECOND_US,
  w: 604_800 * SECOND_US,
};
/** The epoch was a Thursday; weeks begin on Monday. */
const WEEK_SHIFT_US = 3 * 86_400 * SECOND_US;

const RELATIVE = /^now((?:[+-]\d{1,9}(?:ms|[smhdw]))*)(?:\/([smhdw]))?$/;
const STEP = /([+-])(\d+)(ms|[smhdw])/g;
const ABSOLUTE =
  /^(\d{4})-(\d{2})(?:-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?([Zz]|[+-]\d{2}:\d{2})?)?)?$/;

/** Null when the text is no time. */
export function parsePeriod(text: string, nowUs: number): Period | null {
  return relativePeriod(text, nowUs) ?? absolutePeriod(text);
}

/** The start of the period; TallystickError `bad_request` naming the parameter otherwise. */
export function parseInstant(text: string, nowUs: number, parameter: string): number {
  const period = parsePeriod(text, nowUs);
  if (period !== null) return period.startUs;
  throw new TallystickError("bad_request", `${parameter} is not a time.`, {
    hint: `Write ${TIME_FORMS}.`,
    at: { parameter },
  });
}

/** `30s`, `5m`, `1d`; null when the text is no duration. */
export function durationUs(text: string): number | null {
  const match = /^(\d{1,9})(ms|[smhdw])$/.exec(text);
  return match === null ? null : Number(match[1]) * (UNIT_US[match[2] ?? ""] ?? 0);
}

function relativePeriod(text: string, nowUs: number): Period | null {
  const match = RELATIVE.exec(text);
  if (match === null) return null;
  let us = nowUs;
  for (const [, sign, amount, unit] of (match[1] ?? "").matchAll(STEP)) {
    us += (sign === "-" ? -1 : 1) * Number(amount) * (UNIT_US[unit ?? ""] ?? 0);
  }
  const unit = match[2];
  if (unit === undefined) return period(us, us + 1);
  const width = UNIT_US[unit] ?? 1;
  const shift = unit === "w" ? WEEK_SHIFT_US : 0;
  const start = Math.floor((us + shift) / width) * width - shift;
  return period(start, start + width);
}

function absolutePeriod(text: string): Period | null {
  const match = ABSOLUTE.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const offsetUs = zoneUs(zone);
  if (offsetUs === null) return null;
  if (day === undefined) return monthPeriod(Number(year), Number(month));
  const dayUs = dateUs(Number(year), Number(month), Number(day));
  if (dayUs === null) return null;
  if (hour === undefined) return period(dayUs, dayUs + (UNIT_US["d"] ?? 0));
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? "0") > 60) return null;
  const minuteUs = dayUs + (Number(hour) * 3_600 + Number(minute) * 60) * SECOND_US - offsetUs;
  if (second === undefined) return period(minuteUs, minuteUs + 60 * SECOND_US);
  const us = minuteUs + Number(second) * SECOND_US + Number((fraction ?? "").slice(0, 6).padEnd(6, "0"));
  return period(us, us + 1);
}

function monthPeriod(year: number, month: number): Period | null {
  const startUs = dateUs(year, month, 1);
  const endUs = month === 12 ? dateUs(year + 1, 1, 1) : dateUs(year, month + 1, 1);
  return startUs === null || endUs === null ? null : period(startUs, endUs);
}

/** Null for a date that does not exist. */
function dateUs(year: number, month: number, day: number): number | null {
  const date = new Date(Date.UTC(year, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return date.getTime() * 1_000;
}

function zoneUs(zone: string | undefined): number | null {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 23 || minutes > 59) return null;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 3_600 + minutes * 60) * SECOND_US;
}

/** A time outside what microseconds can say is its nearest end, so that `<9999-01-01` still means everything. */
function period(startUs: number, endUs: number): Period {
  const start = clamp(startUs);
  return { startUs: start, endUs: Math.max(clamp(endUs), start) };
}

function clamp(us: number): number {
  return Math.min(Math.max(us, -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
