/**
 * The leaves of one tree as they lie in its segments: every frame of every segment, the chain from segment to
 * segment, every leaf's form. Leaf hashes go to a walk. Where frames are damaged the walk takes the hashes from the
 * tiles, so that what lies behind the damage is still checked and the damage is one fault, not thousands.
 */
import { TILE_WIDTH, tilePath } from "@tallystick/tlog";
import type { Compute } from "../compute/compute.ts";
import type { Disk } from "../disk/disk.ts";
import type { FoundSegment, FoundTree } from "../journal/scan.ts";
import { readSegment } from "../journal/read-segment.ts";
import type { SegmentBlock, SegmentReport } from "../journal/read-segment.ts";
import { NO_TAG } from "../journal/segment.ts";
import { diskSource } from "../journal/segment-source.ts";
import { addDay, checkLeavesTask, outOfOrder } from "./check-leaves-task.ts";
import type { CheckLeavesOutput, LeafDay } from "./check-leaves-task.ts";
import type { TreeFaults } from "./faults.ts";
import type { LeafWalk } from "./leaf-walk.ts";
import { MAX_CHECKS_UNDER_WAY, MAX_TILE_LOOKS, TILES_A_STEP } from "./limits.ts";

const HASH_BYTES = 32;

export interface LeavesOptions {
  readonly disk: Disk;
  readonly found: FoundTree;
  /** `ledger/<log>/<epoch>` */
  readonly tileFolder: string;
  /** Null: only the clear bytes are checked. */
  readonly epochKey: Uint8Array | null;
  readonly integrityKey: Uint8Array | null;
  /** Leaves that head or checkpoint vouch for: below that there is no tail. */
  readonly vouched: number;
  /** After a clean stop, or when a newer tree of the log has leaves, the last segment is sealed too. */
  readonly mayBeOpen: boolean;
  readonly compute: Compute;
  readonly faults: TreeFaults;
  readonly onLeaves: (count: number) => void;
}

export interface FolderTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly tree: string;
  /** Index that its first leaf would have had. */
  readonly index: number;
}

export interface LeavesOutcome {
  /** Leaves in whole frames. */
  readonly journaled: number;
  /** Leaf 0 and EPOCH_LINKs. */
  readonly chain: readonly { readonly index: number; readonly leaf: Uint8Array }[];
  readonly tail: FolderTail | null;
  /** False when the walk stopped before the last leaf. */
  readonly isWhole: boolean;
  /** True when segments had faults, so that their sizes say nothing. */
  readonly isDamaged: boolean;
  readonly macs: "checked" | "not checked";
  readonly leavesChecked: number;
  /** Leaves by day of receipt: what an index over them must hold. */
  readonly days: readonly LeafDay[];
  readonly bodies: CheckLeavesOutput["bodies"];
  readonly erased: CheckLeavesOutput["erased"];
  readonly stubs: CheckLeavesOutput["stubs"];
}

export async function checkLeaves(options: LeavesOptions, walk: LeafWalk): Promise<LeavesOutcome> {
  const run = new LeavesRun(options, walk);
  for (const [at, segment] of options.found.segments.entries()) {
    await run.segment(segment, at === options.found.segments.length - 1);
  }
  return run.finish();
}

class LeavesRun {
  readonly #options: LeavesOptions;
  readonly #walk: LeafWalk;
  readonly #chain: { index: number; leaf: Uint8Array }[] = [];
  readonly #checks: PendingCheck[] = [];
  #nextIndex = 0;
  #lastTag: Uint8Array = NO_TAG;
  #tail: FolderTail | null = null;
  #isWhole = true;
  #isDamaged = false;
  /** The segment before had a fault, so that nobody knows where it should have ended. */
  #isLoose = false;
  #macs: "checked" | "not checked" = "checked";
  #leavesChecked = 0;
  #receivedLast = "";
  readonly #days: LeafDay[] = [];
  readonly #bodies: CheckLeavesOutput["bodies"][number][] = [];
  readonly #erased: CheckLeavesOutput["erased"][number][] = [];
  readonly #stubs: CheckLeavesOutput["stubs"][number][] = [];

  constructor(options: LeavesOptions, walk: LeafWalk) {
    this.#options = options;
    this.#walk = walk;
  }

