/**
 * One segment being written. Its durable state moves on only when a frame was synced; whatever a failed write left
 * beyond is cut by `mend`. A segment that failed is never written to again but for its footer, since a nonce could be
 * used twice; a new one has a new key.
 */
import { createHmac } from "node:crypto";
import type { Hmac } from "node:crypto";
import assert from "node:assert/strict";

import type { AppendFile, Disk } from "../disk/disk.ts";
import { journalCorrupt } from "./corrupt.ts";
import {
  SALT_BYTES,
  TAG_BYTES,
  encodeFooterStart,
  encodeHeader,
  keyIdOf,
  parseHeader,
  segmentKey,
  segmentName,
} from "./segment.ts";
import type { SegmentFooter } from "./segment.ts";

export interface SegmentPlan {
  readonly disk: Disk;
  /** The tree's folder; exists. */
  readonly folder: string;
  readonly tree: string;
  readonly epoch: string;
  readonly firstIndex: number;
  readonly previousTag: Uint8Array;
  readonly epochKey: Uint8Array;
  readonly integrityKey: Uint8Array;
  readonly randomBytes: (size: number) => Uint8Array;
}

export class SegmentWriter {
  readonly path: string;
  readonly tree: string;
  readonly epoch: string;
  readonly firstIndex: number;
  readonly segmentKey: Uint8Array;
  readonly header: Uint8Array;
  readonly headerHash: Uint8Array;
  readonly previousTag: Uint8Array;
  readonly #disk: Disk;
  readonly #mac: Hmac;
  #file: AppendFile | null = null;
  #created = false;
  #footer: Uint8Array | null = null;
  #durable: Omit<SegmentFooter, "mac">;

  constructor(plan: SegmentPlan) {
    const salt = plan.randomBytes(SALT_BYTES);
    const { tree, firstIndex, previousTag, epochKey } = plan;
    this.header = encodeHeader({ tree, firstIndex, keyId: keyIdOf(epochKey), salt, previousTag });
    const parsed = parseHeader(this.header);
    assert(parsed.kind === "header");
    this.headerHash = parsed.hash;
    this.segmentKey = segmentKey(epochKey, { salt, tree });
    this.path = `${plan.folder}/${segmentName(firstIndex)}`;
    this.tree = tree;
    this.epoch = plan.epoch;
    this.firstIndex = firstIndex;
    this.previousTag = previousTag;
    this.#disk = plan.disk;
    this.#mac = createHmac("sha256", plan.integrityKey).update(this.header);
    this.#durable = { frameCount: 0, nextIndex: firstIndex, lastTag: previousTag, bodyBytes: this.header.length };
  }

  get bodyBytes(): number {
    return this.#durable.bodyBytes;
  }

  get frameCount(): number {
    return this.#durable.frameCount;
  }

  get nextIndex(): number {
    return this.#durable.nextIndex;
  }

  get lastTag(): Uint8Array {
    return this.#durable.lastTag;
  }

  /** The header is durable before the first frame is written: a file longer than its header never has a torn one. */
  async create(): Promise<void> {
    this.#file = await this.#disk.createAppend(this.path);
    this.#created = true;
    await this.#file.append(this.header);
    await this.#file.sync();
  }

  /** Durable when it returns. */
  async append(frame: Uint8Array, leafCount: number): Promise<void> {
    assert(this.#file !== null && this.#footer === null);
    await this.#file.append(frame);
    await this.#file.sync();
    this.#mac.update(frame);
    const { frameCount, nextIndex, bodyBytes } = this.#durable;
    this.#durable = {
      frameCount: frameCount + 1,
      nextIndex: nextIndex + leafCount,
      lastTag: new Uint8Array(frame.subarray(frame.length - TAG_BYTES)),
      bodyBytes: bodyBytes + frame.length,
    };
  }

  /** Adds the footer and closes. A segment without a frame is removed instead: it says nothing. */
  async seal(): Promise<void> {
    assert(this.#file !== null);
    if (this.frameCount === 0) return this.mend();
    await this.#file.append(this.#sealedFooter());
    await this.#file.sync();
    await this.close();
  }

  /** After a failed write, or none: cuts what is not durable, then seals. May be repeated until it succeeds. */
  async mend(): Promise<void> {
    await this.close();
    if (this.frameCount === 0) return this.#removeEmpty();
    await cutAndSeal(this.#disk, this.path, this.bodyBytes, this.#sealedFooter());
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    // What matters was synced before; a descriptor that cannot even be closed is of no more use to anybody.
    await file?.close().catch(() => {});
  }

  /**
   * A file that this run did not make is not removed unless it is empty: its making may have been answered with an
   * error.
   */
  async #removeEmpty(): Promise<void> {
    const sizeBytes = this.#created ? 0 : ((await this.#disk.size(this.path)) ?? 0);
    if (sizeBytes > 0)
      throw journalCorrupt("a segment is in the way of the next one", { file: this.path, tree: this.tree });
    await this.#disk.remove(this.path);
  }

  #sealedFooter(): Uint8Array {
    if (this.#footer === null) {
      const start = encodeFooterStart(this.#durable);
      this.#footer = Buffer.concat([start, this.#mac.update(start).digest()]);
    }
    return this.#footer;
  }
}

/** Cuts a segment after its last whole frame and closes it with its footer; how recovery and repair end a segment. */
export async function cutAndSeal(disk: Disk, path: string, bodyBytes: number, footer: Uint8Array): Promise<void> {
  const sizeBytes = await disk.size(path);
  if (sizeBytes === null || sizeBytes < bodyBytes)
    throw journalCorrupt(`bytes that were durable are gone: ${sizeBytes ?? 0} of ${bodyBytes} are left`, {
      file: path,
    });
  const file = await disk.openAppend(path);
  try {
    if (sizeBytes > bodyBytes) await file.truncate(bodyBytes);
    await file.append(footer);
    await file.sync();
  } finally {
    await file.close().catch(() => {});
  }
}
