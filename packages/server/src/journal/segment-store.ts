/**
 * Every segment of every tree, and where in it a leaf lies. For each segment that was asked for there is a sparse index
 * in memory: the first leaf and the offset of a frame about every 64 KiB, found by walking the clear frame headers and
 * then kept up as frames are added. Memory is bounded by the number of indexed segments, however small the frames are.
 *
 * Only what is durable is ever looked at.
 */
import assert from "node:assert/strict";

import type { Disk } from "../disk/disk.ts";
import type { Keyring } from "../kms/kms.ts";
import { journalCorrupt } from "./corrupt.ts";
import { INDEX_STRIDE_BYTES, MAX_INDEXED_SEGMENTS } from "./limits.ts";
import type { OpenInput } from "./open-task.ts";
import { FRAME_HEADER_BYTES, TAG_BYTES, frameBytes, keyIdOf, parseFrameHeader, segmentKey } from "./segment.ts";
import type { FrameHeader, SegmentHeader } from "./segment.ts";
import { Window } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";

export interface KnownSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly headerHash: Uint8Array;
  readonly headerBytes: number;
  /** Grow with the segment that is being written. */
  bodyBytes: number;
  nextIndex: number;
}

export interface KnownTree {
  readonly tree: string;
  readonly log: string;
  readonly epoch: string;
  /** By first index, without gaps. */
  readonly segments: KnownSegment[];
}

/** Whole frames of one segment, ready to be opened. */
export interface FrameRun {
  readonly path: string;
  readonly offset: number;
  readonly input: OpenInput;
  readonly nextIndex: number;
}

interface FrameIndex {
  readonly firstIndexes: number[];
  readonly offsets: number[];
}

interface FramePlaceInFile {
  readonly offset: number;
  readonly header: FrameHeader;
}

export class SegmentStore {
  readonly #disk: Disk;
  readonly #keyring: Keyring;
  readonly #trees = new Map<string, KnownTree>();
  readonly #indexes = new Map<KnownSegment, Promise<FrameIndex>>();
  #replaced = 0;

  constructor(disk: Disk, keyring: Keyring, trees: readonly KnownTree[]) {
    this.#disk = disk;
    this.#keyring = keyring;
    for (const tree of trees) this.#trees.set(tree.tree, tree);
  }

  trees(): readonly KnownTree[] {
    return [...this.#trees.values()];
  }

  /** The segment that holds the leaf; null when none does. */
  segmentOf(tree: string, index: number): KnownSegment | null {
    const segment = this.#trees.get(tree)?.segments.findLast(({ header }) => header.firstIndex <= index);
    return segment !== undefined && index < segment.nextIndex ? segment : null;
  }

  /** The same leaves in a file that was written again. */
  replace(tree: string, old: KnownSegment, written: KnownSegment): void {
    const segments = this.#trees.get(tree)?.segments;
    const place = segments?.indexOf(old) ?? -1;
    assert(segments !== undefined && place >= 0);
    segments[place] = written;
    this.#indexes.delete(old);
    this.#replaced += 1;
  }

  /** Goes up whenever a file was written again: what was read from it before may not fit together. */
  get replaced(): number {
    return this.#replaced;
  }

  sizeOf(tree: string): number {
    return this.#trees.get(tree)?.segments.at(-1)?.nextIndex ?? 0;
  }

  /** The tree is no more; its files are somebody else's to remove. */
  forget(tree: string): void {
    for (const segment of this.#trees.get(tree)?.segments ?? []) this.#indexes.delete(segment);
    this.#trees.delete(tree);
  }

  /** A segment that got its first durable frame. */
  addSegment(name: Omit<KnownTree, "segments">, segment: KnownSegment): void {
    const tree = this.#trees.get(name.tree) ?? { ...name, segments: [] };
    this.#trees.set(name.tree, tree);
    tree.segments.push(segment);
    this.#keepIndex(segment, Promise.resolve({ firstIndexes: [], offsets: [] }));
  }

  /** The tree's last segment grew by a durable frame at `offset`. */
  grow(tree: string, frame: { offset: number; firstIndex: number; bodyBytes: number; nextIndex: number }): void {
    const segment = this.#trees.get(tree)?.segments.at(-1);
    assert(segment !== undefined);
    segment.bodyBytes = frame.bodyBytes;
    segment.nextIndex = frame.nextIndex;
    void this.#indexes.get(segment)?.then(
      (found) => note(found, frame.offset, frame.firstIndex),
      () => {},
    );
  }

  /**
   * Frames from the one that holds leaf `from`: at least that one, more of the same segment up to `plainBytes` of
   * entries.
   */
  async run(tree: string, from: number, plainBytes: number): Promise<FrameRun> {
    const known = this.#trees.get(tree)?.segments ?? [];
    const segment = known.findLast(({ header }) => header.firstIndex <= from);
    if (segment === undefined || from >= segment.nextIndex)
      throw new RangeError(`leaf ${from} of ${tree} is in no segment`);
    const source = this.#sourceOf(segment);
    const frames = await this.#framesFrom(segment, source, from, plainBytes);
    const first = frames[0]!;
    const last = frames.at(-1)!;
    const start = first.offset - TAG_BYTES;
    const end = last.offset + frameBytes(last.header);
    const bytes = await source.read(start, end - start);
    if (bytes.length !== end - start) throw this.#damaged(segment, last, "the file ends within a frame");
    const previousTag =
      first.header.number === 0 ? segment.header.previousTag : new Uint8Array(bytes.subarray(0, TAG_BYTES));
    const input = {
      segmentKey: await this.#keyOf(segment),
      headerHash: segment.headerHash,
      previousTag,
      frames: new Uint8Array(bytes.subarray(TAG_BYTES)),
      firstNumber: first.header.number,
      firstIndex: first.header.firstIndex,
    };
    return {
      path: segment.path,
      offset: first.offset,
      input,
      nextIndex: last.header.firstIndex + last.header.leafCount,
    };
  }

  async #framesFrom(
    segment: KnownSegment,
    source: SegmentSource,
    from: number,
    plainBytes: number,
  ): Promise<readonly FramePlaceInFile[]> {
    const end = segment.bodyBytes;
    const window = new Window(source, INDEX_STRIDE_BYTES);
    const frames: FramePlaceInFile[] = [];
    let collected = 0;
    for (let offset = await this.#nearest(segment, from); offset < end;) {
      const header = await this.#headerAt(segment, window, offset, end);
      const reached = header.firstIndex + header.leafCount > from;
      if (reached && frames.length > 0 && collected + header.plainBytes > plainBytes) break;
      if (reached) {
        frames.push({ offset, header });
        collected += header.plainBytes;
      }
      offset += frameBytes(header);
    }
    if (frames.length === 0) throw journalCorrupt("a leaf is in no frame", { file: segment.path, index: from });
    return frames;
  }

