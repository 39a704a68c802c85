/**
 * Writes one sealed segment again in which some leaves are replaced by what stands for them (docs/adr, erased leaves).
 * Frames keep their numbers and their leaves' places; everything is under a key of the new file's own. The segment
 * after it still names the tag that it always did, which the new header keeps.
 *
 * Guarantee: at every moment one whole segment lies in its place, the old one or the new one.
 */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

import { erasedLeafHash } from "@tallystick/record";

import type { Compute, Task } from "../compute/compute.ts";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { journalCorrupt } from "./corrupt.ts";
import { LENGTH_BYTES, entryLength, hashEntries } from "./entries.ts";
import { sealFrame } from "./frame-cipher.ts";
import type { FramePlace } from "./frame-cipher.ts";
import { openRun } from "./open-task.ts";
import type { OpenInput } from "./open-task.ts";
import {
  FRAME_HEADER_BYTES,
  HASH_BYTES,
  SALT_BYTES,
  TAG_BYTES,
  encodeFooterStart,
  encodeHeader,
  frameBytes,
  parseFrameHeader,
  parseHeader,
  segmentKey,
} from "./segment.ts";
import type { SegmentHeader } from "./segment.ts";
import type { KnownSegment } from "./segment-store.ts";

/** What stands for a leaf, and the hash that the leaf has. */
export interface LeafStub {
  readonly index: number;
  readonly hash: Uint8Array;
  readonly stub: Uint8Array;
}

export interface ResealInput {
  /** One frame of the old segment. */
  readonly old: OpenInput;
  readonly place: FramePlace;
  readonly stubs: readonly LeafStub[];
}

export type ResealOutput =
  | { readonly kind: "frame"; readonly frame: Uint8Array }
  | { readonly kind: "bad"; readonly reason: string };

export const resealTask: Task<ResealInput, ResealOutput> = {
  name: "reseal",
  run(input) {
    const output = reseal(input);
    return { output, transfer: output.kind === "frame" ? [output.frame.buffer as ArrayBuffer] : [] };
  },
};

function reseal({ old, place, stubs }: ResealInput): ResealOutput {
  const { frames, bad, count } = openRun(old);
  if (bad !== null) return { kind: "bad", reason: bad.reason };
  const [frame] = frames;
  assert(frame !== undefined && frames.length === 1);
  const entries = withStubs(frame.entries, old.firstIndex, count, stubs);
  return typeof entries === "string"
    ? { kind: "bad", reason: entries }
    : { kind: "frame", frame: sealFrame(place, entries, count) };
}

function withStubs(
  entries: Uint8Array,
  firstIndex: number,
  count: number,
  stubs: readonly LeafStub[],
): Uint8Array | string {
  if (stubs.length === 0) return entries;
  const hashes = hashEntries(entries, count)!;
  const byIndex = new Map(stubs.map((stub) => [stub.index, stub]));
  const parts: Uint8Array[] = [];
  for (let at = 0, index = firstIndex; at < entries.length; index += 1) {
    const end = at + LENGTH_BYTES + entryLength(entries, at);
    const stub = byIndex.get(index);
    const place = (index - firstIndex) * HASH_BYTES;
    if (stub !== undefined && Buffer.compare(hashes.subarray(place, place + HASH_BYTES), stub.hash) !== 0)
      return `leaf ${index} has not the hash that it is to keep`;
    parts.push(stub === undefined ? entries.subarray(at, end) : entryOf(stub));
    at = end;
  }
  return Buffer.concat(parts);
}

function entryOf({ stub, hash }: LeafStub): Uint8Array {
  assert(erasedLeafHash(stub) === Buffer.from(hash).toString("hex"), "what stands for a leaf names its hash");
  const entry = Buffer.alloc(LENGTH_BYTES + stub.length);
  entry.writeUInt16BE(stub.length);
  entry.set(stub, LENGTH_BYTES);
  return entry;
}

export interface RewriteParts {
  readonly disk: Disk;
  readonly compute: Compute;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly epochKey: Uint8Array;
  readonly integrityKey: Uint8Array;
}

