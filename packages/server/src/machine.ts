import type { Logger } from "pino";

import type { ScryptCost } from "./access/passwords.ts";
import type { Clock } from "./clock.ts";
import type { Compute } from "./compute/compute.ts";
import type { BulkDisk } from "./disk/bulk-disk.ts";
import type { Disk } from "./disk/disk.ts";
import type { Processes } from "./disk/folder-lock.ts";
import type { DayCount } from "./index/day-counts.ts";
import type { Index } from "./index/open-index.ts";
import type { Journal } from "./journal/journal.ts";
import type { Config } from "./config/schema.ts";
import type { Keyring } from "./kms/kms.ts";

/** What a server stands on: everything that a test may want to replace. */
export interface Machine {
  readonly disk: Disk;
  readonly bulk: BulkDisk;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly processes: Processes;
  readonly openCompute: () => Compute;
  /** Seconds that workers spent in tasks, by task. */
  readonly taskSeconds: () => ReadonlyMap<string, number>;
  readonly pid: number;
  readonly host: string;
  readonly version: string;
  /** The built dashboard; a folder that is absent means none. */
  readonly dashboardFolder: string;
  /** Our own rules, as they are shipped. */
  readonly rulesFolder: string;
  /** Our own pipelines of rules. */
  readonly pipelinesFolder: string;
  readonly openIndex: (request: IndexRequest) => Promise<Index>;
  /** What an index that nobody has open holds, as it was left. */
  readonly countIndex: (request: IndexPlace) => Promise<readonly DayCount[] | null>;
  /** The way to other servers: issuers' keys. */
  readonly fetch: typeof globalThis.fetch;
  /** What a password costs to check; absent: what it should. */
  readonly passwordCost?: ScryptCost | undefined;
  readonly openLog: (level: string) => Logger;
}

/** Where an index is, and what opens it. */
export interface IndexPlace {
  /** Its own folder; all in it is derived. */
  readonly folder: string;
  readonly config: Config;
  /** Where the configuration's relative paths start. */
  readonly base: string;
  readonly keyring: Keyring;
}

export interface IndexRequest extends IndexPlace {
  readonly journal: Journal;
  readonly compute: Compute;
  readonly clock: Clock;
  readonly log: Logger;
  readonly holdsTree: (tree: string) => boolean;
}
