/**
 * `BulkDisk` on the real file system.
 *
 * Guarantees: a file appears under its name whole (temporary file, fsync, rename), and the folders that changed are
 * fsynced once a call, after all renames in them. fsyncs run side by side, so that the file system commits many of
 * them in one transaction. A crash may leave `*.tmp` files, a write that failed leaves none; the same call writes over
 * them, and start-up of their owner removes them.
 */
import { strict as assert } from "node:assert";
import { mkdir, open, rename, rmdir, unlink } from "node:fs/promises";
import { TallystickError } from "../errors.ts";
import { folderOf } from "./bulk-disk.ts";
import type { BulkDisk, WholeFile } from "./bulk-disk.ts";
import { FILE_MODE, FOLDER_MODE, TEMPORARY_SUFFIX } from "./limits.ts";

/** No more, so that the journal finds a free thread for its own fsync. */
const PARALLEL = 4;
const MAX_KNOWN_FOLDERS = 4_096;

export function nodeBulkDisk(): BulkDisk {
  const known = new Set<string>();
  return {
    replaceFiles: (files) => reported(() => replaceFiles(files, known)),
    removeFiles: (paths) => reported(() => removeFiles(paths, known)),
  };
}

async function replaceFiles(files: readonly WholeFile[], known: Set<string>): Promise<void> {
  const folders = [...new Set(files.map((file) => folderOf(file.path)))];
  for (const folder of folders) if (!known.has(folder)) await makeFolder(folder, known);
  try {
    await inParallel(files, writeWhole);
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    // A folder that was known has been taken away under us.
    for (const folder of folders) await makeFolder(folder, known);
    await inParallel(files, writeWhole);
  }
  await inParallel(folders, syncFolder);
}

async function writeWhole(file: WholeFile): Promise<void> {
  const temporary = file.path + TEMPORARY_SUFFIX;
  try {
    const handle = await open(temporary, "w", FILE_MODE);
    try {
      await handle.writeFile(file.bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file.path);
  } catch (error) {
    // On a disk that is full it would stay, and after a clean stop nothing of that name may lie there.
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function removeFiles(paths: readonly string[], known: Set<string>): Promise<void> {
  const changed = new Set<string>();
  await inParallel(paths, async (path) => {
    if (!(await gone(() => unlink(path)))) changed.add(folderOf(path));
  });
  const partials = [...changed].filter((folder) => folder.endsWith(".p"));
  for (const folder of partials) {
    if (!(await emptied(folder))) continue;
    known.delete(folder);
    changed.delete(folder);
    changed.add(folderOf(folder));
  }
  await inParallel([...changed], syncFolder);
}

/** True when it was not there before. */
async function gone(remove: () => Promise<void>): Promise<boolean> {
  try {
    await remove();
    return false;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return true;
    throw cause;
  }
}

async function emptied(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "ENOTEMPTY" || codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Each folder made is durable in its parent. */
async function makeFolder(folder: string, known: Set<string>): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  if (first !== undefined) {
    for (let made = folder; made.length >= first.length; made = folderOf(made)) await syncFolder(folderOf(made));
  }
  if (known.size >= MAX_KNOWN_FOLDERS) known.clear();
  known.add(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++];
      assert(item !== undefined);
      await run(item);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(PARALLEL, items.length) }, lane));
  for (const outcome of lanes) if (outcome.status === "rejected") throw outcome.reason;
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}

async function reported(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (cause) {
    const full = ["ENOSPC", "EDQUOT"].includes(codeOf(cause));
    const words = full ? "the disk is full" : `the disk failed (${codeOf(cause) || "unknown"})`;
    const hint = full ? "Free space; writing resumes by itself." : "Look at the system's log for disk errors.";
    throw new TallystickError(full ? "journal_full" : "disk_failed", `ledger files could not be written: ${words}`, {
      cause,
      hint,
    });
  }
}
