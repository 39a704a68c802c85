/**
 * What lies in the folder `journal/`, by name: trees, their segments, what was cut from them. Reads no file. Whatever
 * has no place there is a stranger: the caller decides whether that stops a start (it does) or is one fault among
 * others (fsck).
 */
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { compareEpochs, epochStartUs } from "./epochs.ts";

export interface FoundSegment {
  readonly path: string;
  readonly name: string;
  readonly firstIndex: number;
}

/** Bytes that an unclean stop left beyond the last whole frame, moved out of the segment. */
export interface FoundCut {
  readonly path: string;
  readonly name: string;
  readonly firstIndex: number;
  /** Counts the cuts of one segment, from 1. */
  readonly number: number;
}

export interface FoundTree {
  readonly tree: string;
  readonly log: string;
  readonly epoch: string;
  readonly folder: string;
  /** By first index. */
  readonly segments: readonly FoundSegment[];
  readonly cuts: readonly FoundCut[];
}

export interface JournalScan {
  /** By log, then oldest first. */
  readonly trees: readonly FoundTree[];
  /** Paths of what does not belong there. */
  readonly strangers: readonly string[];
  /** Temporary files of an interrupted write; hold nothing of worth. */
  readonly leftovers: readonly string[];
}

export const LOG_PATTERN = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SEGMENT_PATTERN = /^(\d{20})\.seg$/;
const CUT_PATTERN = /^(\d{20})\.seg\.cut-([1-9]\d{0,5})$/;

export async function scanJournal(disk: Disk, folder: string): Promise<JournalScan> {
  const trees: FoundTree[] = [];
  const strangers: string[] = [];
  const leftovers: string[] = [];
  for (const log of await foldersIn(disk, folder, strangers, (name) => LOG_PATTERN.test(name))) {
    const logFolder = `${folder}/${log}`;
    const epochs = await foldersIn(disk, logFolder, strangers, (name) => epochStartUs(name) !== null);
    for (const epoch of [...epochs].sort(compareEpochs)) {
      const treeFolder = `${logFolder}/${epoch}`;
      const { segments, cuts } = await filesOf(disk, treeFolder, strangers, leftovers);
      trees.push({ tree: `${log}/${epoch}`, log, epoch, folder: treeFolder, segments, cuts });
    }
  }
  return { trees, strangers, leftovers };
}

/** Names of the folders in `folder` that belong there; paths of all else go to `strangers`. */
export async function foldersIn(
  disk: Disk,
  folder: string,
  strangers: string[],
  belongs: (name: string) => boolean,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const entry of await disk.list(folder)) {
    const name = entry.endsWith("/") ? entry.slice(0, -1) : null;
    if (name !== null && belongs(name)) names.push(name);
    else strangers.push(`${folder}/${entry}`);
  }
  return names;
}

async function filesOf(
  disk: Disk,
  folder: string,
  strangers: string[],
  leftovers: string[],
): Promise<Pick<FoundTree, "segments" | "cuts">> {
  const segments: FoundSegment[] = [];
  const cuts: FoundCut[] = [];
  for (const name of await disk.list(folder)) {
    const path = `${folder}/${name}`;
    const segment = SEGMENT_PATTERN.exec(name);
    const cut = CUT_PATTERN.exec(name);
    if (segment !== null && Number.isSafeInteger(Number(segment[1]))) {
      segments.push({ path, name, firstIndex: Number(segment[1]) });
    } else if (cut !== null && Number.isSafeInteger(Number(cut[1]))) {
      cuts.push({ path, name, firstIndex: Number(cut[1]), number: Number(cut[2]) });
    } else if (name.endsWith(TEMPORARY_SUFFIX) && isOurs(name.slice(0, -TEMPORARY_SUFFIX.length))) {
      leftovers.push(path);
    } else {
      strangers.push(path);
    }
  }
  return { segments, cuts: cuts.sort((one, other) => one.firstIndex - other.firstIndex || one.number - other.number) };
}

/** Files that are written beside their place and then put there. */
function isOurs(name: string): boolean {
  return CUT_PATTERN.test(name) || SEGMENT_PATTERN.test(name);
}
