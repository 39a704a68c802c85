/**
 * The real file system. Durability is by fsync of the file and, for a name, fsync of its folder: a created or renamed
 * file whose folder was not synced may be gone after a power cut. An append is one loop of writes on a descriptor in
 * append mode, so that a cut moves the end and the next append continues there.
 *
 * Left out on purpose: retrying. After a failed fsync the kernel may have dropped the pages, so the caller must treat
 * the bytes as lost and write them anew elsewhere.
 */
import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rmdir, stat, statfs, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

import { TallystickError } from "../errors.ts";
import type { AppendFile, Disk } from "./disk.ts";
import { FILE_MODE, FOLDER_MODE, TEMPORARY_SUFFIX } from "./limits.ts";

export function nodeDisk(): Disk {
  return {
    readFile: (path) => absentIsNull(path, "read", async () => toBytes(await readFile(path))),
    read: (path, offset, length) => attempt(path, "read", () => readRange(path, offset, length)),
    size: (path) => absentIsNull(path, "look at", async () => (await stat(path)).size),
    list: (path) => attempt(path, "list", () => listFolder(path)),
    makeFolder: (path) => attempt(path, "make the folder", () => makeFolder(path)),
    replaceFile: (path, bytes) => attempt(path, "write", () => replaceFile(path, bytes)),
    createAppend: (path) => attempt(path, "create", () => createAppend(path)),
    openAppend: (path) => attempt(path, "open", () => openAppend(path)),
    remove: (path) => attempt(path, "remove", () => remove(path)),
    rename: (from, to) => attempt(from, "rename", () => renameDurably(from, to)),
    space: (path) => attempt(path, "measure the space of", () => spaceOf(path)),
  };
}

async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const handle = await open(path, "r");
  try {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled === length ? bytes : bytes.slice(0, filled);
  } finally {
    await handle.close();
  }
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function makeFolder(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    if (codeOf(error) !== "ENOENT" || parent === path) throw error;
    await makeFolder(parent);
    await mkdir(path, { mode: FOLDER_MODE });
  }
  await syncFolder(parent);
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX;
  try {
    const handle = await open(temporary, "w", FILE_MODE);
    try {
      await writeAll(handle, bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // On a disk that is full it would stay, and after a clean stop nothing of that name may lie there.
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

async function createAppend(path: string): Promise<AppendFile> {
  const handle = await open(path, "ax", FILE_MODE);
  try {
    await syncFolder(dirname(path));
  } catch (error) {
    await handle.close();
    throw error;
  }
  return appendFile(path, handle);
}

async function openAppend(path: string): Promise<AppendFile> {
  return appendFile(path, await open(path, constants.O_WRONLY | constants.O_APPEND));
}

function appendFile(path: string, handle: FileHandle): AppendFile {
  return {
    path,
    append: (bytes) => attempt(path, "append to", () => writeAll(handle, bytes)),
    sync: () => attempt(path, "sync", () => handle.datasync()),
    truncate: (length) =>
      attempt(path, "cut", async () => {
        await handle.truncate(length);
        await handle.sync();
      }),
    close: () => attempt(path, "close", () => handle.close()),
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return syncIfThere(dirname(path));
    if (codeOf(error) !== "EISDIR") throw error;
    await rmdir(path);
  }
  await syncFolder(dirname(path));
}

async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}

async function spaceOf(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const answer = await statfs(path);
  return { freeBytes: answer.bavail * answer.bsize, totalBytes: answer.blocks * answer.bsize };
}

/** What is absent may be absent with its folder. */
async function syncIfThere(path: string): Promise<void> {
  try {
    await syncFolder(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function attempt<Value>(path: string, verb: string, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    throw diskError(path, verb, error);
  }
}

async function absentIsNull<Value>(path: string, verb: string, action: () => Promise<Value>): Promise<Value | null> {
  try {
    return await action();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw diskError(path, verb, error);
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOTDIR: "A part of that path is a file where a folder should be.",
  EACCES: "The user that runs the server may not; look at the owner and the mode of the file and of its folders.",
  EPERM: "The user that runs the server may not; look at the owner and the mode of the file and of its folders.",
  EROFS: "The file system is mounted read-only.",
  EMFILE: "The process has too many files open; raise its limit (ulimit -n).",
  EIO: "The disk fails: look at the kernel's log (dmesg).",
};

function diskError(path: string, verb: string, cause: unknown): TallystickError {
  const code = codeOf(cause) ?? "unknown error";
  const at = { file: path };
  if (code === "ENOSPC" || code === "EDQUOT")
    return new TallystickError("journal_full", `cannot ${verb} ${path}: no space is left (${code})`, {
      cause,
      at,
      hint: "Free space on the file system that holds the data folder; the server goes on by itself.",
    });
  const hint = HINTS[code];
  return new TallystickError("disk_failed", `cannot ${verb} ${path}: ${code}`, {
    cause,
    at,
    ...(hint === undefined ? {} : { hint }),
  });
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
