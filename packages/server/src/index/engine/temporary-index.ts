/**
 * An index over a real engine in a temporary folder, fed with leaves directly: for the tests of whoever reads the
 * index.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observed, AuditRecord } from "@tallystick/record";
import { encodeLeaf } from "@tallystick/record";
import { inlineCompute } from "../../compute/inline.ts";
import type { Journal, LeafRange, TreePosition } from "../../journal/journal.ts";
import { realClock } from "../../real-clock.ts";
import { ENGINE_MEMORY_BYTES } from "../limits.ts";
import { openIndex } from "../open-index.ts";
import type { Index } from "../open-index.ts";
import { FEED_NEWEST } from "../schema/newest.ts";

interface Tree {
  readonly leaves: Uint8Array[];
  readonly hashes: Uint8Array[];
}

/** The reading half of a journal, in memory, holding whatever leaves it is given. */
export class LeafJournal implements Pick<Journal, "trees" | "read" | "onJournaled" | "receivedBeforeUs"> {
  private readonly byName = new Map<string, Tree>();
  private readonly listeners = new Set<(tree: string, size: number) => void>();
  /** Microseconds. */
  receivedBefore = 0;

  add(tree: string, leaves: readonly Uint8Array[]): void {
    const entry = this.byName.get(tree) ?? { leaves: [], hashes: [] };
    this.byName.set(tree, entry);
    for (const leaf of leaves) {
      entry.leaves.push(leaf);
      entry.hashes.push(createHash("sha256").update(Uint8Array.of(0)).update(leaf).digest());
    }
    for (const listener of this.listeners) listener(tree, entry.leaves.length);
  }

  /** Other bytes in the place of a leaf, whose hash stays, as an erasure leaves them. */
  overwrite(tree: string, index: number, leaf: Uint8Array): void {
    this.byName.get(tree)!.leaves[index] = leaf;
  }

  /** As a tree that retention deleted. */
  forget(tree: string): void {
    this.byName.delete(tree);
  }

  trees(): readonly TreePosition[] {
    return [...this.byName].map(([tree, { leaves }]) => {
      const [log, epoch] = tree.split("/") as [string, string];
      return { tree, log, epoch, size: leaves.length, closed: false };
    });
  }

  /** Leaves come with their time of receipt, so a test says how far time has come. */
  receivedBeforeUs(): number {
    return this.receivedBefore;
  }

  async read(tree: string, from: number, maxBytes: number): Promise<LeafRange | null> {
    const entry = this.byName.get(tree);
    if (entry === undefined || from >= entry.leaves.length) return null;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    for (; from + count < entry.leaves.length; count += 1) {
      const leaf = entry.leaves[from + count]!;
      if (count > 0 && bytes + leaf.length + 2 > maxBytes) break;
      parts.push(Uint8Array.of(leaf.length >> 8, leaf.length & 255), leaf);
      bytes += leaf.length + 2;
    }
    const hashes = Buffer.concat(entry.hashes.slice(from, from + count));
    return { tree, firstIndex: from, count, entries: Buffer.concat(parts), hashes };
  }

  onJournaled(listener: (tree: string, size: number) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The journal's other half is never called by the index. */
export function asJournal(leaves: LeafJournal): Journal {
  const refused = async (): Promise<never> => {
    throw new Error("this journal only reads");
  };
  return {
    trees: () => leaves.trees(),
    read: (tree, from, maxBytes) => leaves.read(tree, from, maxBytes),
    receivedBeforeUs: () => leaves.receivedBeforeUs(),
    onJournaled: (listener) => leaves.onJournaled(listener),
    append: refused,
    appendOwn: refused,
    async close() {},
  };
}

export interface TemporaryIndex {
  readonly index: Index;
  readonly journal: LeafJournal;
  readonly folder: string;
  /** Troubles that were reported, oldest first. */
  readonly troubles: readonly string[];
  /** Adds records to a tree and waits until they are searchable. */
  add(tree: string, records: readonly { readonly record: AuditRecord; readonly observed: Observed }[]): Promise<void>;
  /** Keeps what is added from now on among the newest records too, however little it is. */
  keepNewest(): Promise<void>;
  /** Ends the engine and removes the folder. */
  close(): Promise<void>;
}

const CATCH_UP_MS = 50_000;
export const TEST_DISK_KEY = createHash("sha256").update("a test's disk key").digest();

export async function openTemporaryIndex(): Promise<TemporaryIndex> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-index-"));
  const journal = new LeafJournal();
  const troubles: string[] = [];
  const index = openIndexIn(folder, journal, (message) => troubles.push(message));
  await index.follower.caughtUp(CATCH_UP_MS);
  return {
    index,
    journal,
    folder,
    troubles,
    async add(tree, records) {
      journal.add(
        tree,
        records.map(({ record, observed }) => encodeLeaf(observed, record)),
      );
      await index.follower.caughtUp(CATCH_UP_MS);
    },
    keepNewest: () =>
      index.deriver.derive({ sql: FEED_NEWEST, params: {} }, { timeoutMs: CATCH_UP_MS, maxMemoryBytes: 0 }),
    async close() {
      await index.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** An index over an engine in `folder`, which stays; opening it again finds what it held. */
export function openIndexIn(folder: string, journal: LeafJournal, onTrouble: (message: string) => void): Index {
  return openIndex({
    home: {
      kind: "embedded",
      engine: {
        folder,
        memoryBytes: ENGINE_MEMORY_BYTES,
        diskKey: TEST_DISK_KEY,
        environment: process.env,
      },
    },
    journal: asJournal(journal),
    compute: inlineCompute(),
    clock: realClock(),
    onTrouble,
  });
}
