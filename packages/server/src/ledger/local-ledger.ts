/**
 * The ledger follower: takes what is journaled into the trees and publishes checkpoints.
 *
 * Guarantees: everything journaled is integrated and published in the end, in the order of writes of
 * tree-follower.ts; nothing is published that a start would not accept. It may be late, never lossy: an operating error
 * (disk full, head store away) is retried with growing pauses, and readers go on with what is published. A fatal
 * error (rollback, mismatch, broken invariant) stops it and is reported once; the process must stop.
 * Invariant: at most one cycle runs at a time; only the cycle changes a follower.
 */
import { join } from "node:path";
import { verifierKey } from "@tallystick/tlog";
import { proofExtra } from "@tallystick/verify";
import type { Clock } from "../clock.ts";
import type { BulkDisk } from "../disk/bulk-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import type { Journal, TreePosition } from "../journal/journal.ts";
import { EpochGate } from "./epoch-gate.ts";
import { TREE_NAME } from "./head-store.ts";
import type { HeadStore } from "./head-store.ts";
import type { Ledger, LedgerPosition } from "./ledger.ts";
import {
  INTEGRATE_INTERVAL_MS,
  MAX_CACHED_TILES,
  MAX_CLOSE_ROUNDS,
  MAX_LEAVES_A_STEP,
  PUBLISH_AT_ONCE_INTERVAL_MS,
  PUBLISH_INTERVAL_MS,
  RETRY_FIRST_MS,
  RETRY_LONGEST_MS,
} from "./limits.ts";
import { headKeys, newestKeyOf } from "./signed-head.ts";
import type { LedgerSigner, SignedHead } from "./signed-head.ts";
import { TileCache } from "./tile-cache.ts";
import { TreeFolder } from "./tree-folder.ts";
import { TreeFollower } from "./tree-follower.ts";
import { PublishedTree } from "./tree-reader.ts";
import { Waiters } from "./waiters.ts";

export interface LedgerOptions {
  /** `<data folder>/ledger` */
  readonly folder: string;
  /** Fixed at the data folder's first start; a tree's origin is `<server origin>/<tree>`. */
  readonly serverOrigin: string;
  readonly signer: LedgerSigner;
  readonly journal: Journal;
  readonly heads: HeadStore;
  readonly disk: Disk;
  readonly bulk: BulkDisk;
  readonly clock: Clock;
  readonly publishIntervalMs?: number;
  /** Each published checkpoint, in order within a tree; must not throw. */
  readonly onCheckpoint?: (checkpoint: PublishedCheckpoint) => void;
  /** Operating trouble that is retried, and tiles that were rebuilt. */
  readonly onNotice?: (notice: LedgerNotice) => void;
  /** The ledger has stopped; the process must stop too. */
  readonly onFatal: (error: Error) => void;
}

export interface PublishedCheckpoint {
  readonly tree: string;
  readonly size: number;
  readonly note: Uint8Array;
}

export type LedgerNotice =
  | { readonly kind: "tiles_rebuilt"; readonly tree: string; readonly tiles: number }
  | { readonly kind: "retry"; readonly error: Error; readonly delayMs: number }
  /** What was tried again succeeded. */
  | { readonly kind: "recovered" };

