/**
 * Which records of a log were stored lately: the last `capacity` of them, whatever their age, by 16-byte identity and
 * 16-byte digest of the content. Records that can never be duplicates take a place without being findable, so that the
 * window always covers the same leaves and is the same after it was rebuilt from the journal.
 *
 * Invariants: places are given in order of storing; the unsettled ones (not durable yet) are the newest, and
 * `retractUnsettled` takes them out as if they had never been there; nothing is forgotten for the sake of a record that
 * is not settled.
 *
 * Memory at a million: 36 MB of ring, 32 MB of slots, 9 MB of links, touched only as far as filled.
 */
import assert from "node:assert/strict";

import { MAX_UNSETTLED_RECORDS } from "./limits.ts";
import { SlotTable } from "./slot-table.ts";
import { StoredPlaces } from "./stored-places.ts";
import type { StoredRun } from "./stored-places.ts";

export const ABSENT = 0;
export const SAME = 1;
export const OTHER_CONTENT = 2;
export type Seen = typeof ABSENT | typeof SAME | typeof OTHER_CONTENT;

const WORDS = 4;
const NO_PLACE = -1;
/**
 * Odd constants of a multiplicative hash; the words are parts of a SHA-256 already, the seed keeps an attacker from
 * choosing slots.
 */
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;

export class DedupWindow {
  readonly #capacity: number;
  readonly #places: number;
  readonly #keys: Uint32Array;
  readonly #digests: Uint32Array;
  /** Running number of the entry with the same key stored before; it may have left the window since. */
  readonly #earlier: Float64Array;
  /** 1 where the place can be found. */
  readonly #findable: Uint8Array;
  readonly #byKey: SlotTable;
  readonly #byPair: SlotTable;
  readonly #seed: number;
  readonly #stored = new StoredPlaces();
  /** Running numbers of the oldest entry, the first unsettled one and the next one. */
  #oldest = 0;
  #settled = 0;
  #next = 0;

  constructor(capacity: number, seed: number, maxUnsettled = MAX_UNSETTLED_RECORDS) {
    this.#capacity = capacity;
    this.#places = capacity + maxUnsettled;
    this.#keys = new Uint32Array(this.#places * WORDS);
    this.#digests = new Uint32Array(this.#places * WORDS);
    this.#earlier = new Float64Array(this.#places);
    this.#findable = new Uint8Array(this.#places);
    this.#seed = seed | 1;
    this.#byKey = new SlotTable(this.#places, { hashOf: (place) => this.#hash(this.#keys, place * WORDS) });
    this.#byPair = new SlotTable(this.#places, { hashOf: (place) => this.#pairHash(place) });
  }

  get size(): number {
    return this.#next - this.#oldest;
  }

  /** Running number of the entry that is added next. */
  get next(): number {
    return this.#next;
  }

