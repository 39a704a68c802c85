/**
 * Open addressing with linear probing over typed arrays: from the hash of a place in a ring to that place. It stores no
 * keys; the owner tells hashes and equality by place. Removal shifts back what follows, so there are no tombstones and
 * a table never wears out.
 *
 * Invariant: every stored place can be reached from its home slot without passing an empty one.
 */
import assert from "node:assert/strict";

export interface SlotOwner {
  /** 32 bits, unsigned, the same as long as the place is stored. */
  hashOf(place: number): number;
}

const EMPTY = 0;

export class SlotTable {
  readonly #slots: Uint32Array;
  readonly #mask: number;
  readonly #owner: SlotOwner;
  #count = 0;

  /** Twice as many slots as places, rounded up to a power of two: a probe passes one or two of them. */
  constructor(places: number, owner: SlotOwner) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, places * 2)));
    // A large array is mapped and costs memory only where it is touched.
    this.#slots = new Uint32Array(slots);
    this.#mask = slots - 1;
    this.#owner = owner;
  }

  get count(): number {
    return this.#count;
  }

  /** First slot of a walk over places that may have this hash. */
  home(hash: number): number {
    return hash & this.#mask;
  }

  next(slot: number): number {
    return (slot + 1) & this.#mask;
  }

  /** The place in a slot, or -1 at the end of the walk. */
  at(slot: number): number {
    return this.#slots[slot]! - 1;
  }

  insert(place: number): void {
    assert(this.#count < this.#mask, "the table is full");
    let slot = this.home(this.#owner.hashOf(place));
    while (this.#slots[slot] !== EMPTY) slot = this.next(slot);
    this.#slots[slot] = place + 1;
    this.#count += 1;
  }

  /** Puts another place of the same hash into the slot. */
  replace(slot: number, place: number): void {
    this.#slots[slot] = place + 1;
  }

  /** The slot of a place, or -1. */
  slotOf(place: number): number {
    for (let slot = this.home(this.#owner.hashOf(place)); ; slot = this.next(slot)) {
      if (this.#slots[slot] === place + 1) return slot;
      if (this.#slots[slot] === EMPTY) return -1;
    }
  }

  removeSlot(slot: number): void {
    let hole = slot;
    for (let at = this.next(slot); this.#slots[at] !== EMPTY; at = this.next(at)) {
      const home = this.home(this.#owner.hashOf(this.at(at)));
      // Move it into the hole unless its home lies between the two, going round.
      const between = hole <= at ? home > hole && home <= at : home > hole || home <= at;
      if (between) continue;
      this.#slots[hole] = this.#slots[at]!;
      hole = at;
    }
    this.#slots[hole] = EMPTY;
    this.#count -= 1;
  }
}
