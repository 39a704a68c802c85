/**
 * What a series usually is at this time: the median of what it was at the same hour of the week, or, while there are
 * too few weeks, of the day; before that of all that was seen lately. Bounded: each slot keeps its newest values.
 */
export interface Expectation {
  readonly median: number;
  /** Median absolute deviation, as a standard deviation would be for a normal distribution. */
  readonly spread: number;
  /** How many values it rests upon. */
  readonly support: number;
}

const SLOT_US = 1800e6;
const DAY_SLOTS = 48;
const WEEK_SLOTS = 336;
const DAY_KEPT = 90;
const WEEK_KEPT = 36;
const RECENT_KEPT = 64;
/** A season is believed in when its slot and the two beside it hold that many values. */
const MIN_SUPPORT = 6;
/** Values of that many slots of a week say that there were at least three weeks. */
const MIN_WEEKS = 3;
const MAD_TO_DEVIATION = 1.4826;

export class Season {
  private readonly day: number[][] = [];
  private readonly week: number[][] = [];
  private readonly recent: number[] = [];
  private readonly waiting: { readonly slot: number; readonly value: number }[] = [];
  private firstSlot = -1;
  private readonly lag: number;

  /** `lag`: values are learned from only after that many newer ones, so that an anomaly does not excuse itself. */
  constructor(lag: number) {
    this.lag = lag;
  }

  add(timeUs: number, value: number): void {
    const slot = Math.floor(timeUs / SLOT_US);
    if (this.firstSlot < 0) this.firstSlot = slot;
    this.waiting.push({ slot, value });
    if (this.waiting.length <= this.lag) return;
    const old = this.waiting.shift()!;
    keep((this.day[old.slot % DAY_SLOTS] ??= []), old.value, DAY_KEPT);
    keep((this.week[old.slot % WEEK_SLOTS] ??= []), old.value, WEEK_KEPT);
    keep(this.recent, old.value, RECENT_KEPT);
  }

  /** Null before anything was learned. */
  expected(timeUs: number): Expectation | null {
    const slot = Math.floor(timeUs / SLOT_US);
    const weeks = (slot - this.firstSlot) / WEEK_SLOTS;
    const ofWeek = weeks >= MIN_WEEKS ? around(this.week, slot, WEEK_SLOTS) : [];
    if (ofWeek.length >= MIN_SUPPORT) return summary(ofWeek);
    const ofDay = around(this.day, slot, DAY_SLOTS);
    if (ofDay.length >= MIN_SUPPORT) return summary(ofDay);
    return this.recent.length === 0 ? null : summary([...this.recent]);
  }
}

function keep(values: number[], value: number, most: number): void {
  values.push(value);
  if (values.length > most) values.shift();
}

function around(slots: readonly (number[] | undefined)[], slot: number, count: number): number[] {
  return [-1, 0, 1].flatMap((by) => slots[(slot + by + count) % count] ?? []);
}

function summary(values: number[]): Expectation {
  const median = medianOf(values);
  const spread = MAD_TO_DEVIATION * medianOf(values.map((value) => Math.abs(value - median)));
  return { median, spread, support: values.length };
}

function medianOf(values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
