import type { Clock } from "../clock.ts";

/** Calls `work` once at the earliest time that was asked for since it was last called. */
export class Wake {
  readonly #clock: Clock;
  readonly #work: () => void;
  #cancel: () => void = () => {};
  #atMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(clock: Clock, work: () => void) {
    this.#clock = clock;
    this.#work = work;
  }

  in(delayMs: number): void {
    const atMs = this.#clock.monotonicMs() + delayMs;
    if (this.#isClosed || atMs >= this.#atMs) return;
    this.#cancel();
    this.#atMs = atMs;
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#atMs = Number.POSITIVE_INFINITY;
      this.#work();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }
}
