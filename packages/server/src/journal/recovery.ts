/**
 * What a start finds in `journal/`, checked and made ready. Sealed segments are checked for their place: header,
 * footer, and the tags that chain them, and where no segment follows, the frames' clear headers; their contents are
 * fsck's business. The last segment of a log's newest tree is read whole. It alone may be unsealed; a tail is cut from
 * it only beyond the head store's size, the cut bytes are kept beside it, and it is sealed.
 *
 * Anything else that is wrong stops the start, with segment, frame and offset, and changes nothing.
 */
import assert from "node:assert/strict";

import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import type { Keyring } from "../kms/kms.ts";
import { journalCorrupt } from "./corrupt.ts";
import { digestOf } from "./own-records.ts";
import { readSegment } from "./read-segment.ts";
import type { SegmentFault, SegmentReport, SegmentTail } from "./read-segment.ts";
import type { FoundSegment, FoundTree } from "./scan.ts";
import { scanJournal } from "./scan.ts";
import type { SegmentHeader } from "./segment.ts";
import {
  FOOTER_BYTES,
  MAX_HEADER_BYTES,
  NO_TAG,
  encodeFooterStart,
  headerBytes,
  parseFooter,
  parseHeader,
} from "./segment.ts";
import { diskSource, segmentMac } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";
import type { KnownSegment, KnownTree } from "./segment-store.ts";
import { cutAndSeal } from "./segment-writer.ts";

export interface RecoveryParts {
  readonly folder: string;
  readonly disk: Disk;
  readonly keyring: Keyring;
  /** Leaves of a tree that the head store knows to be integrated. */
  readonly integratedSize: (tree: string) => Promise<number>;
}

export interface Recovered {
  /** Trees that have leaves: by log, then oldest first. */
  readonly trees: readonly RecoveredTree[];
  /** By log: the newest epoch whose folder was made, also without a segment. The log never goes back behind it. */
  readonly begun: ReadonlyMap<string, string>;
  /** Cuts that no record in the log tells of yet. */
  readonly untoldCuts: readonly UntoldCut[];
}

export interface RecoveredTree extends KnownTree {
  readonly size: number;
  readonly lastTag: Uint8Array;
}

export interface UntoldCut {
  readonly tree: string;
  readonly log: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** `sha256:` and the hex digest of the cut bytes. */
  readonly digest: string;
  /** Where the tree goes on. */
  readonly nextIndex: number;
}

/** Where a tree has got to, from segment to segment. */
interface Chain {
  readonly found: FoundTree;
  readonly segments: KnownSegment[];
  nextIndex: number;
  lastTag: Uint8Array;
}

export async function recoverJournal(parts: RecoveryParts): Promise<Recovered> {
  const scan = await scanJournal(parts.disk, parts.folder);
  const stranger = scan.strangers[0];
  if (stranger !== undefined) throw journalCorrupt("there is something that does not belong there", { file: stranger });
  const trees: RecoveredTree[] = [];
  for (const [place, found] of scan.trees.entries()) {
    const later = scan.trees.slice(place + 1).filter(({ log, segments }) => log === found.log && segments.length > 0);
    const chain = await followTree(parts, found, later);
    await checkAgainstHead(parts, chain);
    if (chain.segments.length > 0) trees.push(recoveredTree(chain));
  }
  for (const leftover of scan.leftovers) await parts.disk.remove(leftover);
  const begun = new Map(scan.trees.map(({ log, epoch }) => [log, epoch]));
  return { trees, begun, untoldCuts: await findUntoldCuts(parts, trees) };
}

async function followTree(parts: RecoveryParts, found: FoundTree, later: readonly FoundTree[]): Promise<Chain> {
  const chain: Chain = { found, segments: [], nextIndex: 0, lastTag: NO_TAG };
  for (const [place, segment] of found.segments.entries()) {
    const source = await diskSource(parts.disk, segment.path);
    const facts = await sealedFacts(source);
    const last = place === found.segments.length - 1;
    // A segment is sealed before the one that follows it, in the same tree or in the next, is made.
    const newest = last && later.length === 0;
    if (facts === null && newest) {
      await endOpenSegment(parts, chain, segment, source);
      continue;
    }
    if (facts === null) throw await refusal(parts, found, source);
    if (last) await checkWhole(parts, found, source, newest ? "tags" : "structure");
    follow(chain, segment, facts);
  }
  return chain;
}

interface SealedFacts extends Omit<KnownSegment, "path"> {
  readonly lastTag: Uint8Array;
}

