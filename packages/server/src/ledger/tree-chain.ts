/**
 * The leaves of the epoch chain in one tree (leaf 0, EPOCH_LINKs and KEY_SUCCESSIONs), kept in clear beside the tiles
 * so that the chain is checked by who may not read the journal. The file is chain-file.ts's of @tallystick/verify.
 *
 * Guarantees: the leaves of every size are durable before the head of that size is swapped; the file is whole at any
 * moment, and may only hold more than was signed. Only leaves that the server made itself are ever in it. It is
 * derived: absent, damaged or of another size, it is made again at the start.
 * Left out: whether a link is missing (the chain itself says so to a verifier).
 */
import { strict as assert } from "node:assert";
import { decodeLeaf } from "@tallystick/record";
import { equalBytes, leafHash, TILE_WIDTH, tileWidth } from "@tallystick/tlog";
import type { TreeSize } from "@tallystick/tlog";
import { formatChain, isChainLeaf, parseChain } from "@tallystick/verify";
import type { ChainLeaf } from "@tallystick/verify";
import { entryLength, LENGTH_BYTES, standsAt } from "../journal/entries.ts";
import type { Journal, LeafRange } from "../journal/journal.ts";
import { READ_BYTES } from "./limits.ts";
import type { TreeFolder } from "./tree-folder.ts";

const HASH_BYTES = 32;
/** As canonical JSON writes them. */
const CHAIN_TEXTS = ['"event_type":"EPOCH_LINK"', '"event_type":"KEY_SUCCESSION"'];
/** What a leaf begins with that came from outside, but for the first letter of who took it in. */
const INTAKE_OPENING = Buffer.from('{"observed":{"intake":"', "latin1");
const OWN_INITIAL = "t".charCodeAt(0);

export class TreeChain {
  readonly #folder: TreeFolder;
  #leaves: ChainLeaf[] = [];
  /** What the file holds, as far as we wrote or read it. */
  #durable = 0;

  constructor(folder: TreeFolder) {
    this.#folder = folder;
  }

  /** Brings memory and file to exactly the leaves of the head's size; true when the file was made again. */
  async open(tree: string, size: TreeSize, journal: Journal): Promise<boolean> {
    if (size === 0) return false;
    const bytes = await this.#folder.readChain();
    const known = bytes === null ? null : await this.#believed(bytes, size);
    this.#leaves = [...(known ?? (await readChain(tree, size, journal)))];
    this.#durable = this.#leaves.length;
    if (this.#leaves.length === 0 || (bytes !== null && equalBytes(bytes, formatChain(this.#leaves)))) return false;
    await this.#folder.writeChain(formatChain(this.#leaves));
    return true;
  }

  /** Leaves that were taken into the tree, each range once and in order. */
  take(range: LeafRange): void {
    this.#leaves.push(...chainLeavesOf(range));
  }

  /** Durable when it returns. */
  async flush(): Promise<void> {
    if (this.#durable === this.#leaves.length) return;
    await this.#folder.writeChain(formatChain(this.#leaves));
    this.#durable = this.#leaves.length;
  }

  /** The file's bytes for a published size. */
  bytes(size: number): Uint8Array {
    return formatChain(this.#leaves.filter(({ index }) => index < size));
  }

  /** Null unless the file is well formed, has leaf 0 and hashes to the tiles. */
  async #believed(bytes: Uint8Array, size: TreeSize): Promise<readonly ChainLeaf[] | null> {
    const parsed = parseChain(bytes);
    if (parsed.kind === "refused" || parsed.value[0]?.index !== 0) return null;
    const leaves = parsed.value.filter(({ index }) => index < size).map(({ index, leaf }) => ({ index, leaf }));
    for (const leaf of leaves) if (!(await this.#isInTree(leaf, size))) return null;
    return leaves;
  }

  async #isInTree({ index, leaf }: ChainLeaf, size: TreeSize): Promise<boolean> {
    const n = Math.floor(index / TILE_WIDTH);
    const tile = await this.#folder.readTile({ level: 0, n, width: tileWidth(0, n, size) });
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    return tile !== null && equalBytes(tile.subarray(at, at + HASH_BYTES), leafHash(leaf));
  }
}

async function readChain(tree: string, size: number, journal: Journal): Promise<readonly ChainLeaf[]> {
  const leaves: ChainLeaf[] = [];
  for (let at = 0; at < size;) {
    const range = await journal.read(tree, at, READ_BYTES);
    assert(range !== null && range.firstIndex === at && range.count > 0, "the journal holds what the head vouches for");
    leaves.push(...chainLeavesOf(range).filter(({ index }) => index < size));
    at += range.count;
  }
  return leaves;
}

/** Copies, so that the range is not kept. Of almost all leaves their first bytes tell that they are none. */
export function chainLeavesOf({ firstIndex, count, entries }: LeafRange): readonly ChainLeaf[] {
  const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
  const found: ChainLeaf[] = [];
  for (let place = 0, at = 0; place < count; place += 1) {
    const [index, start] = [firstIndex + place, at + LENGTH_BYTES];
    at = start + entryLength(bytes, at);
    if (index > 0 && isFromOutside(bytes, start)) continue;
    const leaf = bytes.subarray(start, at);
    if (index > 0 && !CHAIN_TEXTS.some((text) => leaf.includes(text))) continue;
    if (isChainLeaf(index, decodeLeaf(leaf))) found.push({ index, leaf: new Uint8Array(leaf) });
  }
  return found;
}

/** False of every leaf that the server made itself (`"intake":"tallystick"`), and of some others. */
function isFromOutside(bytes: Buffer, start: number): boolean {
  return bytes[start + INTAKE_OPENING.length] !== OWN_INITIAL && standsAt(bytes, start, INTAKE_OPENING);
}
