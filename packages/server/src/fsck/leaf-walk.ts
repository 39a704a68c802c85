/**
 * The walk through one tree's leaf hashes, in order and in constant memory: hands out each tile when it is complete,
 * and stops at given sizes (the published one, the head's, one that the verifier remembers) to show the tree as it
 * was there.
 */
import { strict as assert } from "node:assert";
import { Frontier } from "@tallystick/tlog";
import type { Tile } from "@tallystick/tlog";

const HASH_BYTES = 32;

export interface WalkListener {
  /** Full tiles, in the order in which they became full. */
  onTiles(tiles: readonly Tile[]): Promise<void>;
  /** The tree at one of the marks. */
  onMark(frontier: Frontier): Promise<void>;
}

export class LeafWalk {
  readonly #frontier = Frontier.empty();
  readonly #marks: number[];
  readonly #listener: WalkListener;
  #lastHash: Uint8Array | null = null;

  constructor(marks: readonly number[], listener: WalkListener) {
    this.#marks = [...new Set(marks)].filter((size) => size > 0).sort((one, other) => one - other);
    this.#listener = listener;
  }

  get size(): number {
    return this.#frontier.size;
  }

  /** Of the last leaf walked over. */
  get lastHash(): Uint8Array | null {
    return this.#lastHash;
  }

  get frontier(): Frontier {
    return this.#frontier;
  }

  /** Marks that the walk did not come to. */
  get missedMarks(): readonly number[] {
    return this.#marks;
  }

  async append(hashes: Uint8Array): Promise<void> {
    assert(hashes.length % HASH_BYTES === 0, "a leaf hash has 32 bytes");
    for (let at = 0; at < hashes.length;) {
      const until = this.#marks[0] ?? Number.POSITIVE_INFINITY;
      const count = Math.min((hashes.length - at) / HASH_BYTES, until - this.#frontier.size);
      const tiles = this.#frontier.append(hashes.subarray(at, at + count * HASH_BYTES));
      at += count * HASH_BYTES;
      if (tiles.length > 0) await this.#listener.onTiles(tiles);
      if (this.#frontier.size !== until) continue;
      this.#marks.shift();
      await this.#listener.onMark(this.#frontier);
    }
    if (hashes.length > 0) this.#lastHash = hashes.slice(-HASH_BYTES);
  }
}
