/**
 * A screen that shows the last minutes and asks again and again names other absolute times each time, and still asks
 * the same. Such a question is known by its width and by ending about now; one of the past is its own each time.
 */
import { MOVING_SLACK_MS } from "./limits.ts";

export interface MovingWindow {
  /** The same for every question of the screen, apart from what else it asks. */
  readonly key: string;
  /** The window itself, as it was asked. */
  readonly shown: string;
}

/** RFC 3339 or a date; what is relative to now says so by itself. */
const ABSOLUTE = /^\d{4}-\d\d-\d\d/;

/** Null when the window does not move with the clock. `nowMs`: since 1970. */
export function movingWindow({ from, to }: WindowParameters, nowMs: number): MovingWindow | null {
  const fromMs = timeOf(from);
  const toMs = to === undefined || to === "" ? nowMs : timeOf(to);
  if (fromMs === null || toMs === null || Math.abs(toMs - nowMs) > MOVING_SLACK_MS || fromMs >= toMs) return null;
  const seconds = (toMs - fromMs) / 1_000;
  // Requests take their time: widths that differ by some hundredths are one.
  const width = seconds < 1 ? 0 : Math.round(Math.log(seconds) / Math.log(WIDTH_STEP));
  return { key: `${to === undefined || to === "" ? "open" : "closed"} ${width}`, shown: `${from}/${to ?? ""}` };
}

interface WindowParameters {
  readonly from?: string;
  readonly to?: string;
}

const WIDTH_STEP = 1.1;

function timeOf(text: string | undefined): number | null {
  if (text === undefined || !ABSOLUTE.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}
