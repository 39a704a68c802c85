import type { Clock } from "../clock.ts";

/** How a follower waits for a time or for something to do. Several may wait at once. */
export class Pauses {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something happened: whoever waits looks whether it ends their pause. */
  wake(): void {
    for (const look of this.#waiting) look();
  }

  /** Ends every pause; from now on none lasts. */
  close(): void {
    this.#isClosed = true;
    this.wake();
  }

  /** For `ms`, or until it is woken and `isOver`; null: for no time of its own, and then being woken is enough. */
  pause(ms: number | null, isOver: () => boolean = () => ms === null): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(look);
        cancel();
        resolve();
      };
      const look = (): void => {
        if (this.#isClosed || isOver()) done();
      };
      const cancel = ms === null ? () => {} : this.#clock.after(ms, done);
      this.#waiting.add(look);
    });
  }
}