/** Header and footer of a sealed segment, or null when it is not one. */
async function sealedFacts(source: SegmentSource): Promise<SealedFacts | null> {
  const parsed = parseHeader(await source.read(0, MAX_HEADER_BYTES));
  const bodyBytes = source.sizeBytes - FOOTER_BYTES;
  if (parsed.kind !== "header" || bodyBytes <= parsed.bytes) return null;
  const footer = parseFooter(await source.read(bodyBytes, FOOTER_BYTES));
  if (footer === null || footer.bodyBytes !== bodyBytes) return null;
  const { header, hash: headerHash, bytes } = parsed;
  if (footer.nextIndex <= header.firstIndex || footer.frameCount < 1) return null;
  const lastTag = header.standingTag ?? footer.lastTag;
  return { header, headerHash, headerBytes: bytes, bodyBytes, nextIndex: footer.nextIndex, lastTag };
}

function follow(chain: Chain, segment: FoundSegment, facts: SealedFacts): void {
  const { header, nextIndex, lastTag, ...rest } = facts;
  checkPlace(chain, segment, header);
  chain.segments.push({ path: segment.path, header, nextIndex, ...rest });
  chain.nextIndex = nextIndex;
  chain.lastTag = lastTag;
}

function checkPlace(chain: Chain, segment: FoundSegment, header: SegmentHeader): void {
  const { tree } = chain.found;
  const refuse = (message: string) =>
    journalCorrupt(message, { file: segment.path, offset: 0, tree, index: chain.nextIndex });
  if (header.tree !== tree) throw refuse(`the segment belongs to the tree ${header.tree}`);
  if (header.firstIndex !== segment.firstIndex)
    throw refuse(`the segment begins with leaf ${header.firstIndex}, not as its name says`);
  if (header.firstIndex !== chain.nextIndex)
    throw refuse(`leaves ${chain.nextIndex} to ${header.firstIndex - 1} are missing`);
  if (Buffer.compare(header.previousTag, chain.lastTag) !== 0)
    throw refuse("the segment does not follow the one before it");
}

async function endOpenSegment(
  parts: RecoveryParts,
  chain: Chain,
  segment: FoundSegment,
  source: SegmentSource,
): Promise<void> {
  const { found } = chain;
  // The header was durable before the first frame, so a file no longer than it never had one.
  if (source.sizeBytes <= headerBytes(found.tree)) {
    await checkHeadBefore(parts, found.tree, segment.firstIndex, segment.path);
    return parts.disk.remove(segment.path);
  }
  const epochKey = await parts.keyring.existing(`epoch.${found.log}.${found.epoch}`);
  if (epochKey === null)
    throw journalCorrupt("its epoch key is not in keys/", { file: segment.path, tree: found.tree });
  const report = await readSegment(source, { contents: "tags", epochKey });
  const fault = report.faults[0];
  if (fault !== undefined) throw fatalFault(fault, found.tree);
  assert(report.header !== null && !report.sealed);
  checkPlace(chain, segment, report.header);
  if (report.tail !== null) await checkHeadBefore(parts, found.tree, report.tail.index, segment.path, report.tail);
  if (report.frameCount === 0) return setAside(parts.disk, found, segment);
  if (report.tail !== null) await keepTail(parts.disk, found, segment, report.tail);
  follow(chain, segment, await sealNow(parts, source, report));
}

async function sealNow(parts: RecoveryParts, source: SegmentSource, report: SegmentReport): Promise<SealedFacts> {
  const { bodyBytes, frameCount, nextIndex, lastTag } = report;
  const start = encodeFooterStart({ bodyBytes, frameCount, nextIndex, lastTag });
  const mac = await segmentMac(source, await integrityKeyOf(parts), bodyBytes, start);
  await cutAndSeal(parts.disk, source.path, bodyBytes, Buffer.concat([start, mac]));
  const parsed = parseHeader(await source.read(0, MAX_HEADER_BYTES));
  if (parsed.kind !== "header") throw journalCorrupt("its header changed while it was read", { file: source.path });
  return { header: parsed.header, headerHash: parsed.hash, headerBytes: parsed.bytes, bodyBytes, nextIndex, lastTag };
}

/** No segment follows that would contradict a footer's figures, so they are compared with the frames. */
async function checkWhole(
  parts: RecoveryParts,
  found: FoundTree,
  source: SegmentSource,
  contents: "tags" | "structure",
): Promise<SegmentReport> {
  const epochKey = await parts.keyring.existing(`epoch.${found.log}.${found.epoch}`);
  const integrityKey = contents === "tags" ? await integrityKeyOf(parts) : null;
  const report = await readSegment(source, {
    contents,
    ...(epochKey === null ? {} : { epochKey }),
    ...(integrityKey === null ? {} : { integrityKey }),
  });
  const fault = report.faults[0];
  if (fault !== undefined) throw fatalFault(fault, found.tree);
  return report;
}

