/** Normal-form times (record/fields.ts) to microseconds, from their ASCII bytes. */

const ZERO = 48;
const US_PER_SECOND = 1_000_000;
const SECONDS_PER_DAY = 86_400;
/** Days from 0000-03-01, where the count begins, to 1970-01-01. */
const DAYS_TO_1970 = 719_468;
/** Digits of `2026-11-25T08:20:43` come before the fraction's point. */
const POINT = 19;
const MICROSECOND_DIGITS = 6;

function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let place = at; place < at + count; place += 1) value = value * 10 + bytes[place]! - ZERO;
  return value;
}

/** Days since 1970 of a Gregorian date, counted in years that begin in March, so that a leap day is the last. */
function daysOf(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const monthFromMarch = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * monthFromMarch + 2) / 5) + day - 1 - DAYS_TO_1970;
}

/** Microseconds since 1970 of `2026-11-25T08:20:43Z`, with no, three or six fractional digits. */
export function microsecondsAt(bytes: Uint8Array, from: number, to: number): number {
  const days = daysOf(digits(bytes, from, 4), digits(bytes, from + 5, 2), digits(bytes, from + 8, 2));
  const seconds = digits(bytes, from + 11, 2) * 3_600 + digits(bytes, from + 14, 2) * 60 + digits(bytes, from + 17, 2);
  const fraction = Math.max(to - from - POINT - 2, 0);
  const us = digits(bytes, from + POINT + 1, fraction) * 10 ** (MICROSECOND_DIGITS - fraction);
  return (days * SECONDS_PER_DAY + seconds) * US_PER_SECOND + us;
}
