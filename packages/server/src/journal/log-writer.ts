/**
 * Group commit of one log. Batches that wait are taken together: duplicates decided, the tree and the indexes given,
 * sealed in a worker, written, synced, and only then acknowledged. While one group is being written the next is already
 * being sealed; when nothing is under way a batch is taken at once, else it waits for company up to `windowMs` or
 * `groupBytes`.
 *
 * Invariants: groups become durable in the order in which they were sequenced, or not at all; a failure ends every
 * group under way and every waiting batch with pushback, and the window forgets them; after a failure the segment is
 * never written to again but for its footer. A segment is sealed before its follower, in the same tree or the next, is
 * made.
 */
import assert from "node:assert/strict";
import { dirname } from "node:path";

import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import type { Disk } from "../disk/disk.ts";
import type { Keyring } from "../kms/kms.ts";
import { MAX_BATCH_RECORDS } from "../limits.ts";
import type { LeafBlock } from "./entries.ts";
import { nextEpoch } from "./epochs.ts";
import type { EpochPolicy } from "./epochs.ts";
import type { AppendOutcome, IncomingBatch } from "./journal.ts";
import * as limits from "./limits.ts";
import type { JournalSettings } from "./limits.ts";
import { ownBatch, treeOpened } from "./own-records.ts";
import type { PreviousTree } from "./own-records.ts";
import { sealTask } from "./seal-task.ts";
import type { SealOutput } from "./seal-task.ts";
import { NO_TAG, TAG_BYTES } from "./segment.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { buffersOf, sealBatch } from "./sequencer.ts";
import type { MarkedBatch, Sequencer } from "./sequencer.ts";
import { reasonOf, stops } from "./write-trouble.ts";
import type { WriteTrouble } from "./write-trouble.ts";

export interface LogWriterParts {
  readonly log: string;
  /** `journal/<log>` */
  readonly folder: string;
  readonly disk: Disk;
  readonly compute: Compute;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly policy: EpochPolicy;
  readonly settings: JournalSettings;
  readonly sequencer: Sequencer;
  /** Where the log ends now; null when it has no leaf yet: then `begun` is its first epoch, if that was made. */
  readonly end: LogEnd | null;
  readonly begun: string | null;
  /** Called before anybody is answered. */
  readonly onDurable: (segment: SegmentWriter, group: DurableGroup) => void;
  /** Called after the answers. */
  readonly afterDurable: (tree: string, size: number) => void;
  readonly previousTree: (end: LogEnd) => Promise<PreviousTree>;
  readonly onFatal: (error: Error) => void;
  /** False while what space there is belongs to other logs. */
  readonly hasSpace: () => boolean;
  readonly isOwn: boolean;
}

export interface LogEnd {
  readonly tree: string;
  readonly epoch: string;
  readonly size: number;
  readonly lastTag: Uint8Array;
}

export interface DurableGroup extends LeafBlock {
  /** Where its frame begins in the segment. */
  readonly offset: number;
}

type PushbackReason = Extract<AppendOutcome, { kind: "pushback" }>["reason"];

interface Waiting {
  readonly batch: IncomingBatch;
  readonly bytes: number;
  readonly arrivedMs: number;
  readonly settle: (outcome: AppendOutcome) => void;
}

interface Group {
  readonly waiting: readonly Waiting[];
  readonly marked: readonly MarkedBatch[];
  readonly kept: number;
  readonly receivedUs: number;
}

/** Where the next frame goes: ahead of what is durable while a write is under way. */
interface NextFrame {
  number: number;
  index: number;
  previousTag: Uint8Array;
  plannedBytes: number;
}

const RETRY_AFTER_S: Readonly<Record<PushbackReason, number>> = {
  busy: limits.RETRY_AFTER_BUSY_S,
  failed: limits.RETRY_AFTER_FAILED_S,
  locked: limits.RETRY_AFTER_LOCKED_S,
  full: limits.RETRY_AFTER_FULL_S,
  closing: limits.RETRY_AFTER_CLOSING_S,
};