  async segment(segment: FoundSegment, isLast: boolean): Promise<void> {
    const { disk, epochKey, integrityKey, compute, faults } = this.#options;
    const report = await readSegment(await diskSource(disk, segment.path), {
      contents: epochKey === null ? "structure" : "leaves",
      compute,
      onBlock: (block) => this.#block(block),
      ...(epochKey === null ? {} : { epochKey }),
      ...(integrityKey === null ? {} : { integrityKey }),
    });
    for (const { code, message, file, offset, frame, index } of report.faults) {
      const where = frame === null ? message : `frame ${frame}: ${message}`;
      faults.add(code, where, { file, offset, ...(index === null ? {} : { index }) });
    }
    this.#place(segment, report);
    this.#end(segment, report, isLast);
    if (report.mac === "not checked" || report.mac === "absent") this.#macs = "not checked";
    this.#isLoose = report.faults.length > 0;
    this.#isDamaged ||= this.#isLoose;
    if (report.header === null) return;
    this.#nextIndex = report.nextIndex;
    this.#lastTag = report.header.standingTag ?? report.lastTag;
  }

  async finish(): Promise<LeavesOutcome> {
    while (this.#checks.length > 0) await this.#settleCheck();
    const { epochKey, vouched } = this.#options;
    if (epochKey !== null && this.#isDamaged) await this.#fillFromTiles(vouched);
    return {
      journaled: this.#nextIndex,
      chain: this.#chain,
      tail: this.#tail,
      isWhole: this.#isWhole && this.#walk.size >= this.#nextIndex,
      isDamaged: this.#isDamaged,
      macs: this.#macs,
      leavesChecked: this.#leavesChecked,
      days: this.#days,
      bodies: this.#bodies,
      erased: this.#erased,
      stubs: this.#stubs,
    };
  }

  /** The segment is the one that its name and the segment before it say. */
  #place({ path, firstIndex }: FoundSegment, { header }: SegmentReport): void {
    const { found } = this.#options;
    if (firstIndex !== this.#nextIndex && !(this.#isLoose && firstIndex > this.#nextIndex)) {
      const message = `the segment begins with leaf ${firstIndex}; leaf ${this.#nextIndex} was expected`;
      this.#misplaced(message, path, Math.min(firstIndex, this.#nextIndex));
    }
    if (header === null) return;
    if (header.tree !== found.tree) this.#misplaced(`the segment is of the tree ${header.tree}`, path);
    if (header.firstIndex !== firstIndex)
      this.#misplaced(`its name says leaf ${firstIndex}, its header leaf ${header.firstIndex}`, path);
    if (!this.#isLoose && Buffer.compare(header.previousTag, this.#lastTag) !== 0) {
      this.#misplaced("the segment does not follow the one before it", path, firstIndex);
    }
  }

  #misplaced(message: string, file: string, index?: number): void {
    this.#isDamaged = true;
    this.#options.faults.add("segment_order", message, { file, ...(index === undefined ? {} : { index }) });
  }