/** Opens every tree (tree-recovery.ts says what is refused and what is put right), then follows the journal. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const ledger = new LocalLedger(options);
  await ledger.open();
  return ledger;
}

interface OpenTree {
  readonly follower: TreeFollower;
  readonly reader: PublishedTree;
  publishedAtMs: number;
}

class LocalLedger implements Ledger {
  readonly #options: LedgerOptions;
  readonly #gate: EpochGate;
  readonly #cache = new TileCache(MAX_CACHED_TILES);
  readonly #trees = new Map<string, OpenTree>();
  readonly #waiters: Waiters;
  #state: "opening" | "following" | "closing" | "stopped" = "opening";
  #unsubscribe: () => void = () => {};
  #cancelTimer: () => void = () => {};
  #timerAtMs = Number.POSITIVE_INFINITY;
  #cycle: Promise<void> | null = null;
  #retryMs = 0;
  #closed: Promise<void> | null = null;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#gate = new EpochGate(options.journal);
    this.#waiters = new Waiters(options.clock);
  }

  async open(): Promise<void> {
    const { journal, onNotice } = this.#options;
    for (const { tree, size } of await this.#knownTrees()) {
      const rebuilt = await this.#add(tree).follower.open(size);
      if (rebuilt > 0) onNotice?.({ kind: "tiles_rebuilt", tree, tiles: rebuilt });
    }
    this.#state = "following";
    this.#unsubscribe = journal.onJournaled(() => this.#schedule(INTEGRATE_INTERVAL_MS));
    this.#schedule(0);
  }

  positions(): readonly LedgerPosition[] {
    return [...this.#trees.values()].map(({ follower }) => ({
      tree: follower.tree,
      integrated: follower.integrated,
      published: follower.published?.size ?? 0,
      publishedAtMs: follower.publishedAtMs,
    }));
  }

  async checkpoint(tree: string): Promise<Uint8Array | null> {
    return this.#trees.get(tree)?.follower.published?.note ?? null;
  }

  async chain(tree: string): Promise<Uint8Array | null> {
    return this.#trees.get(tree)?.follower.publishedChain ?? null;
  }

  async tile(tree: string, path: string): Promise<Uint8Array | null> {
    return (await this.#trees.get(tree)?.reader.tile(path)) ?? null;
  }

  async entries(tree: string, path: string): Promise<Uint8Array | null> {
    return (await this.#trees.get(tree)?.reader.entries(path)) ?? null;
  }

  async proof(tree: string, index: number): Promise<string> {
    const open = this.#trees.get(tree);
    if (open === undefined)
      throw new TallystickError("not_published", `no checkpoint of ${tree} is published yet`, { retryAfterS: 1 });
    return open.reader.proof(index, proofExtra(this.#options.signer.successions ?? []));
  }

  verifierKey(tree: string): string {
    const origin = this.origin(tree);
    const { signer } = this.#options;
    const note = this.#trees.get(tree)?.follower.published?.note;
    const signed = note === undefined ? null : newestKeyOf(note, origin, headKeys(signer));
    return verifierKey(origin, signed ?? signer.publicKey);
  }

  origin(tree: string): string {
    return `${this.#options.serverOrigin}/${tree}`;
  }

  async published(tree: string, size: number, timeoutMs: number): Promise<void> {
    if ((this.#trees.get(tree)?.follower.published?.size ?? 0) >= size) return;
    if (this.#state === "stopped") throw shuttingDown();
    const waiting = this.#waiters.wait(tree, size, timeoutMs);
    this.#schedule(0);
    return waiting;
  }

  async forget(tree: string): Promise<void> {
    // A pass that has begun may still be about to look at it, and would begin it anew.
    while (this.#cycle !== null) await this.#cycle;
    this.#trees.delete(tree);
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  /** Of the journal, the head store and the folder: a tree that is missing in one of them is a rollback of that one. */
  async #knownTrees(): Promise<readonly { readonly tree: string; readonly size: number | null }[]> {
    const { journal, heads } = this.#options;
    const journaled = journal.trees().map(({ tree, size }) => ({ tree, size }));
    const names = new Set(journaled.map(({ tree }) => tree));
    const others = new Set(
      [...(await heads.trees()), ...(await this.#treesOnDisk())].filter((tree) => !names.has(tree)),
    );
    return [...[...others].map((tree) => ({ tree, size: null })), ...journaled];
  }

  async #treesOnDisk(): Promise<readonly string[]> {
    const { disk, folder } = this.#options;
    const found: string[] = [];
    for (const log of await disk.list(folder)) {
      if (!log.endsWith("/")) continue;
      for (const epoch of await disk.list(join(folder, log.slice(0, -1)))) {
        const tree = (log + epoch).replace(/\/$/, "");
        if (!epoch.endsWith("/") || !TREE_NAME.test(tree)) continue;
        // An empty one too: it is made when leaves are journaled, never before.
        found.push(tree);
      }
    }
    return found;
  }

  #add(tree: string): OpenTree {
    const { folder, disk, bulk, journal } = this.#options;
    const treeFolder = new TreeFolder(join(folder, tree), disk, bulk);
    const follower = new TreeFollower(tree, this.origin(tree), treeFolder, this.#options);
    const reader = new PublishedTree(tree, treeFolder, journal, this.#cache, () => follower.published);
    const open: OpenTree = { follower, reader, publishedAtMs: Number.NEGATIVE_INFINITY };
    this.#trees.set(tree, open);
    return open;
  }

  #schedule(delayMs: number): void {
    if (this.#state !== "following" || this.#retryMs > 0) return;
    this.#startTimer(delayMs);
  }

  #startTimer(delayMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.monotonicMs() + delayMs;
    if (atMs >= this.#timerAtMs) return;
    this.#cancelTimer();
    this.#timerAtMs = atMs;
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#cycle !== null) return this.#schedule(INTEGRATE_INTERVAL_MS);
    if (this.#state !== "following") return;
    this.#cycle = this.#guarded(async () => {
      const nextMs = await this.#step(false);
      if (this.#retryMs > 0) this.#options.onNotice?.({ kind: "recovered" });
      this.#retryMs = 0;
      if (nextMs !== null) this.#schedule(nextMs);
    });
    await this.#cycle;
    this.#cycle = null;
  }

  /** Sorts errors: a fatal one stops everything, another one is tried again. */
  async #guarded(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      if (!isTallystickError(error) || error.fatal) return this.#stop(error);
      this.#retryMs = Math.min(RETRY_LONGEST_MS, Math.max(RETRY_FIRST_MS, this.#retryMs * 2));
      this.#options.onNotice?.({ kind: "retry", error, delayMs: this.#retryMs });
      if (this.#state === "following") this.#startTimer(this.#retryMs);
    }
  }

  #stop(error: Error): void {
    this.#halt();
    this.#waiters.rejectAll(shuttingDown());
    this.#options.onFatal(error);
  }

  #halt(): void {
    this.#state = "stopped";
    this.#cancelTimer();
    this.#unsubscribe();
  }

  /**
   * One pass over all trees. Returns when the next one is due, null when only a new leaf makes work; throws the first
   * error at its end.
   */
  async #step(atOnce: boolean): Promise<number | null> {
    let nextMs: number | null = null;
    let failure: unknown = null;
    for (const positions of this.#byLog().values()) {
      try {
        const dueMs = await this.#stepLog(positions, atOnce);
        if (dueMs !== null) nextMs = Math.min(nextMs ?? dueMs, dueMs);
      } catch (error) {
        failure ??= error;
        if (!isTallystickError(error) || error.fatal) throw error;
      }
    }
    if (failure !== null) throw failure;
    return nextMs;
  }

  #byLog(): ReadonlyMap<string, readonly TreePosition[]> {
    const logs = new Map<string, TreePosition[]>();
    for (const position of this.#options.journal.trees()) {
      logs.set(position.log, [...(logs.get(position.log) ?? []), position]);
    }
    return logs;
  }

  /** The trees of one log, oldest first. */
  async #stepLog(positions: readonly TreePosition[], atOnce: boolean): Promise<number | null> {
    let nextMs: number | null = null;
    const siblings: TreeFollower[] = [];
    for (const position of positions) {
      const open = this.#trees.get(position.tree) ?? this.#add(position.tree);
      siblings.push(open.follower);
      if (open.follower.isSettled(position.size)) continue;
      const dueMs = await this.#stepTree(open, position, siblings, atOnce);
      if (dueMs !== null) nextMs = Math.min(nextMs ?? dueMs, dueMs);
    }
    return nextMs;
  }

  async #stepTree(
    open: OpenTree,
    position: TreePosition,
    siblings: readonly TreeFollower[],
    atOnce: boolean,
  ): Promise<number | null> {
    const { follower } = open;
    await follower.integrate(Math.min(position.size, follower.integrated + MAX_LEAVES_A_STEP));
    const isComplete = follower.integrated >= position.size;
    const dueMs = atOnce || (position.closed && isComplete) ? 0 : this.#dueInMs(open);
    if (dueMs > 0) return isComplete ? dueMs : 0;
    if (follower.published === null && !(await this.#gate.mayPublishFirst(siblings))) return INTEGRATE_INTERVAL_MS;
    this.#announce(open, await follower.publish());
    await follower.removeSuperseded();
    return isComplete ? null : 0;
  }

  #dueInMs({ follower, publishedAtMs }: OpenTree): number {
    const interval = this.#options.publishIntervalMs ?? PUBLISH_INTERVAL_MS;
    const atOnce = Math.min(PUBLISH_AT_ONCE_INTERVAL_MS, interval);
    const sinceMs = this.#options.clock.monotonicMs() - publishedAtMs;
    return Math.max(0, (this.#waiters.isAwaited(follower.tree) ? atOnce : interval) - sinceMs);
  }

  #announce(open: OpenTree, head: SignedHead | null): void {
    if (head === null) return;
    const { tree } = open.follower;
    open.publishedAtMs = this.#options.clock.monotonicMs();
    this.#waiters.published(tree, head.size);
    this.#options.onCheckpoint?.({ tree, size: head.size, note: head.note });
  }

  async #finish(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "closing";
    this.#cancelTimer();
    this.#unsubscribe();
    await this.#cycle;
    try {
      for (let round = 0; !this.#isAllPublished(); round += 1) {
        if (round >= MAX_CLOSE_ROUNDS) throw unfinished();
        await this.#step(true);
      }
    } finally {
      this.#halt();
      this.#waiters.rejectAll(shuttingDown());
    }
  }

  #isAllPublished(): boolean {
    return this.#options.journal
      .trees()
      .every(({ tree, size }) => this.#trees.get(tree)?.follower.isSettled(size) === true);
  }
}

function shuttingDown(): TallystickError {
  return new TallystickError("shutting_down", "the server is stopping; the records are durable", { retryAfterS: 5 });
}

function unfinished(): TallystickError {
  return new TallystickError("journal_unavailable", "the journal kept growing while the ledger was closing", {
    hint: "Stop intake before the ledger; the next start publishes the rest.",
  });
}