  /** Word arrays as `words` gives them; `at` counts records. */
  look(identities: Uint32Array, digests: Uint32Array, at: number): Seen {
    const word = at * WORDS;
    const newest = this.#newestOf(identities, word);
    if (newest === NO_PLACE) return ABSENT;
    if (same(this.#digests, newest * WORDS, digests, word)) return SAME;
    return this.#placeOfPair(identities, digests, word) === NO_PLACE ? OTHER_CONTENT : SAME;
  }

  /** Running number of the entry that `look` called the same. */
  numberOf(identities: Uint32Array, digests: Uint32Array, at: number): number {
    const place = this.#placeOfPair(identities, digests, at * WORDS);
    assert(place !== NO_PLACE, "only a copy has a number already");
    return this.#numberAt(place);
  }

  /** Where the entries of these settled running numbers lie, of which a reader learnt while they were in the window. */
  leavesOf(number: number, count: number): readonly StoredRun[] {
    return this.#stored.of(number, count);
  }

  add(identities: Uint32Array, digests: Uint32Array, at: number): void {
    const place = this.#take();
    const word = at * WORDS;
    for (let i = 0; i < WORDS; i++) {
      this.#keys[place * WORDS + i] = identities[word + i]!;
      this.#digests[place * WORDS + i] = digests[word + i]!;
    }
    this.#findable[place] = 1;
    this.#byPair.insert(place);
    const slot = this.#slotOfKey(identities, word);
    this.#earlier[place] = slot === -1 ? NO_PLACE : this.#numberAt(this.#byKey.at(slot));
    if (slot === -1) this.#byKey.insert(place);
    else this.#byKey.replace(slot, place);
  }

  /** A record that is never a duplicate. */
  addBlank(): void {
    this.#findable[this.#take()] = 0;
  }

  /**
   * The oldest `count` unsettled entries are durable, as the leaves of `tree` from `firstIndex` on; what is older than
   * the window is forgotten.
   */
  settle(count: number, tree: string, firstIndex: number): void {
    this.#settled += count;
    assert(this.#settled <= this.#next);
    this.#stored.add(count, tree, firstIndex);
    while (this.#settled - this.#oldest > this.#capacity) this.#forgetOldest();
    // A copy that was seen before entries left the window is answered after them.
    this.#stored.forgetBefore(this.#oldest - (this.#places - this.#capacity));
  }

  retractUnsettled(): void {
    while (this.#next > this.#settled) {
      this.#next -= 1;
      const place = this.#next % this.#places;
      if (this.#findable[place] === 0) continue;
      this.#byPair.removeSlot(this.#byPair.slotOf(place));
      const slot = this.#byKey.slotOf(place);
      assert(slot !== -1, "the newest entry of a key must be the one that is found");
      const earlier = this.#earlier[place]!;
      if (earlier < this.#oldest) this.#byKey.removeSlot(slot);
      else this.#byKey.replace(slot, earlier % this.#places);
    }
  }

  #take(): number {
    assert(this.#next - this.#oldest < this.#places, "more records are under way than the window has places for");
    const place = this.#next % this.#places;
    this.#next += 1;
    return place;
  }

  #forgetOldest(): void {
    const place = this.#oldest % this.#places;
    this.#oldest += 1;
    if (this.#findable[place] === 0) return;
    this.#byPair.removeSlot(this.#byPair.slotOf(place));
    // Of several entries with the key only the newest is in the table, so one that was followed by another is out of it
    // already.
    const slot = this.#byKey.slotOf(place);
    if (slot !== -1) this.#byKey.removeSlot(slot);
  }

  /** Running number of the entry that now is at a place. */
  #numberAt(place: number): number {
    const lap = Math.floor(this.#oldest / this.#places) * this.#places;
    return lap + place >= this.#oldest ? lap + place : lap + place + this.#places;
  }

  #newestOf(keys: Uint32Array, word: number): number {
    const slot = this.#slotOfKey(keys, word);
    return slot === -1 ? NO_PLACE : this.#byKey.at(slot);
  }

  #slotOfKey(keys: Uint32Array, word: number): number {
    const table = this.#byKey;
    for (let slot = table.home(this.#hash(keys, word)); ; slot = table.next(slot)) {
      const place = table.at(slot);
      if (place === NO_PLACE) return -1;
      if (same(this.#keys, place * WORDS, keys, word)) return slot;
    }
  }

  #placeOfPair(identities: Uint32Array, digests: Uint32Array, word: number): number {
    const table = this.#byPair;
    const hash = this.#hash(identities, word) ^ this.#hash(digests, word);
    for (let slot = table.home(hash >>> 0); ; slot = table.next(slot)) {
      const place = table.at(slot);
      if (place === NO_PLACE) return NO_PLACE;
      if (same(this.#keys, place * WORDS, identities, word) && same(this.#digests, place * WORDS, digests, word))
        return place;
    }
  }

  #pairHash(place: number): number {
    return (this.#hash(this.#keys, place * WORDS) ^ this.#hash(this.#digests, place * WORDS)) >>> 0;
  }

  #hash(words: Uint32Array, at: number): number {
    let mixed = this.#seed;
    for (let i = 0; i < WORDS; i++) {
      mixed = Math.imul(mixed ^ words[at + i]!, MULTIPLIERS[i]!);
      mixed ^= mixed >>> 15;
    }
    return mixed >>> 0;
  }
}

/** The 16-byte values of `bytes` as four words each; copied only when they do not lie on a word's boundary. */
export function words(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % Uint32Array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / Uint32Array.BYTES_PER_ELEMENT);
}

function same(one: Uint32Array, at: number, other: Uint32Array, otherAt: number): boolean {
  return (
    one[at] === other[otherAt] &&
    one[at + 1] === other[otherAt + 1] &&
    one[at + 2] === other[otherAt + 2] &&
    one[at + 3] === other[otherAt + 3]
  );
}
