/**
 * Space on the disk that is kept for records of Tallystick's own: who reads, and what people change.
 *
 * Guarantees: while the reserve is whole, its bytes lie on the disk, so that however full it gets the log of access
 * and the control log can go on by so much; while some of it was given away, nobody else's records are taken. A log
 * that others can make grow (alerts, by traffic) has a share of it, and never takes what is left for reads and changes.
 * It is filled again as soon as there is space beyond it.
 * Left out on purpose: keeping other programs from the space that was given away.
 */
import { dirname } from "node:path";

import type { Clock } from "../clock.ts";
import type { AppendFile, Disk } from "../disk/disk.ts";
import { MIN_FREE_BYTES, RESERVE_PIECE_BYTES, RESERVE_PROBE_MS } from "./limits.ts";

export interface SpaceReserve {
  /** Bytes that are held; all of them while the disk is not full. */
  heldBytes(): number;
  /** Gives a piece back to the file system; false when less than `floorBytes` would be left. */
  release(floorBytes: number): Promise<boolean>;
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

/** Which logs may use the reserve: each down to a part of it, 0 to 1, that stays for the others. */
export interface OwnSpace {
  readonly reserve: SpaceReserve;
  readonly reserveBytes: number;
  readonly logs: ReadonlyMap<string, number>;
}

interface SpaceShare {
  /** False while what is left is kept for other logs. */
  readonly hasSpace: () => boolean;
  /** Gives the log a piece of the reserve; false when it has had its share. */
  readonly release: () => Promise<boolean>;
}

/** Of a log that may use none of it, which waits while it is not whole, too. */
export function shareOf({ reserve, reserveBytes, logs }: OwnSpace, log: string): SpaceShare {
  const floorBytes = Math.ceil(reserveBytes * (logs.get(log) ?? 1));
  return {
    hasSpace: () => reserve.heldBytes() >= floorBytes,
    release: () => reserve.release(floorBytes),
  };
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

  heldBytes(): number {
    return this.#heldBytes;
  }

  release(floorBytes: number): Promise<boolean> {
    return this.#inTurn(async () => {
      const left = Math.max(floorBytes, this.#heldBytes - RESERVE_PIECE_BYTES);
      if (this.#heldBytes <= left || this.#closed) return false;
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
      if (this.#heldBytes < this.#parts.bytes) this.#fillLater();
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
