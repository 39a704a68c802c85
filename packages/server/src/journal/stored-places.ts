/**
 * Which leaf each running number of the duplicate window is: runs of numbers that lie next to each other in one tree.
 * A run is made a tree or so, not a record, so that a copy's proof can be found without memory for each leaf.
 *
 * Invariant: runs stand in the order of their numbers, and there is no gap between two of them.
 */
import assert from "node:assert/strict";

interface NumberRun {
  readonly from: number;
  readonly tree: string;
  readonly firstIndex: number;
}

/** Leaves that lie next to each other in a tree. */
export interface StoredRun {
  readonly tree: string;
  readonly firstIndex: number;
  readonly count: number;
}

export class StoredPlaces {
  readonly #runs: NumberRun[] = [];
  #end = 0;

  /** The numbers that follow, `count` of them, are the leaves from `firstIndex` on. */
  add(count: number, tree: string, firstIndex: number): void {
    const last = this.#runs.at(-1);
    const goesOn = last?.tree === tree && last.firstIndex + this.#end - last.from === firstIndex;
    if (!goesOn) this.#runs.push({ from: this.#end, tree, firstIndex });
    this.#end += count;
  }

  /** Nobody asks for a number before this one any more. */
  forgetBefore(number: number): void {
    let gone = 0;
    while (gone + 1 < this.#runs.length && this.#runs[gone + 1]!.from <= number) gone += 1;
    if (gone > 0) this.#runs.splice(0, gone);
  }

  /** The leaves of numbers that lie next to each other, in their order. */
  of(number: number, count: number): readonly StoredRun[] {
    assert(count > 0 && number + count <= this.#end, "a number that was not stored has no leaf");
    const found: StoredRun[] = [];
    const end = number + count;
    for (let at = this.#runOf(number), next = number; next < end; at++) {
      const run = this.#runs[at]!;
      const until = Math.min(end, this.#runs[at + 1]?.from ?? this.#end);
      found.push({ tree: run.tree, firstIndex: run.firstIndex + next - run.from, count: until - next });
      next = until;
    }
    return found;
  }

  #runOf(number: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.from <= number) low = middle;
      else high = middle;
    }
    assert(this.#runs[low]!.from <= number, "a number that was forgotten has no leaf");
    return low;
  }
}
