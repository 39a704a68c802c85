/**
 * Space on the disk that is kept for records of Tallystick's own: who reads, and what people change.
 *
 * Guarantees: while the reserve is whole, its bytes lie on the disk, so that however full it gets the log of access
 * and the control log can go on by so much; while some of it was given away, nobody else's records are taken. It is
 * filled again as soon as there is space beyond it.
 * Left out on purpose: keeping other programs from the space that was given away.
 */
import { dirname } from "node:path";

import type { Clock } from "../clock.ts";
import type { AppendFile, Disk } from "../disk/disk.ts";
import { MIN_FREE_BYTES, RESERVE_PIECE_BYTES, RESERVE_PROBE_MS } from "./limits.ts";

export interface SpaceReserve {
  /** False while some of it is given away. */
  isWhole(): boolean;
  /** Gives a piece back to the file system; false when there is none left. */
  release(): Promise<boolean>;
  close(): Promise<void>;
}

export interface ReserveParts {
  readonly disk: Disk;
  readonly clock: Clock;
  /** A file of its own. */
  readonly path: string;
  readonly bytes: number;
  /** A file system that compresses makes nothing of zeros. */
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Whole when it returns, unless the disk is full already. */
export async function openReserve(parts: ReserveParts): Promise<SpaceReserve> {
  const { disk, path } = parts;
  const file = (await disk.size(path)) === null ? await disk.createAppend(path) : await disk.openAppend(path);
  const reserve = new FileReserve(parts, file, (await disk.size(path)) ?? 0);
  await reserve.fill();
  return reserve;
}

class FileReserve implements SpaceReserve {
  readonly #parts: ReserveParts;
  readonly #file: AppendFile;
  #heldBytes: number;
  #last: Promise<unknown> = Promise.resolve();
  #cancel: () => void = () => {};
  #closed = false;

  constructor(parts: ReserveParts, file: AppendFile, heldBytes: number) {
    this.#parts = parts;
    this.#file = file;
    this.#heldBytes = heldBytes;
  }

  isWhole(): boolean {
    return this.#heldBytes >= this.#parts.bytes;
  }

  release(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#heldBytes === 0 || this.#closed) return false;
      const left = Math.max(0, this.#heldBytes - RESERVE_PIECE_BYTES);
      // Less is held from now on, whatever becomes of the call.
      this.#heldBytes = left;
      await this.#file.truncate(left);
      this.#fillLater();
      return true;
    });
  }

  fill(): Promise<void> {
    return this.#inTurn(async () => {
      const missing = this.#parts.bytes - this.#heldBytes;
      if (this.#closed || missing <= 0) return;
      try {
        await this.#add(missing);
      } catch {
        // What was written in part is cut, so that what is held is known.
        await this.#file.truncate(this.#heldBytes).catch(() => undefined);
      }
      if (!this.isWhole()) this.#fillLater();
    });
  }

  #fillLater(): void {
    this.#cancel();
    if (this.#closed) return;
    this.#cancel = this.#parts.clock.after(RESERVE_PROBE_MS, () => void this.fill().catch(() => undefined));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#last;
    await this.#file.close();
  }

  async #add(missing: number): Promise<void> {
    const { disk, path, randomBytes } = this.#parts;
    const { freeBytes } = await disk.space(dirname(path));
    if (freeBytes < missing + MIN_FREE_BYTES) return;
    for (let left = missing; left > 0; left -= RESERVE_PIECE_BYTES)
      await this.#file.append(randomBytes(Math.min(left, RESERVE_PIECE_BYTES)));
    await this.#file.sync();
    this.#heldBytes += missing;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
