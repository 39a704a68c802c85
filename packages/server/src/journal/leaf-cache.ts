/**
 * Recent and lately read leaves in memory, so that followers read what was just written without touching the disk.
 * Bounded in bytes.
 */
import { LENGTH_BYTES, entryLength, skipEntries } from "./entries.ts";
import type { LeafBlock } from "./entries.ts";
import type { LeafRange } from "./journal.ts";
import { HASH_BYTES } from "./segment.ts";

/** The newest groups of each tree, contiguous up to its end. The oldest group of all goes first. */
export class TailCache {
  readonly #limitBytes: number;
  readonly #trees = new Map<string, LeafBlock[]>();
  readonly #order: string[] = [];
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

  /**
   * Contiguous blocks from the one that holds `index`, until they have `maxBytes`; empty when it is not kept any more.
   */
  from(tree: string, index: number, maxBytes: number): readonly LeafBlock[] {
    const blocks = this.#trees.get(tree) ?? [];
    const first = placeOf(blocks, index);
    const found: LeafBlock[] = [];
    let bytes = 0;
    for (let place = first; place >= 0 && place < blocks.length && bytes < maxBytes; place++) {
      found.push(blocks[place]!);
      bytes += blocks[place]!.entries.length;
    }
    return found;
  }

  #dropOldest(): void {
    const tree = this.#order.shift()!;
    const blocks = this.#trees.get(tree)!;
    this.#bytes -= sizeOf(blocks.shift()!);
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

  find(tree: string, index: number): LeafBlock | null {
    const place = this.#blocks.findLastIndex((kept) => kept.tree === tree && holds(kept.block, index));
    if (place < 0) return null;
    const [kept] = this.#blocks.splice(place, 1);
    this.#blocks.push(kept!);
    return kept!.block;
  }
}

/**
 * Copies leaves from `from` on out of contiguous blocks; at least one leaf, else no more than `maxBytes` of entries.
 */
export function cutRange(tree: string, blocks: readonly LeafBlock[], from: number, maxBytes: number): LeafRange {
  const entries: Uint8Array[] = [];
  const hashes: Uint8Array[] = [];
  let count = 0;
  let bytes = 0;
  for (const block of blocks) {
    const skipped = Math.max(0, from - block.firstIndex);
    const start = skipEntries(block.entries, skipped);
    const left = maxBytes - bytes;
    const { taken, end } = fitting(block, start, block.count - skipped, left, count === 0);
    entries.push(block.entries.subarray(start, end));
    hashes.push(block.hashes.subarray(skipped * HASH_BYTES, (skipped + taken) * HASH_BYTES));
    count += taken;
    bytes += end - start;
    if (skipped + taken < block.count) break;
  }
  return { tree, firstIndex: from, count, entries: copied(entries), hashes: copied(hashes) };
}

function fitting(block: LeafBlock, start: number, available: number, maxBytes: number, needsOne: boolean) {
  if (block.entries.length - start <= maxBytes) return { taken: available, end: block.entries.length };
  let taken = 0;
  let end = start;
  while (taken < available) {
    const next = end + LENGTH_BYTES + entryLength(block.entries, end);
    if (next - start > maxBytes && !(needsOne && taken === 0)) break;
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

function copied(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