/** Made before the first segment was; making another now would make every footer look false. */
async function integrityKeyOf({ keyring, folder }: RecoveryParts): Promise<Uint8Array> {
  const key = await keyring.existing("integrity");
  if (key !== null) return key;
  throw new TallystickError("key_unavailable", "the journal has segments, but keys/integrity.json is not there", {
    fatal: true,
    at: { file: folder },
    hint: "Restore the folder keys/ from a backup.",
  });
}

async function refusal(parts: RecoveryParts, found: FoundTree, source: SegmentSource): Promise<Error> {
  const { bodyBytes: offset, frameCount: frame } = await checkWhole(parts, found, source, "tags");
  const message = "the segment has no footer, and it is not the newest of its log";
  return journalCorrupt(message, { file: source.path, offset, frame, tree: found.tree });
}

/** All of a segment in which no frame is whole: nothing in it was ever acknowledged. */
async function setAside(disk: Disk, found: FoundTree, segment: FoundSegment): Promise<void> {
  await disk.rename(segment.path, cutPath(found, segment));
}

/**
 * Whole and durable beside the segment before the segment is cut. A recovery that was interrupted between the two has
 * kept it already.
 */
async function keepTail(disk: Disk, found: FoundTree, segment: FoundSegment, tail: SegmentTail): Promise<void> {
  const bytes = await disk.read(segment.path, tail.offset, tail.bytes);
  const newest = found.cuts.findLast(({ firstIndex }) => firstIndex === segment.firstIndex);
  const kept = newest === undefined ? null : await disk.readFile(newest.path);
  if (kept === null || Buffer.compare(kept, bytes) !== 0) await disk.replaceFile(cutPath(found, segment), bytes);
}

function cutPath(found: FoundTree, segment: FoundSegment): string {
  const taken = found.cuts.filter(({ firstIndex }) => firstIndex === segment.firstIndex).map(({ number }) => number);
  return `${segment.path}.cut-${Math.max(0, ...taken) + 1}`;
}

async function checkHeadBefore(
  parts: RecoveryParts,
  tree: string,
  index: number,
  file: string,
  tail?: SegmentTail,
): Promise<void> {
  const integrated = await parts.integratedSize(tree);
  if (index >= integrated) return;
  const message = `${tail?.reason ?? "the segment has no frame"}, but the head store says that ${integrated} leaves were whole`;
  throw journalCorrupt(message, {
    file,
    tree,
    index,
    ...(tail === undefined ? {} : { offset: tail.offset, frame: tail.frame }),
  });
}

async function checkAgainstHead(parts: RecoveryParts, chain: Chain): Promise<void> {
  const { tree, folder } = chain.found;
  const integrated = await parts.integratedSize(tree);
  if (chain.nextIndex >= integrated) return;
  const message = `the head store says that the tree has ${integrated} leaves; the journal holds ${chain.nextIndex}`;
  throw journalCorrupt(message, { file: chain.segments.at(-1)?.path ?? folder, tree, index: chain.nextIndex });
}

/**
 * The record of a cut is in the first frame that is written after it. So a cut is untold exactly when no segment with a
 * frame comes after the one it was cut from.
 */
async function findUntoldCuts(parts: RecoveryParts, trees: readonly RecoveredTree[]): Promise<readonly UntoldCut[]> {
  const untold: UntoldCut[] = [];
  const scan = await scanJournal(parts.disk, parts.folder);
  for (const [place, found] of scan.trees.entries()) {
    const recovered = trees.find(({ tree }) => tree === found.tree);
    const later = scan.trees
      .slice(place + 1)
      .some(({ log, tree }) => log === found.log && trees.some((one) => one.tree === tree));
    if (later) continue;
    const lastIndex = recovered?.segments.at(-1)?.header.firstIndex ?? -1;
    for (const { name, path, firstIndex } of found.cuts) {
      const before = firstIndex < lastIndex || (firstIndex === lastIndex && (await isWholeSegment(parts.disk, path)));
      if (before) continue;
      const bytes = (await parts.disk.readFile(path)) ?? new Uint8Array();
      const { tree, log } = found;
      untold.push({
        tree,
        log,
        name,
        sizeBytes: bytes.length,
        digest: digestOf(bytes),
        nextIndex: recovered?.size ?? 0,
      });
    }
  }
  return untold;
}

/** Set aside whole, so that the segment which now has its name came after it. */
async function isWholeSegment(disk: Disk, path: string): Promise<boolean> {
  return parseHeader(await disk.read(path, 0, MAX_HEADER_BYTES)).kind === "header";
}

function recoveredTree({ found, segments, nextIndex, lastTag }: Chain): RecoveredTree {
  const { tree, log, epoch } = found;
  return { tree, log, epoch, segments, size: nextIndex, lastTag };
}

function fatalFault({ message, file, offset, frame, index }: SegmentFault, tree: string): Error {
  return journalCorrupt(message, { file, offset, frame, tree, index });
}
