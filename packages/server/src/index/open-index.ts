/** Puts the parts together: home, table, follower, reader. */
import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import type { Journal } from "../journal/journal.ts";
import { indexReader } from "./client.ts";
import type { AskedQueries } from "./client.ts";
import { engineDeriver } from "./derived-tables.ts";
import type { Deriver } from "./derived-tables.ts";
import { DISK_POLICY } from "./engine/engine-config.ts";
import { superviseEngine } from "./engine/supervisor.ts";
import type { EngineAddress, Supervisor } from "./engine/supervisor.ts";
import { JournalFollower } from "./follower.ts";
import { embeddedHome, externalHome } from "./home.ts";
import type { Home } from "./home.ts";
import type { IndexFollower, IndexReader } from "./index-seam.ts";
import { ASKED_DERIVER_NICE, ASKED_MS, DERIVER_NICE, TALLY_NICE } from "./limits.ts";

export interface EmbeddedOptions {
  /** The index's own folder; all in it is derived. */
  readonly folder: string;
  readonly memoryBytes: number;
  /** 32 bytes (keyring name `index`). */
  readonly diskKey: Uint8Array;
  /** The environment that the engine process gets. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface IndexOptions {
  /** An own engine, or a server that is already there. */
  readonly home:
    | { readonly kind: "embedded"; readonly engine: EmbeddedOptions }
    | { readonly kind: "external"; readonly address: EngineAddress };
  readonly journal: Journal;
  readonly compute: Compute;
  readonly clock: Clock;
  /** Whether the index is to hold the tree; all when absent. */
  readonly holdsTree?: (tree: string) => boolean;
  readonly onTrouble: (message: string) => void;
}

export interface Index {
  readonly reader: IndexReader;
  /** For followers that only read: nobody waits for their answers. */
  readonly background: IndexReader;
  /** For what keeps up with the inserts and only reads: it waits behind no other query of followers. */
  readonly prompt: IndexReader;
  /** What is asked of `reader` at the moment, and how often nobody waited to the end. */
  readonly queries: Readonly<AskedQueries>;
  readonly follower: IndexFollower;
  /** For the tally, which derives other tables from `records`. Its statements run one after another. */
  readonly deriver: Deriver;
  /** For another follower that does so, by its name; it waits for nobody else's statements. */
  deriverOf(follower: string): Deriver;
  /** Leaves that are journaled and not yet searchable. */
  lagRecords(): number;
  /** Drops the table and builds it again; resolves when it holds what was journaled at the call. */
  reindex(timeoutMs: number): Promise<void>;
  /** Deletes the rows of trees that the journal has forgotten or that `holdsTree` says no to; resolves when done. */
  prune(): Promise<void>;
  /** Makes the rows of single leaves again from the journal; resolves when the rows of before are gone. */
  replaceLeaves(tree: string, indexes: readonly number[]): Promise<void>;
  /** The engine's process id; null when there is none of ours. */
  enginePid(): number | null;
  /** Where our own engine answers; null when there is none. */
  engineAddress(): EngineAddress | null;
  /** Why the index cannot be asked, for an operator; null where nothing is known. */
  trouble(): string | null;
  /** Ends the follower and the engine; returns when both have ended. */
  close(): Promise<void>;
}

const EMBEDDED_DATABASE = "tallystick";

export function openIndex(options: IndexOptions): Index {
  const { clock, onTrouble } = options;
  const chosen = options.home;
  let supervisor: Supervisor | null = null;
  let home: Home;
  if (chosen.kind === "embedded") {
    supervisor = superviseEngine({ ...chosen.engine, database: EMBEDDED_DATABASE, clock, onTrouble });
    home = embeddedHome(supervisor, EMBEDDED_DATABASE, { storage_policy: `'${DISK_POLICY}'` });
  } else {
    home = externalHome({ address: chosen.address, clock, onTrouble });
  }
  const { journal, compute, holdsTree } = options;
  const limits = holdsTree === undefined ? {} : { holdsTree };
  const follower = new JournalFollower({ journal, home, compute, clock, onTrouble, ...limits });
  let askedMs = Number.NEGATIVE_INFINITY;
  const onAsked = (): void => void (askedMs = clock.monotonicMs());
  const queries: AskedQueries = { underWay: 0, stopped: 0 };
  const isAsked = (): boolean => clock.monotonicMs() - askedMs < ASKED_MS;
  const pressed = (): boolean => follower.pressed();
  const steppingBack = (nice: number) => () => (isAsked() ? ASKED_DERIVER_NICE : nice);
  const deriver = (name: string, nice: number) => engineDeriver({ home, name, nice: steppingBack(nice) });
  return {
    reader: indexReader({ home, pressed, onAsked, queries }),
    queries,
    background: indexReader({ home, pressed }),
    prompt: indexReader({ home, pressed, nice: steppingBack(DERIVER_NICE) }),
    follower,
    deriver: deriver("tally", TALLY_NICE),
    deriverOf: (follower) => deriver(follower, DERIVER_NICE),
    lagRecords: () => follower.lagRecords(),
    reindex: (timeoutMs) => follower.reindex(timeoutMs),
    prune: () => follower.prune(),
    replaceLeaves: (tree, indexes) => follower.replaceLeaves(tree, indexes),
    enginePid: () => supervisor?.pid() ?? null,
    engineAddress: () => supervisor?.address() ?? null,
    trouble: () => home.trouble(),
    async close() {
      await follower.close();
      await home.close();
    },
  };
}
