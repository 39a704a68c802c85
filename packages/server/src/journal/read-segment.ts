/**
 * Reads one whole segment and says everything that is wrong with it, each fault with file, offset and frame. Recovery,
 * fsck and verification share it, so they can never disagree about what a good segment is.
 *
 * A sealed segment must be perfect. An unsealed one may end in a tail: bytes after the last whole frame that no whole
 * frame follows. Whether a tail may be cut is not decided here: that depends on the head store and on the segment's
 * place in its tree.
 */
import { timingSafeEqual } from "node:crypto";

import type { Compute } from "../compute/compute.ts";
import { inlineCompute } from "../compute/inline.ts";
import type { LeafBlock } from "./entries.ts";
import { tagOfCiphertext } from "./frame-cipher.ts";
import { INDEX_STRIDE_BYTES, MAX_RUNS_UNDER_WAY, READ_CHUNK_BYTES, RUN_BYTES } from "./limits.ts";
import { decryptAt, openTask } from "./open-task.ts";
import type { OpenOutput } from "./open-task.ts";
import {
  FOOTER_BYTES,
  FRAME_HEADER_BYTES,
  FRAME_MARKER,
  HASH_BYTES,
  NO_TAG,
  TAG_BYTES,
  frameBytes,
  MAX_HEADER_BYTES,
  keyIdOf,
  looksLikeFooter,
  parseFooter,
  parseFrameHeader,
  parseHeader,
  segmentKey,
} from "./segment.ts";
import type { FrameHeader, SegmentFooter, SegmentHeader } from "./segment.ts";
import { Window, segmentMac } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";

export interface ReadSegmentOptions {
  /**
   * structure: clear bytes only. tags: every frame is decrypted. leaves: also unpacked and hashed, and given to
   * `onBlock`.
   */
  readonly contents: "structure" | "tags" | "leaves";
  /** Needed for tags and leaves. */
  readonly epochKey?: Uint8Array;
  /** With it the footer's MAC is checked. */
  readonly integrityKey?: Uint8Array;
  /** Leaves of good frames, in order. The buffers are the receiver's. */
  readonly onBlock?: (block: SegmentBlock) => void | Promise<void>;
  /** Where frames are opened; on the calling thread when absent. */
  readonly compute?: Compute;
}

export interface SegmentBlock extends LeafBlock {
  readonly tree: string;
  /** Of the block's first frame. */
  readonly frame: number;
  readonly offset: number;
}

export type SegmentFaultCode =
  | "segment_header"
  | "segment_key"
  | "segment_frame"
  | "segment_footer"
  | "segment_mac"
  | "segment_tail";

export interface SegmentFault {
  readonly code: SegmentFaultCode;
  readonly message: string;
  readonly file: string;
  readonly offset: number;
  /** Null when the fault is in no frame. */
  readonly frame: number | null;
  /** First leaf that the fault concerns; null when it concerns none in particular. */
  readonly index: number | null;
}

export interface SegmentTail {
  readonly offset: number;
  readonly bytes: number;
  readonly frame: number;
  /** Index that the tail's first leaf would have had. */
  readonly index: number;
  readonly reason: string;
}

export interface SegmentReport {
  readonly path: string;
  readonly sizeBytes: number;
  /** Null when it is cut short or refused; see `interrupted`. */
  readonly header: SegmentHeader | null;
  /** The file ends within its header: its making was interrupted, and it never held a leaf. */
  readonly interrupted: boolean;
  readonly sealed: boolean;
  /** Of header and whole frames. */
  readonly bodyBytes: number;
  readonly frameCount: number;
  /** Index after the last whole frame's last leaf. */
  readonly nextIndex: number;
  readonly lastTag: Uint8Array;
  readonly tail: SegmentTail | null;
  readonly contents: "checked" | "not checked";
  readonly mac: "good" | "bad" | "not checked" | "absent";
  readonly faults: readonly SegmentFault[];
}

interface WalkedFrame {
  readonly offset: number;
  readonly header: FrameHeader;
}

/** State after the last whole frame. */
interface Good {
  bodyBytes: number;
  frameCount: number;
  nextIndex: number;
  lastTag: Uint8Array;
}

interface BadPlace {
  readonly offset: number;
  readonly frame: number;
  readonly index: number;
  readonly reason: string;
}

interface Reading {
  readonly source: SegmentSource;
  readonly options: ReadSegmentOptions;
  readonly header: SegmentHeader;
  readonly headerHash: Uint8Array;
  /** Null: frames cannot be opened. */
  readonly segmentKey: Uint8Array | null;
  readonly bodyEnd: number;
  readonly good: Good;
  readonly bad: BadPlace[];
  readonly window: Window;
}

