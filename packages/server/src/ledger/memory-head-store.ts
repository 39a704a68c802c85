import { strict as assert } from "node:assert";
import { sameBytes, TREE_NAME } from "./head-store.ts";
import type { HeadStore, SwapOutcome } from "./head-store.ts";

/** Heads in memory, for tests and the simulator; `clone` is what a restart finds. */
export class MemoryHeadStore implements HeadStore {
  readonly #notes = new Map<string, Uint8Array>();

  async read(tree: string): Promise<Uint8Array | null> {
    return this.#notes.get(tree)?.slice() ?? null;
  }

  async swap(tree: string, previous: Uint8Array | null, next: Uint8Array): Promise<SwapOutcome> {
    assert(TREE_NAME.test(tree), "a tree is <log>/<epoch>");
    const current = this.#notes.get(tree) ?? null;
    if (!sameBytes(current, previous)) return { kind: "conflict", current: current?.slice() ?? null };
    this.#notes.set(tree, next.slice());
    return { kind: "swapped" };
  }

  async trees(): Promise<readonly string[]> {
    return [...this.#notes.keys()].sort();
  }
}
