/** What lies in the folder `payload/`, by name. Reads no file. */
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { compareEpochs, epochStartUs } from "../journal/epochs.ts";
import { foldersIn, LOG_PATTERN } from "../journal/scan.ts";

export interface FoundPayloads {
  readonly path: string;
  readonly log: string;
  readonly epoch: string;
  /** When it was begun, by its name; later ones of a log have a larger one. */
  readonly createdUs: number;
}

export interface PayloadScan {
  /** By log, then oldest first. */
  readonly files: readonly FoundPayloads[];
  /** Paths of what does not belong there. */
  readonly strangers: readonly string[];
  /** Of an erasure that was interrupted while it wrote; the file that it wanted to replace is whole. */
  readonly leftovers: readonly string[];
}

const FILE_PATTERN = /^(\d{20})\.pay$/;

export function payloadFileName(createdUs: number): string {
  return `${String(createdUs).padStart(20, "0")}.pay`;
}

export async function scanPayloads(disk: Disk, folder: string): Promise<PayloadScan> {
  const files: FoundPayloads[] = [];
  const strangers: string[] = [];
  const leftovers: string[] = [];
  for (const log of await foldersIn(disk, folder, strangers, (name) => LOG_PATTERN.test(name))) {
    const epochs = await foldersIn(disk, `${folder}/${log}`, strangers, (name) => epochStartUs(name) !== null);
    for (const epoch of [...epochs].sort(compareEpochs)) {
      for (const name of await disk.list(`${folder}/${log}/${epoch}`)) {
        const path = `${folder}/${log}/${epoch}/${name}`;
        const createdUs = Number(FILE_PATTERN.exec(name)?.[1] ?? Number.NaN);
        if (Number.isSafeInteger(createdUs)) files.push({ path, log, epoch, createdUs });
        else if (name.endsWith(TEMPORARY_SUFFIX) && FILE_PATTERN.test(name.slice(0, -TEMPORARY_SUFFIX.length)))
          leftovers.push(path);
        else strangers.push(path);
      }
    }
  }
  return { files, strangers, leftovers };
}