export async function readSegment(source: SegmentSource, options: ReadSegmentOptions): Promise<SegmentReport> {
  const start = await source.read(0, MAX_HEADER_BYTES);
  const parsed = parseHeader(start);
  if (parsed.kind !== "header") return withoutHeader(source, parsed.kind === "short" ? null : parsed.reason);
  const { header, hash, bytes } = parsed;
  const faults: SegmentFault[] = [];
  const epochKey = options.contents === "structure" ? undefined : options.epochKey;
  const keyFits = epochKey !== undefined && same(keyIdOf(epochKey), header.keyId);
  if (epochKey !== undefined && !keyFits)
    faults.push(faultOf(source, "segment_key", "the segment is under another epoch key than its tree's", 0));
  const footer = await findFooter(source, bytes, header);
  const reading: Reading = {
    source,
    options,
    header,
    headerHash: hash,
    segmentKey: keyFits ? segmentKey(epochKey, header) : null,
    bodyEnd: footer === null ? source.sizeBytes : source.sizeBytes - FOOTER_BYTES,
    good: { bodyBytes: bytes, frameCount: 0, nextIndex: header.firstIndex, lastTag: header.previousTag },
    bad: [],
    // Without opening frames only their clear headers are of interest.
    window: new Window(source, keyFits ? READ_CHUNK_BYTES : INDEX_STRIDE_BYTES),
  };
  await walk(reading);
  const tail = footer === null ? await judgeTail(reading, faults) : null;
  for (const place of reading.bad)
    if (tail === null || place.offset < tail.offset) faults.push(frameFault(source, place));
  const mac = footer === null ? "absent" : await checkFooter(reading, footer, faults);
  const { good } = reading;
  return {
    path: source.path,
    sizeBytes: source.sizeBytes,
    header,
    interrupted: false,
    sealed: footer !== null,
    ...good,
    tail,
    contents: reading.segmentKey === null ? "not checked" : "checked",
    mac,
    faults,
  };
}

function withoutHeader(source: SegmentSource, reason: string | null): SegmentReport {
  const interrupted = reason === null;
  const faults = interrupted ? [] : [faultOf(source, "segment_header", reason, 0)];
  return {
    path: source.path,
    sizeBytes: source.sizeBytes,
    header: null,
    interrupted,
    sealed: false,
    bodyBytes: 0,
    frameCount: 0,
    nextIndex: 0,
    lastTag: NO_TAG,
    tail: null,
    contents: "not checked",
    mac: "absent",
    faults,
  };
}

/** A footer that is there but wrong in one field still counts: then the segment is sealed, and the field is a fault. */
async function findFooter(source: SegmentSource, start: number, header: SegmentHeader): Promise<SegmentFooter | null> {
  const at = source.sizeBytes - FOOTER_BYTES;
  if (at < start) return null;
  const footer = parseFooter(await source.read(at, FOOTER_BYTES));
  if (footer === null) return null;
  const plausible = footer.bodyBytes === at || (footer.frameCount >= 0 && footer.nextIndex >= header.firstIndex);
  return plausible ? footer : null;
}

/** Every frame in turn, by the clear lengths; opened in runs, a few of them at a time, judged in order. */
async function walk(reading: Reading): Promise<void> {
  const { good, bodyEnd, window, header } = reading;
  const underWay: Promise<() => Promise<void>>[] = [];
  let run: WalkedFrame[] = [];
  let runBytes = 0;
  let tag = good.lastTag;
  let runTag = tag;
  let offset = good.bodyBytes;
  let number = 0;
  let index = header.firstIndex;
  let stop: string | null = null;
  const dispatch = async (): Promise<void> => {
    if (run.length > 0) {
      const opening = openRun(reading, run, runTag);
      // It is awaited in its turn; until then a failure must not count as unheard.
      opening.catch(() => {});
      underWay.push(opening);
    }
    [run, runBytes, runTag] = [[], 0, tag];
    if (underWay.length >= MAX_RUNS_UNDER_WAY) await (await underWay.shift()!)();
  };
  while (offset < bodyEnd && stop === null) {
    const frame = parseFrameHeader(await window.take(offset, Math.min(FRAME_HEADER_BYTES, bodyEnd - offset)));
    stop = typeof frame === "string" ? frame : misplaced(frame, number, index, bodyEnd - offset);
    if (stop !== null || typeof frame === "string") continue;
    run.push({ offset, header: frame });
    runBytes += frameBytes(frame);
    offset += frameBytes(frame);
    // A copy: a view would take its whole piece of the file along into the worker.
    tag = new Uint8Array(await window.take(offset - TAG_BYTES, TAG_BYTES));
    number += 1;
    index += frame.leafCount;
    if (runBytes >= RUN_BYTES) await dispatch();
  }
  await dispatch();
  for (const pending of underWay) await (await pending)();
  if (stop !== null) reading.bad.push({ offset, frame: number, index, reason: stop });
}