export interface LogWriterFigures {
  readonly heldBytes: number;
  readonly groups: number;
  readonly storedRecords: number;
  readonly duplicates: number;
  readonly writtenBytes: number;
  /** Why records are refused now. A KMS that does not answer is only asked again for the next record. */
  readonly broken: WriteTrouble | null;
}

export class LogWriter {
  readonly #parts: LogWriterParts;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  /** Who waits for the segment's end. */
  readonly #rolls: ((isSealed: boolean) => void)[] = [];
  #heldBytes = 0;
  /** Groups that were marked and are not durable yet, oldest first. */
  #underWay: Group[] = [];
  #pumping: Promise<void> | null = null;
  #writing: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  #segment: SegmentWriter | null = null;
  #next: NextFrame = { number: 0, index: 0, previousTag: NO_TAG, plannedBytes: 0 };
  #end: LogEnd | null;
  /** Goes up with every failure, so that what was under way then knows that it is over. */
  #generation = 0;
  #broken: WriteTrouble | null = null;
  /** Why the newest group was refused, until one is written or there is space again. */
  #trouble: WriteTrouble | null = null;
  #neededBytes = 0;
  #repairing: Promise<void> | null = null;
  #cancelProbe: () => void = () => {};
  #closing = false;
  #groups = 0;
  #storedRecords = 0;
  #duplicates = 0;
  #writtenBytes = 0;

  constructor(parts: LogWriterParts) {
    this.#parts = parts;
    this.#end = parts.end;
  }

  get end(): LogEnd | null {
    return this.#end;
  }

  figures(): LogWriterFigures {
    return {
      heldBytes: this.#heldBytes,
      groups: this.#groups,
      storedRecords: this.#storedRecords,
      duplicates: this.#duplicates,
      writtenBytes: this.#writtenBytes,
      broken: this.#trouble ?? (this.#parts.hasSpace() ? null : "full"),
    };
  }

  append(batch: IncomingBatch): Promise<AppendOutcome> {
    const refusal = this.#refusal(sizeOf(batch));
    return refusal === null ? this.#enqueue(batch) : Promise.resolve(pushback(refusal));
  }

