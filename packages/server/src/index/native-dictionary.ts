/**
 * The dictionary of a LowCardinality column: keys as Native holds them, found by their bytes, so that no string is made
 * of a value that was seen before.
 */
import { ByteSink } from "./byte-sink.ts";
import type { JsonCursor } from "./json-cursor.ts";

/** LowCardinality: shared dictionaries with additional keys. */
export const DICTIONARY_VERSION = 1;
const HAS_ADDITIONAL_KEYS = 0x200;
const NEEDS_UPDATE = 0x400;
export const OWN_KEYS = HAS_ADDITIONAL_KEYS + NEEDS_UPDATE;
const FNV_PRIME = 0x0100_0193;
const FIRST_SLOTS = 64;
/** Keys that are chosen to meet in one slot are kept in a map instead, whose hashes nobody can choose. */
const MAX_PROBES = 16;

/** FNV-1a, folded. */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  return hash ^ (hash >>> 15);
}

/** Place 0 is the empty string. */
export class Dictionary {
  readonly #keys = new ByteSink(1_024);
  #count = 1;
  /** By place: where the key's content begins and ends in `#keys`, and its hash. */
  #starts = new Uint32Array(FIRST_SLOTS);
  #ends = new Uint32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS);
  /** Places by hash; 0 is free. */
  #slots = new Uint32Array(FIRST_SLOTS * 2);
  readonly #crowded = new Map<string, number>();

  constructor() {
    this.#keys.varuint(0);
  }

  /** The place of the string that the cursor read last. */
  place(cursor: JsonCursor): number {
    const { source, from, to } = cursor;
    if (from === to) return 0;
    const hash = hashOf(source, from, to);
    const mask = this.#slots.length - 1;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      const slot = (hash + probe) & mask;
      const place = this.#slots[slot]!;
      if (place === 0) return this.#add(cursor, hash, slot);
      if (this.#hashes[place] === hash && this.#equals(place, source, from, to)) return place;
    }
    return this.#crowdedPlace(cursor);
  }

  #equals(place: number, source: Uint8Array, from: number, to: number): boolean {
    const start = this.#starts[place]!;
    if (this.#ends[place]! - start !== to - from) return false;
    const { bytes } = this.#keys;
    for (let at = from; at < to; at += 1) if (bytes[start + at - from] !== source[at]) return false;
    return true;
  }

  #add(cursor: JsonCursor, hash: number, slot: number): number {
    if (this.#crowded.size > 0) {
      const known = this.#crowded.get(cursor.text());
      if (known !== undefined) return known;
    }
    if (this.#count === this.#starts.length) return this.#grow(cursor);
    const place = this.#append(cursor);
    this.#ends[place] = this.#keys.length;
    this.#starts[place] = this.#keys.length - (cursor.to - cursor.from);
    this.#hashes[place] = hash;
    this.#slots[slot] = place;
    return place;
  }

  #append(cursor: JsonCursor): number {
    this.#keys.string(cursor);
    this.#count += 1;
    return this.#count - 1;
  }

  #crowdedPlace(cursor: JsonCursor): number {
    const text = cursor.text();
    const known = this.#crowded.get(text);
    if (known !== undefined) return known;
    if (this.#count === this.#starts.length) return this.#grow(cursor);
    const place = this.#append(cursor);
    this.#crowded.set(text, place);
    return place;
  }

  /** Twice the room, and then the place of the string that the cursor read last. */
  #grow(cursor: JsonCursor): number {
    const room = this.#starts.length * 2;
    this.#starts = copied(this.#starts, new Uint32Array(room));
    this.#ends = copied(this.#ends, new Uint32Array(room));
    this.#hashes = copied(this.#hashes, new Int32Array(room));
    this.#slots = new Uint32Array(room * 2);
    for (let place = 1; place < this.#count; place += 1) if (this.#ends[place] !== 0) this.#seat(place);
    return this.place(cursor);
  }

  #seat(place: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[place]! & mask;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      if (this.#slots[slot] === 0) {
        this.#slots[slot] = place;
        return;
      }
      slot = (slot + 1) & mask;
    }
    this.#crowded.set(this.#keys.bytes.toString("utf8", this.#starts[place], this.#ends[place]), place);
  }

  finish(sink: ByteSink, places: Uint32Array, rows: number): void {
    const keys = this.#count;
    const width = keys <= 256 ? 0 : keys <= 65_536 ? 1 : 2;
    sink.uint64(OWN_KEYS + width);
    sink.uint64(keys);
    sink.raw(this.#keys.bytes.subarray(0, this.#keys.length));
    sink.uint64(rows);
    const used = places.subarray(0, rows);
    if (width === 0) sink.raw(Uint8Array.from(used));
    else if (width === 1) sink.raw(new Uint8Array(Uint16Array.from(used).buffer));
    else sink.raw(new Uint8Array(used.buffer, used.byteOffset, rows * 4));
  }
}

function copied<Target extends Uint32Array | Int32Array>(from: Target, to: Target): Target {
  to.set(from);
  return to;
}