function misplaced(frame: FrameHeader, number: number, index: number, bytesLeft: number): string | null {
  if (frame.number !== number) return `it is frame ${frame.number} where frame ${number} should be`;
  if (frame.firstIndex !== index) return `it begins with leaf ${frame.firstIndex}, not ${index}`;
  return frameBytes(frame) > bytesLeft ? "the file ends within the frame" : null;
}

/** Begins to open a run; what comes of it is applied by the function that the promise gives, in the caller's order. */
async function openRun(
  reading: Reading,
  run: readonly WalkedFrame[],
  previousTag: Uint8Array,
): Promise<() => Promise<void>> {
  const { segmentKey: key, options, headerHash, source } = reading;
  const first = run[0]!;
  const last = run.at(-1)!;
  const end = last.offset + frameBytes(last.header);
  if (key === null) {
    const lastTag = await source.read(end - TAG_BYTES, TAG_BYTES);
    return async () => settle(reading, run, lastTag);
  }
  const frames = await source.read(first.offset, end - first.offset);
  const input = {
    segmentKey: key,
    headerHash,
    previousTag,
    frames,
    firstNumber: first.header.number,
    firstIndex: first.header.firstIndex,
  };
  if (options.contents === "tags") {
    return async () => checkTags(reading, run, previousTag, frames);
  }
  const opened = await (options.compute ?? inlineCompute()).run(openTask, input);
  return async () => deliver(reading, run, frames, opened);
}

function settle(reading: Reading, run: readonly WalkedFrame[], lastTag: Uint8Array): void {
  for (const { offset, header } of run) {
    reading.good.bodyBytes = offset + frameBytes(header);
    reading.good.frameCount = header.number + 1;
    reading.good.nextIndex = header.firstIndex + header.leafCount;
    reading.good.lastTag = lastTag;
  }
}

function checkTags(reading: Reading, run: readonly WalkedFrame[], firstTag: Uint8Array, frames: Uint8Array): void {
  let previousTag = firstTag;
  for (const frame of run) {
    const at = frame.offset - run[0]!.offset;
    const place = { offset: at, number: frame.header.number, previousTag, firstIndex: frame.header.firstIndex };
    const keys = { segmentKey: reading.segmentKey!, headerHash: reading.headerHash };
    const opened = decryptAt(keys, frames, place);
    previousTag = tagOf(frames, at, frame.header);
    if (typeof opened === "string") reading.bad.push(badPlace(frame, opened));
    else settle(reading, [frame], previousTag);
  }
}

/** Gives the good frames on and goes on after a bad one with the tag that stands in the file. */
async function deliver(
  reading: Reading,
  run: readonly WalkedFrame[],
  frames: Uint8Array,
  opened: OpenOutput,
): Promise<void> {
  const first = run[0]!;
  const goodFrames = opened.bad === null ? run : run.slice(0, opened.bad.number - first.header.number);
  const tagAfter = ({ offset, header }: WalkedFrame): Uint8Array => tagOf(frames, offset - first.offset, header);
  if (goodFrames.length > 0) {
    settle(reading, goodFrames, tagAfter(goodFrames.at(-1)!));
    const { count, entries, hashes } = opened;
    const { offset, header } = first;
    const { tree } = reading.header;
    await reading.options.onBlock?.({
      tree,
      frame: header.number,
      offset,
      firstIndex: header.firstIndex,
      count,
      entries,
      hashes,
    });
  }
  const badFrame = run[goodFrames.length];
  if (opened.bad === null || badFrame === undefined) return;
  reading.bad.push(badPlace(badFrame, opened.bad.reason));
  const rest = run.slice(goodFrames.length + 1);
  if (rest.length > 0) await (await openRun(reading, rest, tagAfter(badFrame)))();
}

/**
 * What follows the last whole frame of an unsealed segment: a tail, or the trace of something that no interrupted write
 * leaves.
 */
