/**
 * The journal on a local disk: one writer a log, one store of segments, caches for readers. What `append` acknowledges
 * is durable and is found by `read` from then on, also when writing is not possible any more.
 *
 * Left out on purpose: deletion of epochs (retention has the authority, not this; `forget` only stops reading), and any
 * knowledge of what a record means.
 */
import assert from "node:assert/strict";

import { timestampUs } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import type { Keyring } from "../kms/kms.ts";
import { MAX_BATCH_RECORDS } from "../limits.ts";
import { journalCorrupt } from "./corrupt.ts";
import { rebuildWindow } from "./dedup-rebuild.ts";
import { DedupWindow } from "./dedup-window.ts";
import { leafAt } from "./entries.ts";
import type { LeafBlock } from "./entries.ts";
import type { EpochPolicy } from "./epochs.ts";
import type { AppendOutcome, IncomingBatch, Journal, LeafRange, TreePosition } from "./journal.ts";
import { TailCache, OpenedCache, cutRange } from "./leaf-cache.ts";
import {
  DEFAULT_SETTINGS,
  MAX_READ_BYTES,
  OPENED_CACHE_BYTES,
  READ_AHEAD_BYTES,
  RETRY_AFTER_CLOSING_S,
  RETRY_AFTER_FAILED_S,
} from "./limits.ts";
import type { JournalSettings } from "./limits.ts";
import { LogWriter } from "./log-writer.ts";
import type { DurableGroup, LogEnd, LogWriterFigures } from "./log-writer.ts";
import { openTask } from "./open-task.ts";
import { ownBatch, tailCut } from "./own-records.ts";
import type { PreviousTree } from "./own-records.ts";
import { recoverJournal } from "./recovery.ts";
import type { Recovered, RecoveredTree, UntoldCut } from "./recovery.ts";
import { shareOf } from "./reserve.ts";
import type { OwnSpace } from "./reserve.ts";
import { LOG_PATTERN } from "./scan.ts";
import { rewriteSegment } from "./rewrite-segment.ts";
import type { LeafStub } from "./rewrite-segment.ts";
import { parseHeader } from "./segment.ts";
import { SegmentStore } from "./segment-store.ts";
import type { KnownSegment } from "./segment-store.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { Sequencer, assertWellFormed } from "./sequencer.ts";
import type { StoredNames } from "./sequencer.ts";

export interface LocalJournalOptions {
  /** The folder `journal/`; made when absent. */
  readonly folder: string;
  readonly disk: Disk;
  readonly compute: Compute;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly epochOf: (log: string) => EpochPolicy;
  /** Leaves of a tree that the head store knows to be integrated; 0 for a tree that it does not know. */
  readonly integratedSize: (tree: string) => Promise<number>;
  readonly settings?: Partial<JournalSettings>;
  /** Logs of our own, and the space that they alone may use. */
  readonly own?: OwnSpace | undefined;
  /** A broken invariant or lost bytes: the process has to stop. The journal takes nothing more. */
  readonly onFatal: (error: Error) => void;
}

export interface LocalJournal extends Journal {
  /**
   * Takes a closed tree out of `trees`: nothing of it is read from then on. Only retention calls it, with the record of
   * the deletion durable; the files are its to remove.
   */
  forget(tree: string): void;
  /**
   * Writes what stands for them over leaves of one tree; their bytes are in no segment and no cache when it returns.
   * Only erasure calls it, with the record of the erasure durable.
   */
  eraseLeaves(tree: string, stubs: readonly LeafStub[]): Promise<void>;
  /**
   * Writes `mark` at the places of records that lie in the log already, within its window of duplicates; how many. A
   * log that has no tree yet has none.
   */
  markStored(log: string, records: StoredNames, places: Uint16Array, mark: number): Promise<number>;
  /** For metrics and `doctor`, by log. */
  figures(): ReadonlyMap<string, LogWriterFigures>;
}

type JournaledListener = (tree: string, size: number) => void;

/** TallystickError `journal_corrupt` when anything but an unacknowledged tail is wrong. */
export async function openLocalJournal(options: LocalJournalOptions): Promise<LocalJournal> {
  const { folder, disk, keyring, integratedSize } = options;
  await disk.makeFolder(folder);
  const recovered = await recoverJournal({ folder, disk, keyring, integratedSize });
  const journal = new DiskJournal(options, recovered);
  for (const log of new Set(recovered.trees.map((tree) => tree.log))) await journal.openLog(log);
  await journal.tellOfCuts(recovered.untoldCuts);
  return journal;
}

