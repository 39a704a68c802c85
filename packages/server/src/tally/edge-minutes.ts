/**
 * Which minutes of the map have to be counted anew, and when. A minute is counted as soon as a step touched it; one
 * that took long waits in proportion, so that halves that trickle in late never cost more than a small share.
 */
import type { Clock } from "../clock.ts";
import type { Deriver } from "../index/derived-tables.ts";
import { Params } from "../search/compile/sql.ts";
import { EdgeDays } from "./edge-days.ts";
import { countHours, countMinutes } from "./edges.ts";
import { COUNT_PAUSE, MAX_COUNT_PAUSE_MS, MAX_MINUTES_AT_ONCE, RECOVERED_STEPS, STEP_LIMITS } from "./limits.ts";
import { CALLS } from "./schema.ts";

interface Touched {
  /** When it may be counted, by the monotonic clock. */
  readonly notBeforeMs: number;
}

const HOUR_S = 3_600;

export class EdgeMinutes {
  readonly #deriver: Deriver;
  readonly #clock: Clock;
  readonly #touched = new Map<number, Touched>();
  /** When a minute was last counted and what it cost. */
  readonly #counted = new Map<number, { readonly atMs: number; readonly costMs: number }>();
  readonly #hours = new Set<number>();
  /** When hours may be counted again. */
  #hoursNotBeforeMs = 0;
  readonly #days: EdgeDays;
  /** What took some time to count is counted again after so many times that long. */
  readonly #pause: number;
  #version = 0;

  constructor(deriver: Deriver, clock: Clock, pause = COUNT_PAUSE) {
    this.#deriver = deriver;
    this.#clock = clock;
    this.#pause = pause;
    this.#days = new EdgeDays(deriver, clock);
  }

  /** Minutes in seconds since the epoch. */
  touched(minutes: readonly number[]): void {
    for (const minute of minutes) {
      if (this.#touched.has(minute)) continue;
      const before = this.#counted.get(minute);
      const pauseMs = before === undefined ? 0 : Math.min(MAX_COUNT_PAUSE_MS, before.costMs * this.#pause);
      this.#touched.set(minute, { notBeforeMs: (before?.atMs ?? 0) + pauseMs });
    }
  }

  isCounted(): boolean {
    return this.#touched.size + this.#hours.size === 0;
  }

  /** After a start: minutes that the last steps touched may not have been counted. */
  async recover(step: number): Promise<void> {
    const params = new Params();
    const from = params.add(Math.max(0, step - RECOVERED_STEPS), "UInt64");
    const rows = await this.#deriver.select<{ at: number }>(
      params.statement(`SELECT DISTINCT toUnixTimestamp(minute) AS at FROM ${CALLS.name} WHERE step > ${from}`),
      STEP_LIMITS,
    );
    this.touched(rows.map(({ at }) => at));
  }

  /** Counts what may be counted now. */
  async count(): Promise<void> {
    await this.#days.count();
    const startMs = this.#clock.monotonicMs();
    const minutes = [...this.#touched]
      .filter(([, { notBeforeMs }]) => notBeforeMs <= startMs)
      .map(([minute]) => minute)
      .toSorted((a, b) => b - a)
      .slice(0, MAX_MINUTES_AT_ONCE);
    if (minutes.length > 0) await this.#countMinutes(minutes, startMs);
    if (this.#hours.size > 0 && this.#hoursNotBeforeMs <= startMs) await this.#countHours();
  }

  async #countMinutes(minutes: readonly number[], startMs: number): Promise<void> {
    await this.#deriver.derive(countMinutes(minutes, this.#newVersion()), STEP_LIMITS);
    for (const minute of minutes) this.#hours.add(Math.floor(minute / HOUR_S) * HOUR_S);
    const nowMs = this.#clock.monotonicMs();
    const costMs = nowMs - startMs;
    for (const minute of minutes) {
      this.#touched.delete(minute);
      this.#counted.set(minute, { atMs: nowMs, costMs });
    }
    this.#forget(nowMs);
  }

  async #countHours(): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    await this.#deriver.derive(countHours([...this.#hours], this.#newVersion()), STEP_LIMITS);
    this.#hours.clear();
    const nowMs = this.#clock.monotonicMs();
    this.#hoursNotBeforeMs = nowMs + Math.min(MAX_COUNT_PAUSE_MS, (nowMs - startMs) * this.#pause);
  }

  /** Newer than every version before, also than those of a process that was killed. */
  #newVersion(): number {
    this.#version = Math.max(this.#version + 1, this.#clock.nowUs());
    return this.#version;
  }

  #forget(nowMs: number): void {
    for (const [minute, { atMs }] of this.#counted) {
      if (nowMs - atMs > 10 * MAX_COUNT_PAUSE_MS) this.#counted.delete(minute);
    }
  }
}
