/**
 * A tree's file `chain`: leaf 0 and the EPOCH_LINKs in clear. With the journal's contents at hand it must hold exactly
 * the leaves that lie there; without them each line must hash to the tile's leaf hash, and the epoch chain is checked
 * by what they say.
 *
 * A running or killed server may have written leaves that are not signed yet; it has never written too few.
 */
import { decodeLeaf } from "@tallystick/record";
import { equalBytes, leafHash } from "@tallystick/tlog";
import { isChainLeaf, parseChain } from "@tallystick/verify";
import type { ChainLeaf, DecodedChainLeaf } from "@tallystick/verify";
import type { Disk } from "../disk/disk.ts";
import type { TreeFaults } from "./faults.ts";
import { levelZeroHash } from "./tree-leaves.ts";

export interface ChainFileOptions {
  readonly disk: Disk;
  /** `ledger/<log>/<epoch>` of the data folder. */
  readonly folder: string;
  readonly published: number;
  readonly journaled: number;
  /** What the journal holds of the chain and of the log's life; null when it could not be read whole. */
  readonly journalLeaves: readonly ChainLeaf[] | null;
  readonly isStopped: boolean;
  readonly faults: TreeFaults;
}

/** The chain leaves of the published size that are the tree's; null when the file does not tell. */
export async function checkChainFile(options: ChainFileOptions): Promise<readonly ChainLeaf[] | null> {
  const { disk, folder, published, faults } = options;
  const file = `${folder}/chain`;
  const bytes = await disk.readFile(file);
  if (bytes === null) {
    if (published > 0) faults.add("chain_missing", "the leaves of the epoch chain are not kept in clear", { file });
    return null;
  }
  const parsed = parseChain(bytes);
  if (parsed.kind === "refused") {
    faults.add("chain_malformed", parsed.reason, { file });
    return null;
  }
  const check = new ChainFileCheck(options, file, parsed.value);
  return options.journalLeaves === null ? check.againstTiles() : check.againstJournal(options.journalLeaves);
}

/** What the file must hold of the leaves that a journal has. */
export function chainLeavesBelow(size: number, leaves: readonly ChainLeaf[]): readonly ChainLeaf[] {
  return leaves.filter(({ index, leaf }) => index < size && isChainLeaf(index, decodeLeaf(leaf)));
}

class ChainFileCheck {
  readonly #options: ChainFileOptions;
  readonly #file: string;
  readonly #lines: readonly DecodedChainLeaf[];

  constructor(options: ChainFileOptions, file: string, lines: readonly DecodedChainLeaf[]) {
    this.#options = options;
    this.#file = file;
    this.#lines = lines;
  }

  againstJournal(leaves: readonly ChainLeaf[]): readonly ChainLeaf[] {
    const { journaled, published } = this.#options;
    const right = new Map(chainLeavesBelow(journaled, leaves).map(({ index, leaf }) => [index, leaf]));
    for (const line of this.#lines) {
      const leaf = right.get(line.index);
      if (leaf === undefined) this.#extra(line, journaled);
      else if (!equalBytes(leaf, line.leaf)) this.#fault("the leaf is not the one that the journal has", line);
    }
    for (const index of right.keys()) if (index < published) this.#require(index);
    return this.#below(published);
  }

  async againstTiles(): Promise<readonly ChainLeaf[]> {
    const { disk, folder, published } = this.#options;
    const good: ChainLeaf[] = [];
    for (const line of this.#lines) {
      if (line.index >= published) {
        this.#extra(line, published);
        continue;
      }
      const hash = await levelZeroHash(disk, folder, line.index);
      if (hash !== null && equalBytes(hash, leafHash(line.leaf))) good.push(line);
      else this.#fault("the leaf does not hash to the tile's leaf hash", line);
    }
    if (published > 0) this.#require(0);
    return good;
  }

  /** A line of which nobody knows the leaf. */
  #extra(line: DecodedChainLeaf, known: number): void {
    if (this.#options.isStopped || line.index < known)
      this.#fault("the tree has no such leaf of the epoch chain", line);
  }

  #require(index: number): void {
    if (this.#lines.some((line) => line.index === index)) return;
    const message = `leaf ${index} of the epoch chain is missing`;
    this.#options.faults.add("chain_mismatch", message, { file: this.#file, index });
  }

  #fault(message: string, { offset, index }: DecodedChainLeaf): void {
    this.#options.faults.add("chain_mismatch", message, { file: this.#file, offset, index });
  }

  #below(size: number): readonly ChainLeaf[] {
    return this.#lines.filter(({ index }) => index < size);
  }
}