/** The segment as it lies there now; its place, its leaves' indexes and the tag that the next one names are the same. */
export async function rewriteSegment(
  parts: RewriteParts,
  segment: KnownSegment,
  stubs: readonly LeafStub[],
): Promise<KnownSegment> {
  const { disk, randomBytes } = parts;
  const { path } = segment;
  const salt = randomBytes(SALT_BYTES);
  const standingTag = segment.header.standingTag ?? (await disk.read(path, segment.bodyBytes - TAG_BYTES, TAG_BYTES));
  const header: SegmentHeader = { ...segment.header, salt, standingTag: new Uint8Array(standingTag) };
  const bytes = encodeHeader(header);
  const parsed = parseHeader(bytes);
  assert(parsed.kind === "header");
  const temporary = `${path}${TEMPORARY_SUFFIX}`;
  try {
    const body = await writeBeside(parts, segment, stubs, { header, bytes, headerHash: new Uint8Array(parsed.hash) });
    await putInPlace(disk, temporary, path, bytes);
    const { header: found, hash: headerHash, bytes: headerBytes } = parsed;
    return { path, header: found, headerHash, headerBytes, ...body };
  } catch (error) {
    await disk.remove(temporary).catch(() => undefined);
    throw error;
  }
}

/** The whole new file, durable under its temporary name. */
async function writeBeside(
  parts: RewriteParts,
  segment: KnownSegment,
  stubs: readonly LeafStub[],
  {
    header,
    bytes,
    headerHash,
  }: { readonly header: SegmentHeader; readonly bytes: Uint8Array; readonly headerHash: Uint8Array },
): Promise<{ readonly bodyBytes: number; readonly nextIndex: number }> {
  const { disk } = parts;
  const temporary = `${segment.path}${TEMPORARY_SUFFIX}`;
  await disk.remove(temporary);
  const file = await disk.createAppend(temporary);
  try {
    const mac = createHmac("sha256", parts.integrityKey).update(bytes);
    await file.append(bytes);
    const body = { bodyBytes: bytes.length, frameCount: 0, nextIndex: header.firstIndex, lastTag: header.previousTag };
    const keys = { segmentKey: segmentKey(parts.epochKey, header), headerHash };
    for await (const { frame, leaves } of resealed(parts, segment, stubs, keys)) {
      await file.append(frame);
      mac.update(frame);
      body.bodyBytes += frame.length;
      body.frameCount += 1;
      body.nextIndex += leaves;
      body.lastTag = new Uint8Array(frame.subarray(frame.length - TAG_BYTES));
    }
    assert(body.nextIndex === segment.nextIndex, "no leaf is lost");
    const footer = encodeFooterStart(body);
    await file.append(Buffer.concat([footer, mac.update(footer).digest()]));
    await file.sync();
    return { bodyBytes: body.bodyBytes, nextIndex: body.nextIndex };
  } finally {
    await file.close().catch(() => undefined);
  }
}

/** A rename that is answered with an error may have happened; which file lies there says whether it did. */
async function putInPlace(disk: Disk, temporary: string, path: string, header: Uint8Array): Promise<void> {
  try {
    await disk.rename(temporary, path);
  } catch (error) {
    if (Buffer.compare(await disk.read(path, 0, header.length), header) !== 0) throw error;
  }
}

async function* resealed(
  { disk, compute, epochKey }: RewriteParts,
  segment: KnownSegment,
  stubs: readonly LeafStub[],
  keys: Pick<FramePlace, "segmentKey" | "headerHash">,
) {
  const { path, header } = segment;
  const oldKeys = { segmentKey: segmentKey(epochKey, header), headerHash: segment.headerHash };
  let [oldTag, newTag] = [header.previousTag, header.previousTag];
  for (let offset = segment.headerBytes; offset < segment.bodyBytes;) {
    const found = parseFrameHeader(await disk.read(path, offset, FRAME_HEADER_BYTES));
    if (typeof found === "string") throw journalCorrupt(found, { file: path, offset });
    const frames = await disk.read(path, offset, frameBytes(found));
    const { number, firstIndex, leafCount: leaves } = found;
    const own = stubs.filter(({ index }) => index >= firstIndex && index < firstIndex + leaves);
    const old = { ...oldKeys, previousTag: oldTag, frames, firstNumber: number, firstIndex };
    const place = { ...keys, previousTag: newTag, number, firstIndex };
    const output = await compute.run(resealTask, { old, place, stubs: own });
    if (output.kind === "bad") throw journalCorrupt(output.reason, { file: path, offset, frame: number });
    yield { frame: output.frame, leaves };
    oldTag = new Uint8Array(frames.subarray(frames.length - TAG_BYTES));
    newTag = new Uint8Array(output.frame.subarray(output.frame.length - TAG_BYTES));
    offset += frames.length;
  }
}
