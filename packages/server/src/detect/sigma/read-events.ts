/** Events of a file: JSON values one after the other, on lines of their own or not, or in one list. */
import { TallystickError } from "../../errors.ts";
import { findField } from "./event-fields.ts";

export function readEvents(text: string): readonly unknown[] {
  const events: unknown[] = [];
  for (const { from, to } of valuesIn(text)) {
    let value: unknown;
    try {
      value = JSON.parse(text.slice(from, to));
    } catch {
      const line = text.slice(0, from).split("\n").length;
      throw new TallystickError("bad_request", `line ${line}: the event that begins there is no JSON.`, {
        hint: "Events are JSON values, one a line or one after the other, or a list of them.",
      });
    }
    if (Array.isArray(value)) events.push(...(value as unknown[]));
    else events.push(value);
  }
  return events;
}

/** Where each value begins and ends: at the bracket that closes it, or at the white space after a bare one. */
function* valuesIn(text: string): Iterable<{ readonly from: number; readonly to: number }> {
  let from = -1;
  let depth = 0;
  for (let at = text.startsWith("\uFEFF") ? 1 : 0; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '"') {
      if (from < 0) from = at;
      at = stringEnd(text, at);
      if (depth > 0) continue;
    } else if (letter === "{" || letter === "[") {
      if (from < 0) from = at;
      depth++;
      continue;
    } else if (letter === "}" || letter === "]") {
      if (from < 0) from = at;
      depth--;
    } else if (!/\s/.test(letter)) {
      if (from < 0) from = at;
      continue;
    } else if (depth > 0 || from < 0) continue;
    if (depth > 0) continue;
    yield { from, to: Math.min(at + (/\s/.test(letter) ? 0 : 1), text.length) };
    from = -1;
    depth = 0;
  }
  if (from >= 0) yield { from, to: text.length };
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return text.length - 1;
}

/** Where events of many products have their time, the most telling first. */
const TIME_FIELDS = [
  "@timestamp",
  "timestamp",
  "observed.received_at",
  "eventTime",
  "time",
  "TimeCreated_SystemTime",
  "TimeCreated",
  "UtcTime",
  "ts",
  "date",
];

/** Microseconds since 1970 of each event; null where one has no time that can be read. */
export function eventTimes(events: readonly unknown[]): readonly number[] | null {
  const times: number[] = [];
  for (const event of events) {
    const us = timeOf(event);
    if (us === null) return null;
    times.push(us);
  }
  return times;
}

function timeOf(event: unknown): number | null {
  for (const name of TIME_FIELDS) {
    const [text] = findField(event, name).values;
    const us = text === undefined ? null : timeUs(text);
    if (us !== null) return us;
  }
  return null;
}

/** A number is of seconds, milliseconds or microseconds since 1970, by its size. */
function timeUs(text: string): number | null {
  if (/^\d{9,17}(?:\.\d+)?$/.test(text)) {
    const number = Number(text);
    return Math.round(number < 1e11 ? number * 1e6 : number < 1e14 ? number * 1e3 : number);
  }
  const fraction = /(\.\d{3})(\d{1,6})/.exec(text);
  const withZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text.replace(" ", "T")}Z`;
  const ms = Date.parse(withZone.replace(/(\.\d{3})\d+/, "$1"));
  return Number.isNaN(ms) ? null : ms * 1_000 + Number((fraction?.[2] ?? "0").padEnd(3, "0").slice(0, 3));
}
