/** A data folder of ten-second epochs with a clean-up beside it, on a disk that fails where a test says. */
import { bulkOver } from "../disk/bulk-disk.ts";
import { FolderBench, DATA, PLACES } from "../fsck/folder-bench.contract.ts";
import { settle } from "../ledger/ledger-bench.contract.ts";
import { CleanUp } from "./clean-up.ts";
import type { CleanUpParts } from "./clean-up.ts";
import { IndexKeep } from "./index-keep.ts";
import type { Retention } from "./retention.ts";
import { FactReader } from "./tree-facts.ts";

const POLICY = { kind: "duration", seconds: 10 } as const;
export const KEEP: Retention = {
  keep: { count: 20, unit: "seconds" },
  maximum: null,
  indexKeep: { count: 5, unit: "seconds" },
  preset: null,
};

export class RetentionBench {
  readonly folder: FolderBench;
  readonly deleted: string[] = [];
  readonly troubles: string[] = [];
  /** Trees that were taken out of the derived tables. */
  readonly forgotten: string[] = [];
  /** Trees that somebody wants back in the index, and until when. */
  readonly wanted = new Map<string, number>();
  retention: Retention = KEEP;
  holds: CleanUpParts["holdsOn"] = async () => [];
  hasSnapshot: CleanUpParts["hasSnapshot"] = async () => true;
  #cleanUp: CleanUp | null = null;
  #indexKeep: IndexKeep | null = null;

  constructor(folder = new FolderBench({ epoch: POLICY, journal: { segmentBytes: 700 } })) {
    this.folder = folder;
  }

  get cleanUp(): CleanUp {
    if (this.#cleanUp === null) throw new Error("the folder is open");
    return this.#cleanUp;
  }

  get indexKeep(): IndexKeep {
    if (this.#indexKeep === null) throw new Error("the folder is open");
    return this.#indexKeep;
  }

  async start(): Promise<void> {
    await this.folder.start();
    const { journal, ledger, clock, faults: disk } = this.folder;
    const facts = new FactReader({ journal, disk, journalFolder: PLACES.journal, deletedFolder: `${DATA}/deleted` });
    const logs = { retentionOf: () => this.retention, policyOf: () => POLICY };
    this.#indexKeep = new IndexKeep({ facts, clock, ...logs, wantedUntilUs: (tree) => this.wanted.get(tree) ?? null });
    this.#cleanUp = new CleanUp({
      disk,
      bulk: bulkOver(disk),
      clock,
      places: PLACES,
      keyring: this.folder.keys,
      deletedFolder: `${DATA}/deleted`,
      journal,
      ledger,
      facts,
      indexKeep: this.#indexKeep,
      ...logs,
      refreshRetention: async () => {},
      forgetPayloads: async () => {},
      prune: async () => {},
      forgetDerived: async ({ tree }) => void this.forgotten.push(tree),
      holdsOn: (tree) => this.holds(tree),
      hasSnapshot: (tree, log) => this.hasSnapshot(tree, log),
      intervalMs: 3_600_000,
      bytesPerSecond: 1_000,
      onDeleted: ({ tree }) => void this.deleted.push(tree),
      onTrouble: (message) => void this.troubles.push(message),
    });
  }

  /** A pass, with the clock going on as long as it takes. */
  async pass(): Promise<void> {
    const turns = { left: 3_000 };
    const pass = this.cleanUp.run().finally(() => void (turns.left = 0));
    for (; turns.left > 0; turns.left -= 1) {
      await settle();
      this.folder.clock.advance(100);
    }
    await pass;
  }

  /** `count` epochs of a log, each with a few records, published. */
  async epochs(count: number, log = "default"): Promise<void> {
    for (let epoch = 0; epoch < count; epoch += 1) {
      await this.folder.offer(log, 5);
      await this.folder.publish();
      this.folder.clock.advance(10_000);
    }
  }

  trees(): readonly string[] {
    return this.folder.journal.trees().map(({ tree }) => tree);
  }

  async stop(): Promise<void> {
    await this.cleanUp.close();
    await this.folder.stop();
  }

  /** Paths of what is left of the tree. */
  left(tree: string): readonly string[] {
    const names = [`/${tree}/`, `/${tree}.note`, `/epoch.${tree.replace("/", ".")}.json`];
    return [...this.folder.disk.files().keys()].filter((path) => names.some((name) => path.includes(name)));
  }
}