  async #nearest(segment: KnownSegment, from: number): Promise<number> {
    const { firstIndexes, offsets } = await this.#indexOf(segment);
    const place = firstIndexes.findLastIndex((firstIndex) => firstIndex <= from);
    return place < 0 ? segment.headerBytes : offsets[place]!;
  }

  #indexOf(segment: KnownSegment): Promise<FrameIndex> {
    const kept = this.#indexes.get(segment);
    if (kept !== undefined) {
      this.#keepIndex(segment, kept);
      return kept;
    }
    const walked = this.#walk(segment);
    this.#keepIndex(segment, walked);
    walked.catch(() => this.#indexes.delete(segment));
    return walked;
  }

  /** A segment that nothing is appended to any more, since one being written is indexed from its first frame on. */
  async #walk(segment: KnownSegment): Promise<FrameIndex> {
    const index: FrameIndex = { firstIndexes: [], offsets: [] };
    const window = new Window(this.#sourceOf(segment), INDEX_STRIDE_BYTES);
    const end = segment.bodyBytes;
    for (let offset = segment.headerBytes; offset < end;) {
      const header = await this.#headerAt(segment, window, offset, end);
      note(index, offset, header.firstIndex);
      offset += frameBytes(header);
    }
    return index;
  }

  async #headerAt(segment: KnownSegment, window: Window, offset: number, end: number): Promise<FrameHeader> {
    const header = parseFrameHeader(await window.take(offset, FRAME_HEADER_BYTES));
    if (typeof header === "string") throw journalCorrupt(header, { file: segment.path, offset });
    if (offset + frameBytes(header) > end)
      throw journalCorrupt("a frame reaches beyond the frames' end", {
        file: segment.path,
        offset,
        frame: header.number,
      });
    return header;
  }

  #keepIndex(segment: KnownSegment, index: Promise<FrameIndex>): void {
    this.#indexes.delete(segment);
    this.#indexes.set(segment, index);
    for (const oldest of this.#indexes.keys()) {
      if (this.#indexes.size <= MAX_INDEXED_SEGMENTS) break;
      this.#indexes.delete(oldest);
    }
  }

  async #keyOf(segment: KnownSegment): Promise<Uint8Array> {
    const { tree, keyId } = segment.header;
    const epochKey = await this.#keyring.existing(`epoch.${tree.replace("/", ".")}`);
    if (epochKey === null || Buffer.compare(keyIdOf(epochKey), keyId) !== 0)
      throw journalCorrupt("the epoch key that the segment names is not there", { file: segment.path, tree });
    return segmentKey(epochKey, segment.header);
  }

  #sourceOf(segment: KnownSegment): SegmentSource {
    const { path, bodyBytes } = segment;
    return { path, sizeBytes: bodyBytes, read: (offset, length) => this.#disk.read(path, offset, length) };
  }

  #damaged(segment: KnownSegment, { offset, header }: FramePlaceInFile, message: string): Error {
    return journalCorrupt(message, { file: segment.path, offset, frame: header.number, tree: segment.header.tree });
  }
}

function note(index: FrameIndex, offset: number, firstIndex: number): void {
  const last = index.offsets.at(-1);
  if (last !== undefined && offset - last < INDEX_STRIDE_BYTES) return;
  index.offsets.push(offset);
  index.firstIndexes.push(firstIndex);
}
