/**
 * Recent and lately read leaves in memory, so that followers read what was just written without touching the disk.
 * Bounded in bytes.
 */
import { GivenUp } from "../compute/memory.ts";
import { LENGTH_BYTES, entryLength, skipEntries } from "./entries.ts";
import type { LeafBlock } from "./entries.ts";
import type { LeafRange } from "./journal.ts";
import { HASH_BYTES } from "./segment.ts";

/** The newest groups of each tree, contiguous up to its end. The oldest group of all goes first. */
export class TailCache {
  readonly #limitBytes: number;
  readonly #trees = new Map<string, LeafBlock[]>();
  readonly #order: string[] = [];
  readonly #givenUp = new GivenUp();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  add(tree: string, block: LeafBlock): void {
    const blocks = this.#trees.get(tree) ?? [];
    this.#trees.set(tree, blocks);
    blocks.push(block);
    this.#order.push(tree);
    this.#bytes += sizeOf(block);
    while (this.#bytes > this.#limitBytes && this.#order.length > 1) this.#dropOldest();
  }

  /** The block that holds `index`; null when it is not kept any more. */
  find(tree: string, index: number): LeafBlock | null {
    const blocks = this.#trees.get(tree) ?? [];
    return blocks[placeOf(blocks, index)] ?? null;
  }

  /** Of a tree that is no more. */
  forget(tree: string): void {
    for (const block of this.#trees.get(tree) ?? []) this.#bytes -= sizeOf(block);
    this.#trees.delete(tree);
    this.#order.splice(0, this.#order.length, ...this.#order.filter((other) => other !== tree));
  }

  #dropOldest(): void {
    const tree = this.#order.shift()!;
    const blocks = this.#trees.get(tree)!;
    const bytes = sizeOf(blocks.shift()!);
    this.#bytes -= bytes;
    this.#givenUp.add(bytes);
    if (blocks.length === 0) this.#trees.delete(tree);
  }
}

/** Blocks opened from files, the last used kept longest. */
export class OpenedCache {
  readonly #limitBytes: number;
  #blocks: { readonly tree: string; readonly block: LeafBlock }[] = [];
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  add(tree: string, block: LeafBlock): void {
    this.#blocks.push({ tree, block });
    this.#bytes += sizeOf(block);
    while (this.#bytes > this.#limitBytes && this.#blocks.length > 1)
      this.#bytes -= sizeOf(this.#blocks.shift()!.block);
  }

  forget(tree: string): void {
    const gone = this.#blocks.filter((kept) => kept.tree === tree);
    for (const { block } of gone) this.#bytes -= sizeOf(block);
    this.#blocks = this.#blocks.filter((kept) => kept.tree !== tree);
  }

  find(tree: string, index: number): LeafBlock | null {
    const place = this.#blocks.findLastIndex((kept) => kept.tree === tree && holds(kept.block, index));
    if (place < 0) return null;
    const [kept] = this.#blocks.splice(place, 1);
    this.#blocks.push(kept!);
    return kept!.block;
  }
}

/**
 * The leaves from `from` on that lie in the block: views of the kept bytes. At least one leaf, else no more than
 * `maxBytes` of entries.
 */
export function cutRange(tree: string, block: LeafBlock, from: number, maxBytes: number): LeafRange {
  const skipped = from - block.firstIndex;
  const start = skipEntries(block.entries, skipped);
  const { taken, end } = fitting(block, start, block.count - skipped, maxBytes);
  const hashes = block.hashes.subarray(skipped * HASH_BYTES, (skipped + taken) * HASH_BYTES);
  return { tree, firstIndex: from, count: taken, entries: block.entries.subarray(start, end), hashes };
}

function fitting(block: LeafBlock, start: number, available: number, maxBytes: number) {
  if (block.entries.length - start <= maxBytes) return { taken: available, end: block.entries.length };
  let taken = 0;
  let end = start;
  while (taken < available) {
    const next = end + LENGTH_BYTES + entryLength(block.entries, end);
    if (next - start > maxBytes && taken > 0) break;
    end = next;
    taken += 1;
  }
  return { taken, end };
}

/** The last block that begins at or before `index`; -1 when it does not hold it. */
function placeOf(blocks: readonly LeafBlock[], index: number): number {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (blocks[middle]!.firstIndex <= index) low = middle + 1;
    else high = middle;
  }
  return low > 0 && holds(blocks[low - 1]!, index) ? low - 1 : -1;
}

function holds(block: LeafBlock, index: number): boolean {
  return block.firstIndex <= index && index < block.firstIndex + block.count;
}

function sizeOf(block: LeafBlock): number {
  return block.entries.length + block.hashes.length;
}