class DiskJournal implements LocalJournal {
  readonly #options: LocalJournalOptions;
  readonly #settings: JournalSettings;
  readonly #store: SegmentStore;
  readonly #recovered: readonly RecoveredTree[];
  readonly #begun: ReadonlyMap<string, string>;
  readonly #tail: TailCache;
  readonly #opened = new OpenedCache(OPENED_CACHE_BYTES);
  readonly #writers = new Map<string, Promise<LogWriter>>();
  readonly #figures = new Map<string, LogWriter>();
  readonly #sequencers = new Map<string, Sequencer>();
  readonly #listeners = new Set<JournaledListener>();
  #closing: Promise<void> | null = null;
  #reserved: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: LocalJournalOptions, recovered: Recovered) {
    this.#options = options;
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#recovered = recovered.trees;
    this.#begun = recovered.begun;
    const known = recovered.trees.map(({ tree, log, epoch, segments }) => ({ tree, log, epoch, segments }));
    this.#store = new SegmentStore(options.disk, options.keyring, known);
    this.#tail = new TailCache(this.#settings.tailCacheBytes);
  }

  async append(log: string, batch: IncomingBatch, about: readonly AuditRecord[] = []): Promise<AppendOutcome> {
    assertWellFormed(batch);
    assert(about.length <= MAX_BATCH_RECORDS);
    if (this.#closing !== null) return { kind: "pushback", reason: "closing", retryAfterS: RETRY_AFTER_CLOSING_S };
    if (this.#stopped) return { kind: "pushback", reason: "failed", retryAfterS: RETRY_AFTER_FAILED_S };
    const writer = await this.openLog(log);
    return about.length === 0 ? writer.append(batch) : writer.appendBoth(batch, ownBatch(about));
  }

  async appendOwn(log: string, records: readonly AuditRecord[]): Promise<AppendOutcome> {
    assert(records.length <= MAX_BATCH_RECORDS);
    const outcome = await this.append(log, ownBatch(records));
    const { own } = this.#options;
    const isFull = outcome.kind === "pushback" && outcome.reason === "full";
    return isFull && own?.logs.has(log) === true ? this.#appendReserved(log, records, own) : outcome;
  }

  /** One after another, so that what is given back for one record is not given back again for the next. */
  #appendReserved(log: string, records: readonly AuditRecord[], own: OwnSpace): Promise<AppendOutcome> {
    const share = shareOf(own, log);
    const turn = this.#reserved.then(async () => {
      const writer = await this.openLog(log);
      for (;;) {
        await writer.mendNow();
        const outcome = await this.append(log, ownBatch(records));
        const isFull = outcome.kind === "pushback" && outcome.reason === "full";
        if (!isFull || !(await share.release())) return outcome;
      }
    });
    this.#reserved = turn.catch(() => undefined);
    return turn;
  }

  trees(): readonly TreePosition[] {
    const trees = this.#store.trees();
    return trees.map(({ tree, log, epoch }, place) => {
      const closed = trees.slice(place + 1).some((later) => later.log === log);
      return { tree, log, epoch, size: this.#store.sizeOf(tree), closed };
    });
  }

  receivedBeforeUs(): number {
    const writers = [...this.#figures.values()].map((writer) => writer.receivedBeforeUs());
    return Math.min(this.#options.clock.nowUs(), ...writers);
  }

  async read(tree: string, from: number, maxBytes: number): Promise<LeafRange | null> {
    assert(Number.isSafeInteger(from) && from >= 0 && maxBytes > 0);
    if (from >= this.#store.sizeOf(tree)) return null;
    const bytes = Math.min(maxBytes, MAX_READ_BYTES);
    const kept = this.#tail.find(tree, from) ?? this.#opened.find(tree, from);
    return cutRange(tree, kept ?? (await this.#openFrom(tree, from, bytes)), from, bytes);
  }

  forget(tree: string): void {
    const position = this.trees().find((one) => one.tree === tree);
    assert(position === undefined || position.closed, "a tree that still takes records is never forgotten");
    this.#store.forget(tree);
    this.#tail.forget(tree);
    this.#opened.forget(tree);
  }

  async eraseLeaves(tree: string, stubs: readonly LeafStub[]): Promise<void> {
    const writer = await this.openLog(logOfTree(tree));
    if (!(await writer.roll()))
      throw new TallystickError(
        "journal_unavailable",
        "The segment under way could not be ended; nothing was erased.",
        {
          retryAfterS: RETRY_AFTER_FAILED_S,
        },
      );
    const bySegment = new Map<KnownSegment, LeafStub[]>();
    for (const stub of stubs) {
      const segment = this.#store.segmentOf(tree, stub.index);
      assert(segment !== null, "a leaf that is to be erased is there");
      bySegment.set(segment, [...(bySegment.get(segment) ?? []), stub]);
    }
    const { keyring, disk, compute, randomBytes } = this.#options;
    const epochKey = await keyring.existing(`epoch.${tree.replace("/", ".")}`);
    const integrityKey = await keyring.existing("integrity");
    if (epochKey === null || integrityKey === null)
      throw new TallystickError("key_unavailable", `${tree} is not erased in: its keys are not there`);
    for (const [segment, own] of bySegment) {
      const parts = { disk, compute, randomBytes, epochKey, integrityKey };
      this.#store.replace(tree, segment, await rewriteSegment(parts, segment, own));
    }
    this.#tail.forget(tree);
    this.#opened.forget(tree);
  }

  onJournaled(listener: JournaledListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close({ seal }: { readonly seal: boolean }): Promise<void> {
    this.#closing ??= this.#closeAll(seal);
    return this.#closing;
  }

  async markStored(log: string, records: StoredNames, places: Uint16Array, mark: number): Promise<number> {
    if (!this.trees().some((tree) => tree.log === log)) return 0;
    await this.openLog(log);
    return this.#sequencers.get(log)?.markStored(records, places, mark) ?? 0;
  }

  figures(): ReadonlyMap<string, LogWriterFigures> {
    return new Map([...this.#figures].map(([log, writer]) => [log, writer.figures()]));
  }

  /** One writer a log, made at its first use; its window is rebuilt before it takes anything. */
  openLog(log: string): Promise<LogWriter> {
    const known = this.#writers.get(log);
    if (known !== undefined) return known;
    assert(LOG_PATTERN.test(log), "a log's name is 1 to 63 lower-case letters, digits and dashes");
    const opening = this.#makeWriter(log);
    this.#writers.set(log, opening);
    opening.catch(() => this.#writers.delete(log));
    return opening;
  }

  /** Each cut in the log that it was cut from, first of all that is written there. */
  async tellOfCuts(cuts: readonly UntoldCut[]): Promise<void> {
    const nowUs = this.#options.clock.nowUs();
    for (const log of new Set(cuts.map((cut) => cut.log))) {
      const records = cuts.filter((cut) => cut.log === log).map((cut) => tailCut(cut, nowUs));
      const outcome = await this.appendOwn(log, records);
      if (outcome.kind === "pushback")
        throw new TallystickError(
          outcome.reason === "full" ? "journal_full" : "disk_failed",
          `a tail was cut from the log ${log}, and the record of it cannot be written`,
          { hint: "Free space on the file system that holds the data folder, and start again.", fatal: true },
        );
    }
  }

  async #makeWriter(log: string): Promise<LogWriter> {
    const { disk, compute, keyring, clock, randomBytes, epochOf, folder, own } = this.#options;
    const newest = this.#recovered.findLast((tree) => tree.log === log);
    const { dedupWindowRecords: records } = this.#settings;
    const window = new DedupWindow(records, Buffer.from(randomBytes(4)).readUInt32LE());
    await rebuildWindow(this.#store, compute, log, window, records);
    const lastReceivedUs = newest === undefined ? 0 : await this.#lastReceivedUs(newest);
    const sequencer = new Sequencer(window, lastReceivedUs);
    const writer = new LogWriter({
      log,
      folder: `${folder}/${log}`,
      disk,
      compute,
      keyring,
      clock,
      randomBytes,
      policy: epochOf(log),
      settings: this.#settings,
      sequencer,
      // The log never goes back behind an epoch that was begun, as a restore begins one to close the tree before.
      end: newest === undefined ? null : { ...endOf(newest), epoch: this.#begun.get(log) ?? newest.epoch },
      begun: this.#begun.get(log) ?? null,
      onDurable: (segment, group) => this.#onDurable(log, segment, group),
      afterDurable: (tree, size) => this.#tellListeners(tree, size),
      previousTree: (end) => this.#previousTree(end),
      onFatal: (error) => this.#stop(error),
      hasSpace: own === undefined ? () => true : shareOf(own, log).hasSpace,
      isOwn: own?.logs.has(log) === true,
    });
    this.#figures.set(log, writer);
    this.#sequencers.set(log, sequencer);
    return writer;
  }

  #onDurable(log: string, segment: SegmentWriter, group: DurableGroup): void {
    const { tree, epoch, path, header, bodyBytes, nextIndex } = segment;
    if (group.firstIndex === segment.firstIndex) {
      const parsed = parseHeader(header);
      assert(parsed.kind === "header");
      const known = {
        path,
        header: parsed.header,
        headerHash: parsed.hash,
        headerBytes: parsed.bytes,
        bodyBytes,
        nextIndex,
      };
      this.#store.addSegment({ tree, log, epoch }, known);
    }
    this.#store.grow(tree, { offset: group.offset, firstIndex: group.firstIndex, bodyBytes, nextIndex });
    this.#tail.add(tree, group);
  }

  #tellListeners(tree: string, size: number): void {
    for (const listener of this.#listeners) {
      try {
        listener(tree, size);
      } catch (error) {
        // What is durable stays so, whatever a follower makes of it; but a listener that throws is a fault of the
        // program.
        this.#stop(error instanceof Error ? error : new Error("a listener of the journal failed"));
      }
    }
  }

  /** A file may be written again in the middle of a read; then it is read once more. */
  async #openFrom(tree: string, from: number, bytes: number): Promise<LeafBlock> {
    const { replaced } = this.#store;
    try {
      return await this.#openNow(tree, from, bytes);
    } catch (error) {
      if (replaced === this.#store.replaced) throw error;
      return this.#openFrom(tree, from, bytes);
    }
  }

  async #openNow(tree: string, from: number, bytes: number): Promise<LeafBlock> {
    const { replaced } = this.#store;
    const { path, offset, input } = await this.#store.run(tree, from, Math.max(bytes, READ_AHEAD_BYTES));
    const { firstIndex } = input;
    const { count, entries, hashes, bad } = await this.#options.compute.run(openTask, input, [
      input.frames.buffer as ArrayBuffer,
    ]);
    if (bad !== null)
      throw journalCorrupt(bad.reason, {
        file: path,
        offset: offset + bad.offset,
        frame: bad.number,
        tree,
        index: firstIndex + count,
      });
    const block = { firstIndex, count, entries, hashes };
    // What was read before an erasure is given out and not kept.
    if (replaced === this.#store.replaced) this.#opened.add(tree, block);
    return block;
  }

  async #lastReceivedUs({ tree, size }: RecoveredTree): Promise<number> {
    const last = await this.read(tree, size - 1, 1);
    assert(last !== null);
    const leaf = JSON.parse(Buffer.from(leafAt(last.entries, 0)).toString("utf8")) as { readonly observed: Observed };
    return timestampUs(leaf.observed.received_at);
  }

  async #previousTree({ tree, size }: LogEnd): Promise<PreviousTree> {
    const last = await this.read(tree, size - 1, 1);
    assert(last !== null && last.count === 1);
    return { tree, size, lastLeafHash: last.hashes };
  }

  #stop(error: Error): void {
    this.#stopped = true;
    this.#options.onFatal(error);
  }

  async #closeAll(seal: boolean): Promise<void> {
    const writers = await Promise.allSettled(this.#writers.values());
    const closings = writers.flatMap((opened) => (opened.status === "fulfilled" ? [opened.value.close(seal)] : []));
    const closed = await Promise.allSettled(closings);
    for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
  }
}

function endOf({ tree, epoch, size, lastTag }: RecoveredTree): LogEnd {
  return { tree, epoch, size, lastTag };
}

function logOfTree(tree: string): string {
  return tree.slice(0, tree.indexOf("/"));
}
