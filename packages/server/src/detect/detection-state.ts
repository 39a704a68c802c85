/**
 * How far rules have come, in a file of its own: an index that is built anew does not make old findings new ones.
 * Written after findings are durable, so that after a crash some are handed on again and none is lost.
 */
import type { Disk } from "../disk/disk.ts";
import { readSummed, writeSummed } from "../disk/summed-json.ts";

export interface Progress {
  /** Leaves before it are through. */
  readonly single: number;
  /** The same of rules that look at many records together. */
  readonly together: number;
}

/** A lasting condition that has been told. */
export interface Standing {
  readonly ruleId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly sinceUs: number;
}

interface Kept {
  readonly version: 1;
  readonly trees: Readonly<Record<string, Progress>>;
  readonly standing: readonly Standing[];
}

export class DetectionState {
  readonly trees: Map<string, Progress>;
  standing: readonly Standing[];
  /** False: rules have never run here, and begin with what comes now. */
  readonly isKnown: boolean;
  readonly #disk: Pick<Disk, "replaceFile">;
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();
  #isDirty = false;

  private constructor(disk: Pick<Disk, "replaceFile">, path: string, kept: Kept | null) {
    this.#disk = disk;
    this.#path = path;
    this.isKnown = kept !== null;
    this.trees = new Map(Object.entries(kept?.trees ?? {}));
    this.standing = kept?.standing ?? [];
  }

  /** A file that cannot be read counts as none: rules begin with what comes now. */
  static async open(disk: Pick<Disk, "readFile" | "replaceFile">, path: string): Promise<DetectionState> {
    const bytes = await disk.readFile(path);
    return new DetectionState(disk, path, bytes === null ? null : keptOf(bytes));
  }

  /** Durable when it returns. Saves that come while one is written share the next. */
  save(): Promise<void> {
    if (this.#isDirty) return this.#writing;
    this.#isDirty = true;
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#isDirty = false;
        const kept: Kept = { version: 1, trees: Object.fromEntries(this.trees), standing: this.standing };
        return this.#disk.replaceFile(this.#path, writeSummed(kept));
      });
    return this.#writing;
  }
}

function keptOf(bytes: Uint8Array): Kept | null {
  const kept = readSummed(bytes) as Kept | null | undefined;
  return kept?.version === 1 ? kept : null;
}