async function judgeTail(reading: Reading, faults: SegmentFault[]): Promise<SegmentTail | null> {
  const { source, good } = reading;
  const offset = good.bodyBytes;
  const bytes = source.sizeBytes - offset;
  if (bytes === 0) return null;
  const first = reading.bad.find((place) => place.offset >= offset);
  const tail: SegmentTail = {
    offset,
    bytes,
    frame: good.frameCount,
    index: good.nextIndex,
    reason: first?.reason ?? "the bytes are no frame",
  };
  if (bytes === FOOTER_BYTES && looksLikeFooter(await source.read(offset, bytes), good)) {
    faults.push({ ...faultOf(source, "segment_footer", "the footer is damaged", offset), index: good.nextIndex });
    return null;
  }
  const beyond = await wholeFrameBeyond(reading, offset);
  if (beyond === null) return tail;
  faults.push({
    ...faultOf(
      source,
      "segment_tail",
      `${tail.reason}, yet a whole frame follows at ${beyond}: this was no interrupted write`,
      offset,
    ),
    frame: tail.frame,
    index: tail.index,
  });
  return null;
}

/** Frames are written one at a time, so a whole one after a broken one means that the broken one was once whole. */
async function wholeFrameBeyond(reading: Reading, tailOffset: number): Promise<number | null> {
  const { source, segmentKey: key, headerHash } = reading;
  if (key === null) return null;
  const from = Math.max(0, tailOffset - TAG_BYTES);
  const bytes = Buffer.from(await source.read(from, source.sizeBytes - from));
  const keys = { segmentKey: key, headerHash };
  for (let at = bytes.indexOf(FRAME_MARKER, TAG_BYTES + 1); at >= 0; at = bytes.indexOf(FRAME_MARKER, at + 1)) {
    const header = parseFrameHeader(bytes, at);
    if (typeof header === "string" || at + frameBytes(header) > bytes.length) continue;
    const { number, firstIndex } = header;
    // The frame names the tag before it; where just that is damaged, it is what the broken frame's ciphertext gives.
    const tags = [
      bytes.subarray(at - TAG_BYTES, at),
      restoredTag(bytes.subarray(tailOffset - from, at), keys, reading.good.lastTag),
    ];
    for (const previousTag of tags) {
      const opened = previousTag === null || decryptAt(keys, bytes, { offset: at, number, firstIndex, previousTag });
      if (typeof opened === "object") return from + at;
    }
  }
  return null;
}

function restoredTag(
  frame: Uint8Array,
  keys: { readonly segmentKey: Uint8Array; readonly headerHash: Uint8Array },
  previousTag: Uint8Array,
): Uint8Array | null {
  const header = parseFrameHeader(frame);
  if (typeof header === "string" || frameBytes(header) !== frame.length) return null;
  return tagOfCiphertext({ ...keys, previousTag }, frame);
}

async function checkFooter(
  reading: Reading,
  footer: SegmentFooter,
  faults: SegmentFault[],
): Promise<"good" | "bad" | "not checked"> {
  const { source, good, bodyEnd, options } = reading;
  const { integrityKey } = options;
  const wrong =
    footer.bodyBytes !== bodyEnd ||
    footer.frameCount !== good.frameCount ||
    footer.nextIndex !== good.nextIndex ||
    !same(footer.lastTag, good.lastTag);
  // With a bad frame before it, the footer's figures differ for that reason alone.
  if (wrong && reading.bad.length === 0)
    faults.push(faultOf(source, "segment_footer", "the footer does not describe the frames before it", bodyEnd));
  if (integrityKey === undefined) return "not checked";
  const mac = await segmentMac(source, integrityKey, bodyEnd, await source.read(bodyEnd, FOOTER_BYTES - HASH_BYTES));
  if (same(mac, footer.mac)) return "good";
  faults.push(faultOf(source, "segment_mac", "header, frames and footer do not give the footer's MAC", bodyEnd));
  return "bad";
}

function tagOf(frames: Uint8Array, offset: number, header: FrameHeader): Uint8Array {
  const end = offset + frameBytes(header);
  return frames.subarray(end - TAG_BYTES, end);
}

function badPlace(frame: WalkedFrame, reason: string): BadPlace {
  return { offset: frame.offset, frame: frame.header.number, index: frame.header.firstIndex, reason };
}

function frameFault(source: SegmentSource, { offset, frame, index, reason }: BadPlace): SegmentFault {
  return { code: "segment_frame", message: reason, file: source.path, offset, frame, index };
}

function faultOf(source: SegmentSource, code: SegmentFaultCode, message: string, offset: number): SegmentFault {
  return { code, message, file: source.path, offset, frame: null, index: null };
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
