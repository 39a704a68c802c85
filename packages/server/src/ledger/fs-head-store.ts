/**
 * Heads as files: `<folder>/<log>/<epoch>.note`.
 *
 * Guarantees: swaps of this process are serialised; each is one atomic, durable replacement, so a crash leaves the
 * old note or the new one. Another process is kept out by the lock of the data folder; if a copy of the folder runs
 * somewhere and shares this head folder, the comparison before each swap finds it at its first checkpoint. What is
 * left out: a lock of its own on a shared folder.
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import type { Disk } from "../disk/disk.ts";
import { sameBytes, TREE_NAME } from "./head-store.ts";
import type { HeadStore, SwapOutcome } from "./head-store.ts";

const SUFFIX = ".note";

export function fsHeadStore(disk: Disk, folder: string): HeadStore {
  return new FsHeadStore(disk, folder);
}

class FsHeadStore implements HeadStore {
  readonly #disk: Disk;
  readonly #folder: string;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  read(tree: string): Promise<Uint8Array | null> {
    return this.#inTurn(() => this.#disk.readFile(this.#path(tree)));
  }

  swap(tree: string, previous: Uint8Array | null, next: Uint8Array): Promise<SwapOutcome> {
    return this.#inTurn(async () => {
      const path = this.#path(tree);
      const current = await this.#disk.readFile(path);
      if (!sameBytes(current, previous)) return { kind: "conflict", current };
      if (current === null) await this.#disk.makeFolder(join(this.#folder, logOf(tree)));
      await this.#disk.replaceFile(path, next);
      return { kind: "swapped" };
    });
  }

  async trees(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const log of await this.#disk.list(this.#folder)) {
      if (!log.endsWith("/")) continue;
      for (const name of await this.#disk.list(join(this.#folder, log.slice(0, -1)))) {
        const tree = log + name.slice(0, -SUFFIX.length);
        if (name.endsWith(SUFFIX) && TREE_NAME.test(tree)) found.push(tree);
      }
    }
    return found.sort();
  }

  #path(tree: string): string {
    assert(TREE_NAME.test(tree), "a tree is <log>/<epoch>");
    return join(this.#folder, `${tree}${SUFFIX}`);
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(step, step);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

function logOf(tree: string): string {
  return tree.slice(0, tree.indexOf("/"));
}
