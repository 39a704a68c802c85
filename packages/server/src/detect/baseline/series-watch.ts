/**
 * Watches one series of numbers, one by one and without looking ahead. A value is held against what the season says,
 * against the level it had lately, and against all values there were. Of each of the three the distance to the nearest
 * that was seen before counts, not the size: what has happened before is not news, however large. How rare that
 * distance is says how surprising the value is; of an anomaly that lasts only its beginning and its worsening are told.
 * Left out on purpose: what the numbers mean, and whether anybody should hear of them (practical size, budgets).
 */
import assert from "node:assert/strict";

import { Season } from "./season.ts";
import type { Expectation } from "./season.ts";
import { Tail } from "./tail.ts";
import { ValueSet } from "./value-set.ts";

export interface Surprise {
  /** −log10 of how often a value as strange is to be expected in as long a history; 0: nothing new, or told already. */
  readonly surprise: number;
  /** What the season said of the value; null while nothing was learned. */
  readonly expected: Expectation | null;
}

/** Different values before one is judged, or that many values of whatever kind: most series of shares are few values. */
const WARM_UP = 10;
const WARM_UP_ALIKE = 30;
const LEVEL_RATE = 0.1;
const SEASON_LAG = 12;
/** An alarm is kept quiet after for a twentieth of the history, unless something worse comes. */
const QUIET_SHARE = 0.05;
const MIN_QUIET = 10;
/** The longer one looks, the more chance has to offer: half the logarithm of the length, above this one. */
const LENGTH_OF_SCALE = 2000;
const LENGTH_SHARE = 0.5;
const MIN_LENGTH = 100;
/** Surprises below are not worth keeping quiet for. */
const LEAST = 0.5;
const RESOLUTION = 1e-9;

class Aspect {
  private readonly seen = new ValueSet();
  private readonly tail = new Tail();
  private count = 0;

  surprise(value: number): number {
    const isKnown = this.seen.count >= WARM_UP || this.count >= WARM_UP_ALIKE;
    this.count += 1;
    const far = isKnown ? this.seen.distance(value) + RESOLUTION : -1;
    const surprise = far < 0 ? 0 : this.tail.surprise(far);
    if (far >= 0) this.tail.add(far);
    this.seen.add(value);
    return surprise;
  }
}

export class SeriesWatch {
  private readonly season = new Season(SEASON_LAG);
  private readonly bySeason = new Aspect();
  private readonly byLevel = new Aspect();
  private readonly byValue = new Aspect();
  private level = Number.NaN;
  private count = 0;
  private toldAt = Number.NEGATIVE_INFINITY;
  private told = 0;

  /** Takes the next value. Times never go back by more than a slot of the season; units are the caller's. */
  push(timeUs: number, value: number): Surprise {
    assert(Number.isFinite(value));
    const expected = this.season.expected(timeUs);
    const surprises = [this.byValue.surprise(value)];
    if (expected !== null) surprises.push(this.bySeason.surprise(value - expected.median));
    if (this.count > 0) surprises.push(this.byLevel.surprise(value - this.level));
    this.level = this.count === 0 ? value : this.level + LEVEL_RATE * (value - this.level);
    this.season.add(timeUs, value);
    const rarest = Math.max(...surprises);
    const chance = LENGTH_SHARE * Math.log10(Math.max(this.count, MIN_LENGTH) / LENGTH_OF_SCALE);
    const surprise = rarest > 0 ? this.news(rarest - chance) : 0;
    this.count += 1;
    return { surprise, expected };
  }

  /** Nothing while an alarm at least as loud is fresh. */
  private news(surprise: number): number {
    const isFresh = this.count - this.toldAt <= Math.max(MIN_QUIET, QUIET_SHARE * this.count);
    if (surprise <= LEAST || (isFresh && surprise <= this.told)) return 0;
    this.toldAt = this.count;
    this.told = surprise;
    return surprise;
  }
}
