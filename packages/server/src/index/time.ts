/**
 * Normal-form times (record/fields.ts) to microseconds and back. The day's part is remembered, since neighbours share
 * it.
 */

const DAY_LENGTH = "2026-11-25".length;
const SECONDS_LENGTH = "2026-11-25T08:20:43".length;
let lastDay = "";
let lastDayUs = 0;

const digits = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;

/** Microseconds since the epoch of `2026-11-25T08:20:43Z`, with no, three or six fractional digits. */
export function microsecondsOf(text: string): number {
  const day = text.slice(0, DAY_LENGTH);
  if (day !== lastDay) {
    lastDayUs = Date.parse(`${day}T00:00:00Z`) * 1000;
    lastDay = day;
  }
  const seconds = digits(text, 11) * 3600 + digits(text, 14) * 60 + digits(text, 17);
  return lastDayUs + seconds * 1_000_000 + fractionUs(text);
}

function fractionUs(text: string): number {
  let us = 0;
  let unit = 100_000;
  for (let at = SECONDS_LENGTH + 1; at < text.length - 1; at += 1) {
    us += (text.charCodeAt(at) - 48) * unit;
    unit /= 10;
  }
  return us;
}
