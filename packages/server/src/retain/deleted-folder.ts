/**
 * The folder `deleted/`: for each deleted tree the file that proves its deletion (docs/formats/deletion.md), and beside
 * it a mark while its bytes are still being removed. The file is the commit point: once it is durable the tree is
 * deleted, whatever of it is still there, and every start goes on from there.
 */
import { parseDeletion } from "@tallystick/verify";
import type { Deletion } from "@tallystick/verify";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { compareEpochs, epochStartUs } from "../journal/epochs.ts";
import { LOG_PATTERN } from "../journal/scan.ts";

const FILE = ".json";
const MARK = ".removing";

export interface DeletedTree {
  /** `<log>/<epoch>` */
  readonly tree: string;
  readonly log: string;
  readonly epoch: string;
  readonly file: string;
  /** Its bytes may still be there. */
  readonly isBeingRemoved: boolean;
}

export interface DeletedScan {
  /** By log, then oldest first. */
  readonly deleted: readonly DeletedTree[];
  /** Marks of deletions that were not committed, and temporary files: nothing was deleted for them. */
  readonly leftovers: readonly string[];
  readonly strangers: readonly string[];
}

export async function scanDeleted(disk: Disk, folder: string): Promise<DeletedScan> {
  const deleted: DeletedTree[] = [];
  const leftovers: string[] = [];
  const strangers: string[] = [];
  for (const entry of await disk.list(folder)) {
    const log = entry.endsWith("/") ? entry.slice(0, -1) : "";
    if (!LOG_PATTERN.test(log)) {
      strangers.push(`${folder}/${entry}`);
      continue;
    }
    const names = await disk.list(`${folder}/${log}`);
    const found: DeletedTree[] = [];
    for (const name of names) {
      const file = `${folder}/${log}/${name}`;
      const epoch = epochOf(name, FILE);
      const marked =
        epochOf(name, MARK) ?? epochOf(name, FILE + TEMPORARY_SUFFIX) ?? epochOf(name, MARK + TEMPORARY_SUFFIX);
      if (epoch !== null) {
        const isBeingRemoved = names.includes(epoch + MARK);
        found.push({ tree: `${log}/${epoch}`, log, epoch, file, isBeingRemoved });
      } else if (marked === null) strangers.push(file);
      else if (name.endsWith(TEMPORARY_SUFFIX) || !names.includes(marked + FILE)) leftovers.push(file);
    }
    deleted.push(...found.sort((one, other) => compareEpochs(one.epoch, other.epoch)));
  }
  return { deleted, leftovers, strangers };
}

function epochOf(name: string, suffix: string): string | null {
  const epoch = name.endsWith(suffix) ? name.slice(0, -suffix.length) : "";
  return epochStartUs(epoch) === null ? null : epoch;
}

/** Durable when it returns; from then on the tree is deleted. */
export async function commitDeletion(disk: Disk, folder: string, tree: string, bytes: Uint8Array): Promise<void> {
  const parsed = parseDeletion(bytes);
  if (parsed.kind === "refused" || parsed.value.tree !== tree) throw new Error("no deletion of that tree");
  await disk.makeFolder(`${folder}/${tree.slice(0, tree.indexOf("/"))}`);
  await disk.replaceFile(`${folder}/${tree}${MARK}`, new Uint8Array());
  await disk.replaceFile(`${folder}/${tree}${FILE}`, bytes);
}

/** Nothing of the tree is left, and the log says so. */
export async function endRemoval(disk: Disk, folder: string, tree: string): Promise<void> {
  await disk.remove(`${folder}/${tree}${MARK}`);
}

/** The file as it is; null when there is none. `tree` may be anybody's text. */
export async function readDeletion(disk: Disk, folder: string, tree: string): Promise<Uint8Array | null> {
  const [log = "", epoch = "", ...more] = tree.split("/");
  if (!LOG_PATTERN.test(log) || epochStartUs(epoch) === null || more.length > 0) return null;
  return disk.readFile(`${folder}/${tree}${FILE}`);
}

/** What the file says; null when there is none, or it is none of the tree. */
export async function deletionOf(disk: Disk, folder: string, tree: string): Promise<Deletion | null> {
  const bytes = await readDeletion(disk, folder, tree);
  const parsed = bytes === null ? null : parseDeletion(bytes);
  return parsed?.kind === "ok" && parsed.value.tree === tree ? parsed.value : null;
}
