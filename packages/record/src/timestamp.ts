/**
 * RFC 3339 timestamps to and from microseconds since 1970 (UTC). Any offset and up to nine fractional digits are read;
 * what is finer than a microsecond is cut off, never rounded up. Range: 1970-01-01T00:00:00Z to
 * 2255-06-05T23:47:34.740991Z, the last microsecond that a JavaScript number holds exactly. Normal form: UTC with `Z`
 * and 0, 3 or 6 fractional digits, the fewest that lose nothing.
 */
export const MAX_TIMESTAMP_US = Number.MAX_SAFE_INTEGER;

export type TimestampOutcome =
  | {
      readonly kind: "ok";
      readonly us: number;
      /** It named a leap second (23:59:60 UTC) and became the last microsecond before it. */
      readonly leapSecond: boolean;
    }
  | { readonly kind: "out_of_range"; readonly says: string }
  | { readonly kind: "malformed"; readonly says: string };

const US_PER_SECOND = 1_000_000;
const US_PER_MINUTE = 60 * US_PER_SECOND;
const SECONDS_PER_DAY = 86_400;
const DAYS_IN_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const TIME = "an RFC 3339 time";
const SHAPE = "an RFC 3339 time such as 2026-11-25T08:20:43.123456Z";
const RANGE = "between 1970-01-01T00:00:00Z and 2255-06-05T23:47:34.740991Z";

const ZERO = 48;
const DASH = 45;
const PLUS = 43;
const COLON = 58;
const DOT = 46;
const CAPITAL_T = 84;
const SMALL_T = 116;
const SPACE = 32;
const CAPITAL_Z = 90;
const SMALL_Z = 122;

/** Microseconds since 1970, or NaN when the text is no timestamp in range; `parseTimestamp` says what is wrong. */
export function timestampUs(text: string): number {
  const outcome = parseTimestamp(text);
  return outcome.kind === "ok" ? outcome.us : Number.NaN;
}

export function parseTimestamp(text: string): TimestampOutcome {
  const days = parseDay(text);
  if (days === BAD_SHAPE) return malformed(SHAPE);
  if (days === BAD_DAY) return malformed(`${TIME} with a day that the calendar has`);
  const separator = text.charCodeAt(10);
  if (separator !== CAPITAL_T && separator !== SMALL_T && separator !== SPACE) return malformed(SHAPE);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return malformed(SHAPE);
  if (hour < 0 || minute < 0 || second < 0) return malformed(SHAPE);
  if (hour > 23 || minute > 59 || second > 60)
    return malformed(`${TIME} with hours 00–23, minutes 00–59, seconds 00–59`);

  const fractionEnd = text.charCodeAt(19) === DOT ? endOfDigits(text, 20) : 19;
  if (fractionEnd === 20 || fractionEnd > 29)
    return malformed(`${TIME} with one to nine fractional digits after the point`);
  const offsetMinutes = parseOffset(text, fractionEnd);
  if (Number.isNaN(offsetMinutes)) return malformed(`${TIME} with an offset at the end, Z or ±HH:MM`);

  const minutes = days * 1_440 + hour * 60 + minute - offsetMinutes;
  const leapSecond = second === 60;
  if (leapSecond && ((minutes % 1_440) + 1_440) % 1_440 !== 1_439)
    return malformed(`${TIME} with second 60 only at 23:59:60 UTC`);
  const us = leapSecond
    ? (minutes + 1) * US_PER_MINUTE - 1
    : minutes * US_PER_MINUTE + second * US_PER_SECOND + micros(text, fractionEnd);
  if (minutes < 0 || us > MAX_TIMESTAMP_US) return { kind: "out_of_range", says: RANGE };
  return { kind: "ok", us, leapSecond };
}

/** The normal form of an instant: 0, 3 or 6 fractional digits, the fewest that lose nothing. */
export function formatTimestamp(us: number): string {
  const fraction = us % US_PER_SECOND;
  const seconds = formatSeconds(us);
  if (fraction === 0) return `${seconds}Z`;
  if (fraction % 1_000 === 0) return `${seconds}.${pad(fraction / 1_000, 3)}Z`;
  return `${seconds}.${pad(fraction, 6)}Z`;
}

/** As `formatTimestamp`, always with six fractional digits: `observed.received_at`. */
export function formatReceivedAt(us: number): string {
  return `${formatSeconds(us)}.${pad(us % US_PER_SECOND, 6)}Z`;
}

/** True when the text has the shape of the normal form; whether day and time exist is for `parseTimestamp`. */
export function isNormalShape(text: string): boolean {
  const length = text.length;
  if (text.charCodeAt(length - 1) !== CAPITAL_Z || text.charCodeAt(10) !== CAPITAL_T) return false;
  if (length === 20) return true;
  return (length === 24 || length === 27) && !text.endsWith("000Z");
}

/** Not numbers of days: they lie before the year 0. */
const BAD_SHAPE = -1_000_000;
const BAD_DAY = -2_000_000;

/** Days since 1970 (below 0 before it), or BAD_SHAPE, or BAD_DAY. */
function parseDay(text: string): number {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  if (year < 0 || month < 0 || day < 0 || text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH) return BAD_SHAPE;
  if (month < 1 || month > 12 || day < 1 || day > DAYS_IN_MONTH[month - 1]!) return BAD_DAY;
  if (month === 2 && day === 29 && !isLeapYear(year)) return BAD_DAY;
  return daysSinceEpoch(year, month, day);
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** The proleptic Gregorian calendar, counted from a March so that the leap day comes last. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}

/** Minutes east of UTC; NaN when the rest of the text is no offset. */
function parseOffset(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === CAPITAL_Z || sign === SMALL_Z) return text.length === at + 1 ? 0 : Number.NaN;
  if (sign !== PLUS && sign !== DASH) return Number.NaN;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 4, 2);
  const shaped = text.length === at + 6 && text.charCodeAt(at + 3) === COLON;
  if (!shaped || hours < 0 || minutes < 0 || hours > 23 || minutes > 59) return Number.NaN;
  return (sign === PLUS ? 1 : -1) * (hours * 60 + minutes);
}

function micros(text: string, fractionEnd: number): number {
  let value = 0;
  for (let place = 0; place < 6; place++) {
    const at = 20 + place;
    value = value * 10 + (at < fractionEnd ? text.charCodeAt(at) - ZERO : 0);
  }
  return value;
}

/** The number that `count` decimal digits spell, or -1. */
function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) >= ZERO && text.charCodeAt(at) <= ZERO + 9) at++;
  return at;
}

function formatSeconds(us: number): string {
  if (!Number.isSafeInteger(us) || us < 0) throw new RangeError(`not a time in microseconds since 1970: ${us}`);
  const seconds = Math.floor(us / US_PER_SECOND);
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const rest = seconds - days * SECONDS_PER_DAY;
  const time = `${pad(Math.floor(rest / 3_600), 2)}:${pad(Math.floor(rest / 60) % 60, 2)}:${pad(rest % 60, 2)}`;
  return `${formatDay(days)}T${time}`;
}

/** The inverse of `daysSinceEpoch`. */
function formatDay(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function malformed(says: string): TimestampOutcome {
  return { kind: "malformed", says };
}
