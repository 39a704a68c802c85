import { leafHash, nodeHash } from "./hashing.ts";

/**
 * RFC 6962 §2.1 word for word, by recursion, over any number of leaves: what tiles, frontier and proofs are compared
 * with. Leaves repeat every 256 but for some given ones, and hashes of full subtrees are remembered, so that a tree
 * of 2^53 leaves costs no more than one of a few thousand.
 */
export class NaiveTree {
  readonly #special: readonly number[];
  readonly #known = new Map<string, Uint8Array>();

  constructor(special: readonly number[] = []) {
    this.#special = special;
  }

  leaf(index: number): Uint8Array {
    const text = this.#special.includes(index) ? `special leaf ${index}` : `leaf ${index % 256}`;
    return leafHash(new TextEncoder().encode(text));
  }

  /** MTH(D[start … end)) for a subtree. */
  root(start: number, end: number): Uint8Array {
    const count = end - start;
    if (count === 1) return this.leaf(start);
    const split = largestPowerBelow(count);
    if (split * 2 !== count) return nodeHash(this.root(start, start + split), this.root(start + split, end));
    const key = `${count}/${this.#hasSpecial(start, end) || count < 256 ? start : "any"}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const hash = nodeHash(this.root(start, start + split), this.root(start + split, end));
    this.#known.set(key, hash);
    return hash;
  }

  /** PATH(m, D[n]). */
  path(index: number, start: number, end: number): readonly Uint8Array[] {
    if (end - start === 1) return [];
    const middle = start + largestPowerBelow(end - start);
    return index < middle
      ? [...this.path(index, start, middle), this.root(middle, end)]
      : [...this.path(index, middle, end), this.root(start, middle)];
  }

  /** SUBPROOF(m, D[n], b). */
  consistency(oldSize: number, start: number, end: number, whole = true): readonly Uint8Array[] {
    if (oldSize === end) return whole ? [] : [this.root(start, end)];
    const middle = start + largestPowerBelow(end - start);
    return oldSize <= middle
      ? [...this.consistency(oldSize, start, middle, whole), this.root(middle, end)]
      : [...this.consistency(oldSize, middle, end, false), this.root(start, middle)];
  }

  /** A tile, hash by hash, as tlog-tiles defines it. */
  readTile(level: number, n: number, width: number): Promise<Uint8Array> {
    const tile = new Uint8Array(width * 32);
    const span = 256 ** level;
    for (let i = 0; i < width; i++) tile.set(this.root((n * 256 + i) * span, (n * 256 + i + 1) * span), i * 32);
    return Promise.resolve(tile);
  }

  /** Leaf hashes [start … end), concatenated. */
  leaves(start: number, end: number): Uint8Array {
    const hashes = new Uint8Array((end - start) * 32);
    for (let index = start; index < end; index++) hashes.set(this.leaf(index), (index - start) * 32);
    return hashes;
  }

  #hasSpecial(start: number, end: number): boolean {
    return this.#special.some((index) => index >= start && index < end);
  }
}

function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
