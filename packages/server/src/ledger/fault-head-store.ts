import { TallystickError } from "../errors.ts";
import type { HeadStore, SwapOutcome } from "./head-store.ts";

/** What the next swap or read does instead of working. */
export type HeadFault = "lost" | "done-but-error" | "read-error";

/** Wraps a head store and injects one queued fault a call; for crash tables. */
export class FaultHeadStore implements HeadStore {
  readonly #inner: HeadStore;
  readonly #swapFaults: HeadFault[] = [];
  readonly #readFaults: HeadFault[] = [];
  swaps = 0;

  constructor(inner: HeadStore) {
    this.#inner = inner;
  }

  failNext(fault: HeadFault): void {
    (fault === "read-error" ? this.#readFaults : this.#swapFaults).push(fault);
  }

  async read(tree: string): Promise<Uint8Array | null> {
    if (this.#readFaults.shift() !== undefined) throw broken("the head store could not be read");
    return this.#inner.read(tree);
  }

  async swap(tree: string, previous: Uint8Array | null, next: Uint8Array): Promise<SwapOutcome> {
    this.swaps += 1;
    const fault = this.#swapFaults.shift();
    if (fault === "lost") throw broken("the swap was lost");
    const outcome = await this.#inner.swap(tree, previous, next);
    if (fault === "done-but-error") throw broken("the answer to the swap was lost");
    return outcome;
  }

  trees(): Promise<readonly string[]> {
    return this.#inner.trees();
  }
}

function broken(what: string): TallystickError {
  return new TallystickError("disk_failed", `${what} (injected)`, { hint: "This fault is injected by a test." });
}
