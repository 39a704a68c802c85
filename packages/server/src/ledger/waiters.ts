import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import { MAX_WAITERS } from "./limits.ts";

interface Waiter {
  readonly size: number;
  settle(error: TallystickError | null): void;
}

/** Callers that wait for a checkpoint, one promise a request; bounded. */
export class Waiters {
  readonly #clock: Clock;
  readonly #byTree = new Map<string, Set<Waiter>>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isAwaited(tree: string): boolean {
    return this.#byTree.has(tree);
  }

  wait(tree: string, size: number, timeoutMs: number): Promise<void> {
    if (this.#count >= MAX_WAITERS) return Promise.reject(late(tree, size));
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => waiter.settle(late(tree, size)));
      const waiter: Waiter = {
        size,
        settle: (error) => {
          cancel();
          this.#forget(tree, waiter);
          if (error === null) resolve();
          else reject(error);
        },
      };
      this.#remember(tree, waiter);
    });
  }

  /** A checkpoint of `size` leaves is published. */
  published(tree: string, size: number): void {
    for (const waiter of this.#byTree.get(tree) ?? []) if (waiter.size <= size) waiter.settle(null);
  }

  rejectAll(error: TallystickError): void {
    for (const waiters of this.#byTree.values()) for (const waiter of waiters) waiter.settle(error);
  }

  #remember(tree: string, waiter: Waiter): void {
    const waiters = this.#byTree.get(tree) ?? new Set();
    this.#byTree.set(tree, waiters.add(waiter));
    this.#count += 1;
  }

  #forget(tree: string, waiter: Waiter): void {
    const waiters = this.#byTree.get(tree);
    if (waiters?.delete(waiter) !== true) return;
    this.#count -= 1;
    if (waiters.size === 0) this.#byTree.delete(tree);
  }
}

function late(tree: string, size: number): TallystickError {
  return new TallystickError(
    "query_timeout",
    `no checkpoint of ${tree} covers ${size} leaves yet; the records are durable`,
    {
      retryAfterS: 1,
      hint: "Ask for the proof later: the leaf's tree and index do not change.",
    },
  );
}
