/**
 * How rare a deviation is among those before it: beyond the largest TAIL_SHARE of them the tail is taken to fall off
 * as a power (Hill's estimate), so that a series which jumps often has to jump further. Kept as counts in bins of the
 * logarithm: bounded, one pass, and nothing is learned from what is to come.
 */
import assert from "node:assert/strict";

const TAIL_SHARE = 0.03;
/** Fewer deviations than that say nothing of a tail. */
const WARM_UP = 30;
const MIN_TAIL = 5;
/** The tail's slope is never taken to be steeper: otherwise a constant series would shout at the first rounding. */
const MIN_SLOPE = 0.03;
const BINS_A_DECADE = 40;
const LOWEST_DECADE = -12;
const HIGHEST_DECADE = 15;
const BINS = (HIGHEST_DECADE - LOWEST_DECADE) * BINS_A_DECADE;
/** How many deviations come between two fits, while there are few of them and later. */
const FIT_EVERY_EARLY = 5;
const FIT_EVERY = 40;

export class Tail {
  private readonly bins = new Uint32Array(BINS);
  private count = 0;
  private log10From = 0;
  private slope = 1;

  /** −log10 of how often a deviation as large is to be expected; 0 below the tail and before there is one. */
  surprise(deviation: number): number {
    if (this.count < WARM_UP) return 0;
    const beyond = logOf(binOf(deviation)) - this.log10From;
    return beyond <= 0 ? 0 : -Math.log10(TAIL_SHARE) + beyond / this.slope;
  }

  add(deviation: number): void {
    assert(deviation >= 0);
    this.bins[binOf(deviation)]! += 1;
    this.count += 1;
    const every = this.count < 10 * WARM_UP ? FIT_EVERY_EARLY : FIT_EVERY;
    if (this.count >= WARM_UP && this.count % every === 0) this.fit();
  }

  /** Where the tail begins, and the mean logarithm (base e) of how far it goes beyond. */
  private fit(): void {
    const wanted = Math.max(MIN_TAIL, Math.floor(this.count * TAIL_SHARE));
    let inside = 0;
    let sum = 0;
    let bin = BINS;
    while (inside < wanted && bin > 0) {
      bin -= 1;
      const here = this.bins[bin]!;
      inside += here;
      sum += here * logOf(bin);
    }
    this.log10From = logOf(bin);
    this.slope = Math.max((sum / inside - this.log10From) * Math.LN10, MIN_SLOPE);
  }
}

function binOf(deviation: number): number {
  const at = (Math.log10(Math.max(deviation, Number.MIN_VALUE)) - LOWEST_DECADE) * BINS_A_DECADE;
  return Math.min(BINS - 1, Math.max(0, Math.floor(at)));
}

/** Of a bin's middle, base 10. */
function logOf(bin: number): number {
  return LOWEST_DECADE + (bin + 0.5) / BINS_A_DECADE;
}
