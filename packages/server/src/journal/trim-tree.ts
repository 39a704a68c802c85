/**
 * Cuts a tree to its first leaves, for a restore: a backup of a running server holds leaves beyond the last checkpoint
 * that it holds, and nobody may sign those again. Leaves that stay keep their bytes; the part of a frame that stays is
 * sealed anew, in a segment of its own.
 *
 * Only for a folder that nobody has open.
 */
import assert from "node:assert/strict";

import type { Disk } from "../disk/disk.ts";
import type { Keyring } from "../kms/kms.ts";
import { journalCorrupt } from "./corrupt.ts";
import { skipEntries } from "./entries.ts";
import { sealFrame } from "./frame-cipher.ts";
import { openRun } from "./open-task.ts";
import { scanJournal } from "./scan.ts";
import type { FoundSegment, FoundTree } from "./scan.ts";
import {
  FOOTER_BYTES,
  FRAME_HEADER_BYTES,
  MAX_HEADER_BYTES,
  TAG_BYTES,
  encodeFooterStart,
  frameBytes,
  parseFooter,
  parseFrameHeader,
  parseHeader,
  segmentKey,
} from "./segment.ts";
import type { FrameHeader, SegmentHeader } from "./segment.ts";
import { diskSource, segmentMac } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";
import { cutAndSeal, SegmentWriter } from "./segment-writer.ts";

export interface TrimParts {
  readonly disk: Disk;
  readonly keyring: Keyring;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Whole frames of a segment up to a size, and the frame that reaches beyond it. */
interface Walked {
  readonly source: SegmentSource;
  readonly header: SegmentHeader;
  readonly headerHash: Uint8Array;
  frameCount: number;
  nextIndex: number;
  lastTag: Uint8Array;
  bodyBytes: number;
  beyond: FrameHeader | null;
}

/** Exactly `size` leaves, sealed, when it returns. Throws `journal_corrupt` when there are fewer. */
export async function trimTree(parts: TrimParts, journal: string, tree: string, size: number): Promise<void> {
  assert(size > 0);
  const { disk } = parts;
  const found = (await scanJournal(disk, journal)).trees.find((one) => one.tree === tree);
  const [kept, beyond] = [
    found?.segments.filter(({ firstIndex }) => firstIndex < size) ?? [],
    found?.segments.filter(({ firstIndex }) => firstIndex >= size) ?? [],
  ];
  const last = kept.at(-1);
  if (found === undefined || last === undefined) throw tooShort(`${journal}/${tree}`, tree, 0, size);
  for (const { path } of [...beyond, ...found.cuts.filter(({ firstIndex }) => firstIndex >= size)])
    await disk.remove(path);
  const walked = await walk(disk, last, size);
  if (walked.nextIndex < size && walked.beyond === null) throw tooShort(last.path, tree, walked.nextIndex, size);
  if (walked.nextIndex === size && (await isSealed(walked))) return;
  const rest = walked.nextIndex === size ? null : await openPart(parts, found, walked, size);
  if (walked.frameCount === 0) await disk.remove(last.path);
  else await sealAt(parts, walked);
  if (rest !== null) await writeRest(parts, found, walked, rest);
}

async function walk(disk: Disk, { path }: FoundSegment, size: number): Promise<Walked> {
  const source = await diskSource(disk, path);
  const parsed = parseHeader(await source.read(0, MAX_HEADER_BYTES));
  if (parsed.kind !== "header") throw journalCorrupt("it has no whole header", { file: path, offset: 0 });
  const { header, hash: headerHash, bytes: bodyBytes } = parsed;
  const walked: Walked = {
    source,
    header,
    headerHash: new Uint8Array(headerHash),
    frameCount: 0,
    nextIndex: header.firstIndex,
    lastTag: header.previousTag,
    bodyBytes,
    beyond: null,
  };
  while (walked.nextIndex < size) {
    const frame = parseFrameHeader(await source.read(walked.bodyBytes, FRAME_HEADER_BYTES));
    if (typeof frame === "string" || walked.bodyBytes + frameBytes(frame) > source.sizeBytes) return walked;
    if (frame.firstIndex + frame.leafCount > size) return { ...walked, beyond: frame };
    walked.bodyBytes += frameBytes(frame);
    walked.frameCount += 1;
    walked.nextIndex += frame.leafCount;
    walked.lastTag = await source.read(walked.bodyBytes - TAG_BYTES, TAG_BYTES);
  }
  return walked;
}

async function isSealed({ source, bodyBytes, nextIndex }: Walked): Promise<boolean> {
  if (source.sizeBytes !== bodyBytes + FOOTER_BYTES) return false;
  const footer = parseFooter(await source.read(bodyBytes, FOOTER_BYTES));
  return footer !== null && footer.bodyBytes === bodyBytes && footer.nextIndex === nextIndex;
}

interface Part {
  readonly entries: Uint8Array;
  readonly count: number;
}

/** The leaves below `size` of the frame that reaches beyond it. */
async function openPart(
  { keyring }: TrimParts,
  { tree, log, epoch }: FoundTree,
  { source, header, headerHash, lastTag, bodyBytes, beyond }: Walked,
  size: number,
): Promise<Part> {
  assert(beyond !== null);
  const epochKey = await keyring.existing(`epoch.${log}.${epoch}`);
  if (epochKey === null) throw journalCorrupt("its epoch key is not in keys/", { file: source.path, tree });
  const { number: firstNumber, firstIndex } = beyond;
  const frames = await source.read(bodyBytes, frameBytes(beyond));
  const place = { segmentKey: segmentKey(epochKey, header), headerHash, previousTag: lastTag };
  const opened = openRun({ ...place, frames, firstNumber, firstIndex });
  const [frame] = opened.frames;
  if (opened.bad !== null || frame === undefined)
    throw journalCorrupt(opened.bad?.reason ?? "a frame does not open", { file: source.path, offset: bodyBytes, tree });
  const count = size - firstIndex;
  return { entries: frame.entries.subarray(0, skipEntries(frame.entries, count)), count };
}

async function sealAt({ disk, keyring }: TrimParts, walked: Walked): Promise<void> {
  const { source, bodyBytes, frameCount, nextIndex, lastTag } = walked;
  const start = encodeFooterStart({ bodyBytes, frameCount, nextIndex, lastTag });
  const mac = await segmentMac(source, await keyring.key("integrity"), bodyBytes, start);
  await cutAndSeal(disk, source.path, bodyBytes, Buffer.concat([start, mac]));
}

async function writeRest(parts: TrimParts, found: FoundTree, walked: Walked, { entries, count }: Part): Promise<void> {
  const { disk, keyring, randomBytes } = parts;
  const { tree, log, epoch, folder } = found;
  const { header, frameCount, lastTag, nextIndex: firstIndex } = walked;
  const previousTag = frameCount === 0 ? header.previousTag : (header.standingTag ?? lastTag);
  const epochKey = await keyring.key(`epoch.${log}.${epoch}`);
  const integrityKey = await keyring.key("integrity");
  const plan = { disk, folder, tree, epoch, firstIndex, previousTag, epochKey, integrityKey, randomBytes };
  const segment = new SegmentWriter(plan);
  await segment.create();
  const { segmentKey: key, headerHash } = segment;
  await segment.append(
    sealFrame({ segmentKey: key, headerHash, previousTag, number: 0, firstIndex }, entries, count),
    count,
  );
  await segment.seal();
}

function tooShort(file: string, tree: string, has: number, size: number): Error {
  return journalCorrupt(`the backup has ${has} leaves of the tree, and a checkpoint of ${size}`, {
    file,
    tree,
    index: has,
  });
}
