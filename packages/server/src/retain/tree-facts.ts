/** What is to be known of a tree before anybody decides about it. What does not change any more is read once. */
import { strict as assert } from "node:assert";
import { decodeLeaf, timestampUs } from "@tallystick/record";
import type { Leaf } from "@tallystick/record";
import { linkOf, parseChain } from "@tallystick/verify";
import type { Deletion } from "@tallystick/verify";
import type { Disk } from "../disk/disk.ts";
import { leafAt } from "../journal/entries.ts";
import type { Journal, TreePosition } from "../journal/journal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { deletionOf, scanDeleted } from "./deleted-folder.ts";
import { EDGE_READ_BYTES } from "./limits.ts";
import type { TreeFacts } from "./plan.ts";

export interface FactParts {
  readonly journal: Journal;
  readonly disk: Disk;
  /** `<data folder>/journal` */
  readonly journalFolder: string;
  /** `<data folder>/deleted` */
  readonly deletedFolder: string;
}

/** What is known without the ledger. */
export type JournaledFacts = Omit<TreeFacts, "isLinked">;
type Fixed = Omit<JournaledFacts, keyof TreePosition>;

export class FactReader {
  readonly #parts: FactParts;
  readonly #closed = new Map<string, Fixed>();

  constructor(parts: FactParts) {
    this.#parts = parts;
  }

  /** Every tree that has leaves, as the journal lists them. */
  async journaled(): Promise<readonly JournaledFacts[]> {
    const facts: JournaledFacts[] = [];
    for (const position of this.#parts.journal.trees())
      if (position.size > 0) facts.push({ ...position, ...(await this.#fixed(position)) });
    return facts;
  }

  /** The same, with what the ledger says of them. */
  async facts(ledger: Ledger): Promise<readonly TreeFacts[]> {
    const facts = await this.journaled();
    const linked = await linkedTrees(facts, ledger, await this.#deletions());
    return facts.map((one) => ({ ...one, isLinked: linked.has(one.tree) }));
  }

  async #deletions(): Promise<readonly Deletion[]> {
    const { disk, deletedFolder } = this.#parts;
    const { deleted } = await scanDeleted(disk, deletedFolder);
    const found = await Promise.all(deleted.map(({ tree }) => deletionOf(disk, deletedFolder, tree)));
    return found.filter((deletion) => deletion !== null);
  }

  async #fixed(position: TreePosition): Promise<Fixed> {
    const { tree, size, closed } = position;
    const known = this.#closed.get(tree);
    if (known !== undefined) return known;
    const fixed = {
      firstReceivedUs: await this.#receivedUs(tree, 0),
      lastReceivedUs: await this.#receivedUs(tree, size - 1),
      bytes: await this.#bytes(tree),
    };
    if (closed) this.#closed.set(tree, fixed);
    return fixed;
  }

  async #receivedUs(tree: string, index: number): Promise<number> {
    const range = await this.#parts.journal.read(tree, index, EDGE_READ_BYTES);
    assert(range !== null && range.firstIndex === index, "the journal holds what it lists");
    return timestampUs(decodeLeaf(leafAt(range.entries, 0)).observed.received_at);
  }

  async #bytes(tree: string): Promise<number> {
    const { disk, journalFolder } = this.#parts;
    const folder = `${journalFolder}/${tree}`;
    const sizes = await Promise.all((await disk.list(folder)).map((name) => disk.size(`${folder}/${name}`)));
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  }
}

/**
 * Trees whose final checkpoint stands in a newer tree, below that one's published size. What stays of a deleted tree
 * holds its links, so one that stands there still counts.
 */
async function linkedTrees(
  trees: readonly TreePosition[],
  ledger: Ledger,
  deletions: readonly Deletion[],
): Promise<ReadonlySet<string>> {
  const linked = new Set<string>();
  const look = async (index: number, { record, observed }: Leaf): Promise<void> => {
    const link = linkOf(record, observed, index);
    const note = link === null ? null : await ledger.checkpoint(link.closedTree);
    if (link !== null && note !== null && Buffer.from(note).toString("utf8") === link.checkpoint)
      linked.add(link.closedTree);
  };
  for (const { tree } of trees) {
    const bytes = await ledger.chain(tree);
    const parsed = bytes === null ? null : parseChain(bytes);
    if (parsed?.kind === "ok") for (const { index, decoded } of parsed.value) await look(index, decoded);
  }
  for (const { chain } of deletions)
    for (const { leaf } of chain.slice(1)) await look(1, decodeLeaf(Buffer.from(leaf)));
  return linked;
}