  /** In this order and, unless a group ends between them, in one group. The outcome is the first one's. */
  async appendBoth(batch: IncomingBatch, about: IncomingBatch): Promise<AppendOutcome> {
    const refusal = this.#refusal(sizeOf(batch) + sizeOf(about));
    if (refusal !== null) return pushback(refusal);
    const [outcome, told] = await Promise.all([this.#enqueue(batch), this.#enqueue(about)]);
    return told.kind === "pushback" ? told : outcome;
  }

  #enqueue(batch: IncomingBatch): Promise<AppendOutcome> {
    const bytes = sizeOf(batch);
    return new Promise((resolve) => {
      this.#queue.push({ batch, bytes, arrivedMs: this.#parts.clock.monotonicMs(), settle: resolve });
      this.#queuedBytes += bytes;
      this.#heldBytes += bytes;
      if (this.#queuedBytes >= this.#parts.settings.groupBytes) this.#wake?.();
      this.#pump();
    });
  }

  /** Microseconds: whatever this log received before then is journaled, and nothing more will be received before. */
  receivedBeforeUs(): number {
    const nowUs = this.#parts.clock.nowUs();
    return this.#underWay.reduce((earliest, { receivedUs }) => Math.min(earliest, receivedUs), nowUs);
  }

  /** Takes nothing new, finishes what waits, then seals or only closes. Rejects when it should seal and cannot. */
  async close(seal: boolean): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    while (this.#pumping !== null || this.#writing !== null) await (this.#pumping ?? this.#writing);
    this.#cancelProbe();
    await this.#repairing;
    this.#cancelProbe();
    const segment = this.#segment;
    this.#segment = null;
    if (segment === null) return;
    if (!seal) await segment.close();
    else if (this.#broken === null) await segment.seal();
    else await segment.mend();
  }

  /** Ends the segment that is being written: sealed when it returns true, so that it changes no more. */
  roll(): Promise<boolean> {
    if (this.#closing || this.#broken !== null) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#rolls.push(resolve);
      this.#pump();
    });
  }

  /** Looks at once, instead of at the next probe, whether a full disk has room again. */
  async mendNow(): Promise<void> {
    if (this.#broken !== "full") return;
    this.#cancelProbe();
    if (this.#repairing === null) this.#repair();
    await this.#repairing;
  }

  #refusal(bytes: number): PushbackReason | null {
    if (this.#closing) return "closing";
    if (this.#broken !== null) return this.#broken;
    if (!this.#parts.hasSpace()) return "full";
    const full = this.#heldBytes > 0 && this.#heldBytes + bytes > this.#parts.settings.maxWaitingBytes;
    return full ? "busy" : null;
  }

  #pump(): void {
    if (this.#pumping !== null) return;
    this.#pumping = this.#run().finally(() => {
      this.#pumping = null;
      if (this.#rolls.length + this.#queue.length > 0 && this.#broken === null) this.#pump();
    });
  }

  async #run(): Promise<void> {
    while (this.#rolls.length + this.#queue.length > 0 && this.#broken === null) {
      if (this.#rolls.length === 0) await this.#company();
      if (this.#rolls.length + this.#queue.length === 0) continue;
      const generation = this.#generation;
      try {
        if (this.#rolls.length > 0) await this.#endSegment(generation);
        else await this.#commit(this.#takeGroup(), generation);
      } catch (error) {
        // The group before may be in the middle of its write, and may well succeed.
        await this.#writing;
        if (generation === this.#generation) this.#breakDown(error);
      }
    }
  }

  async #endSegment(generation: number): Promise<void> {
    await this.#writing;
    if (generation !== this.#generation) return;
    await this.#segment?.seal();
    this.#segment = null;
    for (const resolve of this.#rolls.splice(0)) resolve(true);
  }

  /**
   * Returns when the next group should be taken: at once when nothing is being written, else when it is full or has
   * waited enough.
   */
  async #company(): Promise<void> {
    const { settings, clock } = this.#parts;
    while (this.#writing !== null && this.#queuedBytes < settings.groupBytes && !this.#closing) {
      const first = this.#queue[0];
      if (first === undefined) return;
      const leftMs = first.arrivedMs + settings.windowMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(leftMs, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  #takeGroup(): readonly Waiting[] {
    let bytes = 0;
    let records = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      if (count > 0 && (bytes >= this.#parts.settings.groupBytes || count >= limits.MAX_GROUP_BATCHES)) break;
      if (count > 0 && records + MAX_BATCH_RECORDS > limits.MAX_GROUP_RECORDS) break;
      bytes += waiting.bytes;
      records += waiting.batch.records.count;
      count += 1;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  async #commit(waiting: readonly Waiting[], generation: number): Promise<void> {
    const { sequencer, clock, compute } = this.#parts;
    const marked = waiting.map(({ batch }) => sequencer.mark(batch));
    const receivedUs = sequencer.receivedUs(clock.nowUs());
    const group: Group = { waiting, marked, kept: marked.reduce((sum, { kept }) => sum + kept, 0), receivedUs };
    this.#underWay.push(group);
    // A copy is acknowledged only when what it is a copy of is durable, and that is at the latest when the write under
    // way is over.
    if (group.kept === 0) return this.#acknowledgeCopies(group, generation);
    const opening = await this.#openTree(receivedUs, generation);
    if (generation !== this.#generation) return;
    const whole = opening === null ? group : this.#withOpening(group, sequencer.mark(ownBatch([opening])));
    const sealed = await this.#seal(whole, receivedUs, compute);
    if (generation !== this.#generation) return;
    await this.#writing;
    if (generation !== this.#generation) return;
    this.#writing = this.#write(whole, sealed, generation).finally(() => {
      this.#writing = null;
      this.#wake?.();
    });
  }

  async #acknowledgeCopies(group: Group, generation: number): Promise<void> {
    await this.#writing;
    if (generation !== this.#generation) return;
    this.#finish(group, this.#currentTree(), 0);
  }

  /** Where the next record would go; an empty batch may come before there is any. */
  #currentTree(): string {
    const { log, policy, clock } = this.#parts;
    const current = this.#segment?.epoch ?? this.#end?.epoch ?? this.#parts.begun;
    return `${log}/${current ?? nextEpoch(policy, clock.nowUs(), null)}`;
  }

  #withOpening(group: Group, opening: MarkedBatch): Group {
    assert(opening.kept === 1, "a tree is opened once");
    const nobody: Waiting = { batch: opening.batch, bytes: 0, arrivedMs: 0, settle: () => {} };
    const whole = {
      ...group,
      waiting: [nobody, ...group.waiting],
      marked: [opening, ...group.marked],
      kept: group.kept + 1,
    };
    this.#underWay[this.#underWay.indexOf(group)] = whole;
    return whole;
  }

  /** Makes sure that there is a segment of the right tree with room. Gives leaf 0 when the tree has none yet. */
  async #openTree(nowUs: number, generation: number) {
    const { policy, settings, log } = this.#parts;
    const epoch = nextEpoch(policy, nowUs, this.#segment?.epoch ?? this.#end?.epoch ?? this.#parts.begun);
    const open = this.#segment;
    if (open === null || open.epoch !== epoch || this.#next.plannedBytes >= settings.segmentBytes) {
      await this.#writing;
      if (generation !== this.#generation) return null;
      await this.#segment?.seal();
      this.#segment = null;
      await this.#beginSegment(`${log}/${epoch}`, epoch);
    }
    if (this.#next.index > 0) return null;
    const previous = this.#end === null ? null : await this.#parts.previousTree(this.#end);
    return treeOpened(`${log}/${epoch}`, previous, nowUs);
  }

  async #beginSegment(tree: string, epoch: string): Promise<void> {
    const { disk, keyring, folder, log, randomBytes } = this.#parts;
    const goesOn = this.#end?.tree === tree ? this.#end : null;
    // Before its key, so that a key without a folder says that the tree was deleted (lost-trees.ts).
    await disk.makeFolder(`${folder}/${epoch}`);
    const epochKey = await keyring.key(`epoch.${log}.${epoch}`);
    const integrityKey = await keyring.key("integrity");
    const firstIndex = goesOn?.size ?? 0;
    const previousTag = goesOn?.lastTag ?? NO_TAG;
    const place = { folder: `${folder}/${epoch}`, tree, epoch, firstIndex, previousTag };
    this.#segment = new SegmentWriter({ disk, ...place, epochKey, integrityKey, randomBytes });
    await this.#segment.create();
    this.#next = { number: 0, index: firstIndex, previousTag, plannedBytes: this.#segment.bodyBytes };
  }

  async #seal(group: Group, receivedUs: number, compute: Compute): Promise<SealOutput> {
    const { segmentKey, headerHash } = this.#segment!;
    const { number, index, previousTag } = this.#next;
    const batches = group.marked.filter(({ kept }) => kept > 0).map((marked) => sealBatch(marked, receivedUs));
    const place = { segmentKey, headerHash, number, firstIndex: index, previousTag };
    const sealed = await compute.run(sealTask, { place, batches }, batches.flatMap(buffersOf));
    assert(sealed.leafCount === group.kept);
    this.#next = {
      number: number + 1,
      index: index + sealed.leafCount,
      previousTag: new Uint8Array(sealed.frame.subarray(sealed.frame.length - TAG_BYTES)),
      plannedBytes: this.#next.plannedBytes + sealed.frame.length,
    };
    return sealed;
  }

  /** Never rejects: a failure is answered to everybody here. */
  async #write(group: Group, sealed: SealOutput, generation: number): Promise<void> {
    const segment = this.#segment!;
    const { frame, leafCount: count, entries, hashes } = sealed;
    const { nextIndex: firstIndex, bodyBytes: offset } = segment;
    try {
      await segment.append(frame, count);
      const { tree, epoch, nextIndex: size, lastTag } = segment;
      this.#end = { tree, epoch, size, lastTag };
      this.#trouble = null;
      this.#groups += 1;
      this.#writtenBytes += frame.length;
      this.#parts.onDurable(segment, { firstIndex, count, entries, hashes, offset });
      this.#finish(group, tree, firstIndex);
      this.#parts.afterDurable(tree, size);
    } catch (error) {
      this.#neededBytes = frame.length;
      if (generation === this.#generation) this.#breakDown(error);
    }
  }

  #finish(group: Group, tree: string, firstIndex: number): void {
    assert(this.#underWay[0] === group, "groups end in their order");
    this.#underWay.shift();
    this.#parts.sequencer.settle(group.marked, tree, firstIndex);
    this.#storedRecords += group.kept;
    let index = firstIndex;
    for (const [place, { batch, bytes, settle }] of group.waiting.entries()) {
      const marked = group.marked[place]!;
      const count = marked.kept;
      const duplicates = batch.records.count - count;
      this.#duplicates += duplicates;
      this.#heldBytes -= bytes;
      const copies = this.#parts.sequencer.copiesOf(marked);
      settle({ kind: "stored", tree, firstIndex: count === 0 ? null : index, count, duplicates, copies });
      index += count;
    }
  }

  /** Answers everybody at once; repair begins when the last write is over, which it is when this is called. */
  #breakDown(error: unknown): void {
    this.#generation += 1;
    this.#broken = reasonOf(error);
    this.#trouble = this.#broken;
    const refused = [...this.#underWay.flatMap(({ waiting }) => waiting), ...this.#queue];
    this.#underWay = [];
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#heldBytes = 0;
    this.#parts.sequencer.retract();
    for (const resolve of this.#rolls.splice(0)) resolve(false);
    for (const { settle } of refused) settle(pushback(this.#broken));
    this.#wake?.();
    if (error instanceof Error && stops(error)) this.#parts.onFatal(error);
    this.#repair();
  }

  #repair(): void {
    this.#repairing = this.#mend().finally(() => {
      this.#repairing = null;
    });
  }

  /** Looks whether writing is possible again, by doing what has to be done anyway. */
  async #mend(): Promise<void> {
    const { disk, folder, clock, settings, onFatal } = this.#parts;
    try {
      await this.#segment?.mend();
      this.#segment = null;
      if (this.#broken === "full") {
        const { freeBytes } = await disk.space(dirname(folder));
        // A log of our own goes on in what the reserve gave back, however little that is.
        const besideBytes = this.#parts.isOwn ? 0 : limits.MIN_FREE_BYTES;
        if (freeBytes < besideBytes + 2 * this.#neededBytes) throw new Error("there is still no space");
      }
      if (this.#broken !== "locked") this.#trouble = null;
      this.#broken = null;
    } catch (error) {
      if (error instanceof Error && stops(error)) onFatal(error);
      else if (!this.#closing) this.#cancelProbe = clock.after(settings.probeIntervalMs, () => this.#repair());
    }
  }
}

/** Small batches cost memory too, so their number is bounded along with their bytes. */
function sizeOf({ records }: IncomingBatch): number {
  return Math.max(records.bytes.length, limits.MIN_BATCH_BYTES);
}

function pushback(reason: PushbackReason): AppendOutcome {
  return { kind: "pushback", reason, retryAfterS: RETRY_AFTER_S[reason] };
}