  /** What may stand at a segment's end: a footer; in the last one also nothing, or a tail that nobody vouched for. */
  #end({ path, firstIndex }: FoundSegment, report: SegmentReport, isLast: boolean): void {
    const { faults, vouched, found, mayBeOpen } = this.#options;
    if (report.sealed || report.faults.some(({ code }) => code === "segment_header")) return;
    const offset = report.tail?.offset ?? report.bodyBytes;
    const index = report.interrupted ? firstIndex : report.nextIndex;
    if (!isLast)
      return faults.add("segment_unsealed", "a segment with another after it has no footer", {
        file: path,
        offset,
        index,
      });
    const isTail = report.tail !== null || report.interrupted;
    if (isTail && index < vouched)
      return faults.add("segment_tail", "the segment ends within what was signed", { file: path, offset, index });
    if (isTail)
      this.#tail = { file: faults.relative(path), offset, bytes: report.sizeBytes - offset, tree: found.tree, index };
    if (!mayBeOpen) faults.add("segment_unsealed", "the last segment has no footer", { file: path, offset, index });
  }

  async #block(block: SegmentBlock): Promise<void> {
    const { onLeaves } = this.#options;
    const { firstIndex, count, hashes } = block;
    this.#leavesChecked += count;
    onLeaves(count);
    await this.#check(block);
    if (firstIndex > this.#walk.size) await this.#fillFromTiles(firstIndex);
    const known = this.#walk.size - firstIndex;
    if (known < 0) this.#isWhole = false;
    else if (known < count) await this.#walk.append(hashes.subarray(known * HASH_BYTES));
  }

  async #check({ firstIndex, count, entries, offset }: SegmentBlock): Promise<void> {
    const { compute, found } = this.#options;
    const file = found.segments.findLast((segment) => segment.firstIndex <= firstIndex)?.path ?? found.folder;
    const output = compute.run(checkLeavesTask, { firstIndex, count, entries }, [entries.buffer as ArrayBuffer]);
    output.catch(() => undefined); // It is awaited below; until then it may not count as unhandled.
    this.#checks.push({ output, firstIndex, file, offset });
    if (this.#checks.length > MAX_CHECKS_UNDER_WAY) await this.#settleCheck();
  }

  /** The oldest check, so that blocks are judged in order. */
  async #settleCheck(): Promise<void> {
    const pending = this.#checks.shift();
    if (pending === undefined) return;
    const { file, offset, firstIndex } = pending;
    const { bad, badCount, disorder, receivedFirst, receivedLast, chain, days, ...told } = await pending.output;
    const { faults } = this.#options;
    this.#chain.push(...chain);
    this.#bodies.push(...told.bodies);
    this.#erased.push(...told.erased);
    this.#stubs.push(...told.stubs);
    for (const day of days) addDay(this.#days, day);
    const more = badCount > 1 ? ` (and ${badCount - 1} more near it)` : "";
    if (bad !== null) faults.add("leaf_malformed", `${bad.message}${more}`, { file, offset, index: bad.index });
    if (disorder !== null) faults.add("leaf_order", disorder.message, { file, offset, index: disorder.index });
    if (receivedFirst !== "" && receivedFirst < this.#receivedLast) {
      faults.add("leaf_order", outOfOrder(receivedFirst, this.#receivedLast), { file, offset, index: firstIndex });
    }
    if (receivedLast !== "") this.#receivedLast = receivedLast;
  }

  /** Hashes of leaves that could not be read. */
  async #fillFromTiles(until: number): Promise<void> {
    const { disk, tileFolder } = this.#options;
    while (this.#walk.size < until) {
      const from = this.#walk.size;
      const hashes = await levelZeroHashes(disk, tileFolder, from);
      if (hashes === null) return;
      await this.#walk.append(hashes.subarray(0, (until - from) * HASH_BYTES));
    }
  }
}

interface PendingCheck {
  readonly output: Promise<CheckLeavesOutput>;
  readonly firstIndex: number;
  readonly file: string;
  readonly offset: number;
}

/**
 * Leaf hashes from `from` to the end of the tile that holds it, as its file has them; null when it does not have that
 * one.
 */
async function levelZeroHashes(disk: Disk, folder: string, from: number): Promise<Uint8Array | null> {
  const whole = `${folder}/${tilePath(0, Math.floor(from / TILE_WIDTH))}`;
  const skip = (from % TILE_WIDTH) * HASH_BYTES;
  for (let look = 0; look < MAX_TILE_LOOKS; look += 1) {
    const partials = (await disk.list(`${whole}.p`)).map((name) => `${whole}.p/${name}`);
    for (const path of [whole, ...partials.reverse()]) {
      const bytes = await disk.readFile(path);
      const isTile = bytes !== null && bytes.length % HASH_BYTES === 0 && bytes.length <= TILE_WIDTH * HASH_BYTES;
      if (isTile && bytes.length > skip) return bytes.subarray(skip);
    }
  }
  return null;
}

/** The hash of one leaf as the tiles have it; null when its tile is missing. */
export async function levelZeroHash(disk: Disk, folder: string, index: number): Promise<Uint8Array | null> {
  const hashes = await levelZeroHashes(disk, folder, index);
  return hashes === null ? null : hashes.subarray(0, HASH_BYTES);
}

/**
 * The walk over a tree whose contents cannot be read: leaf hashes from the tiles of level 0. False when one is
 * missing.
 */
export async function walkTiles(
  disk: Disk,
  folder: string,
  size: number,
  walk: LeafWalk,
  onLeaves: (count: number) => void,
): Promise<boolean> {
  while (walk.size < size) {
    const count = Math.min(size - walk.size, TILES_A_STEP * TILE_WIDTH);
    const until = walk.size + count;
    while (walk.size < until) {
      const hashes = await levelZeroHashes(disk, folder, walk.size);
      if (hashes === null) return false;
      await walk.append(hashes.subarray(0, (size - walk.size) * HASH_BYTES));
    }
    onLeaves(count);
  }
  return true;
}

/** The leaf hashes of a tree whose segments were found good, without checking the leaves again. */
export async function walkJournal(disk: Disk, found: FoundTree, epochKey: Uint8Array, walk: LeafWalk): Promise<void> {
  for (const { path } of found.segments) {
    const source = await diskSource(disk, path);
    await readSegment(source, { contents: "leaves", epochKey, onBlock: ({ hashes }) => walk.append(hashes) });
  }
}
