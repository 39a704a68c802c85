/**
 * Days of the map that are over, added up at leisure: nothing waits for them, since a reader takes a day's hours where
 * the day is missing or its hours have changed since. What is to be done is asked of the tables, so nothing is lost
 * with the process.
 */
import type { Clock } from "../clock.ts";
import type { Deriver } from "../index/derived-tables.ts";
import { countDay, staleDays } from "./edges.ts";
import { DAYS_PAUSE_MS } from "./limits.ts";
import { STEP_LIMITS } from "./limits.ts";

const DAY_US = 86_400_000_000;

export class EdgeDays {
  readonly #deriver: Deriver;
  readonly #clock: Clock;
  /** Days that are to be added up, in seconds since the epoch, newest last. */
  #stale: number[] = [];
  #nextLookMs = 0;
  #version = 0;

  constructor(deriver: Deriver, clock: Clock) {
    this.#deriver = deriver;
    this.#clock = clock;
  }

  /** Adds one day up, if there is one to be. */
  async count(): Promise<void> {
    if (this.#stale.length === 0) await this.#look();
    const day = this.#stale.pop();
    if (day === undefined) return;
    this.#version = Math.max(this.#version + 1, this.#clock.nowUs());
    await this.#deriver.derive(countDay(day, this.#version), STEP_LIMITS);
  }

  async #look(): Promise<void> {
    if (this.#clock.monotonicMs() < this.#nextLookMs) return;
    const todayS = (Math.floor(this.#clock.nowUs() / DAY_US) * DAY_US) / 1_000_000;
    const rows = await this.#deriver.select<{ at: number }>(staleDays(todayS), STEP_LIMITS);
    this.#stale = rows.map(({ at }) => at);
    this.#nextLookMs = this.#clock.monotonicMs() + DAYS_PAUSE_MS;
  }
}
