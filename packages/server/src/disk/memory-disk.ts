/**
 * A file system in memory that remembers which bytes were synced. It guarantees what the seam says and nothing more:
 * `crash` throws away appended bytes that no `sync` covered, or keeps a part of them, as a power cut does. Names are
 * durable when the call that made them returns, so a crash keeps them.
 *
 * Left out on purpose: permissions, times, links.
 */
import { TallystickError } from "../errors.ts";
import type { AppendFile, Disk } from "./disk.ts";

export interface MemoryDisk extends Disk {
  /** Ends every open file. `keep` says how many of a file's unsynced bytes survive; 0 by default. */
  crash(keep?: (path: string, unsyncedBytes: number) => number): void;
  /** Every file with its bytes, including the unsynced ones. */
  files(): ReadonlyMap<string, Uint8Array>;
  /** Overwrites a file's bytes behind the back of whoever has it open: what a bad sector or an intruder does. */
  tamper(path: string, bytes: Uint8Array | null): void;
  /** Bytes that all files may take together. */
  setCapacity(bytes: number): void;
}

interface StoredFile {
  bytes: Uint8Array;
  length: number;
  syncedLength: number;
}

const DEFAULT_CAPACITY_BYTES = 4 * 1024 * 1024 * 1024;
const FIRST_ALLOCATION_BYTES = 4 * 1024;

/** The machine under the disk. */
interface Machine {
  readonly files: Map<string, StoredFile>;
  readonly folders: Set<string>;
  capacityBytes: number;
  /** Goes up with every crash; files opened before are then not open any more. */
  lifetime: number;
}

export function memoryDisk(): MemoryDisk {
  const machine: Machine = {
    files: new Map(),
    folders: new Set(["/"]),
    capacityBytes: DEFAULT_CAPACITY_BYTES,
    lifetime: 0,
  };
  return { ...diskOf(machine), ...accidents(machine) };
}

function diskOf(machine: Machine): Disk {
  const { files, folders } = machine;
  return {
    async readFile(path) {
      const file = files.get(path);
      return file === undefined ? null : contentOf(file);
    },
    async read(path, offset, length) {
      const file = existing(machine, path, "read");
      return file.bytes.slice(Math.min(offset, file.length), Math.min(offset + length, file.length));
    },
    size: async (path) => files.get(path)?.length ?? null,
    list: async (path) => listNames(path, files, folders),
    async makeFolder(path) {
      for (let at = path; !folders.has(at); at = parentOf(at)) folders.add(at);
    },
    async replaceFile(path, bytes) {
      needParent(machine, path, "write");
      reserve(machine, path, bytes.length - (files.get(path)?.length ?? 0));
      files.set(path, durableFile(bytes));
    },
    async createAppend(path) {
      needParent(machine, path, "create");
      if (files.has(path)) throw failed(path, `cannot create ${path}: EEXIST`);
      files.set(path, { bytes: new Uint8Array(FIRST_ALLOCATION_BYTES), length: 0, syncedLength: 0 });
      return openFile(machine, path);
    },
    async openAppend(path) {
      existing(machine, path, "open");
      return openFile(machine, path);
    },
    async remove(path) {
      if (folders.has(path) && listNames(path, files, folders).length > 0)
        throw failed(path, `cannot remove ${path}: ENOTEMPTY`);
      folders.delete(path);
      files.delete(path);
    },
    async rename(from, to) {
      const file = existing(machine, from, "rename");
      files.delete(from);
      files.set(to, file);
    },
    async space() {
      const freeBytes = Math.max(0, machine.capacityBytes - usedBytes(machine));
      return { freeBytes, totalBytes: machine.capacityBytes };
    },
  };
}

function accidents(machine: Machine): Omit<MemoryDisk, keyof Disk> {
  const { files } = machine;
  return {
    crash(keep = () => 0) {
      machine.lifetime += 1;
      for (const [path, file] of files) {
        const unsynced = file.length - file.syncedLength;
        if (unsynced > 0) file.length = file.syncedLength + keep(path, unsynced);
        file.syncedLength = file.length;
      }
    },
    files: () => new Map([...files].map(([path, file]) => [path, contentOf(file)])),
    tamper(path, bytes) {
      if (bytes === null) files.delete(path);
      else files.set(path, durableFile(bytes));
    },
    setCapacity(bytes) {
      machine.capacityBytes = bytes;
    },
  };
}

function openFile(machine: Machine, path: string): AppendFile {
  const born = machine.lifetime;
  let open = true;
  const file = (verb: string): StoredFile => {
    const stored = machine.files.get(path);
    if (!open || born !== machine.lifetime || stored === undefined) throw failed(path, `cannot ${verb} ${path}: EBADF`);
    return stored;
  };
  return {
    path,
    async append(bytes) {
      const stored = file("append to");
      reserve(machine, path, bytes.length);
      grow(stored, stored.length + bytes.length);
      stored.bytes.set(bytes, stored.length);
      stored.length += bytes.length;
    },
    async sync() {
      const stored = file("sync");
      stored.syncedLength = stored.length;
    },
    async truncate(length) {
      const stored = file("cut");
      stored.length = Math.min(stored.length, length);
      stored.syncedLength = stored.length;
    },
    async close() {
      open = false;
    },
  };
}

function existing({ files }: Machine, path: string, verb: string): StoredFile {
  const file = files.get(path);
  if (file === undefined) throw failed(path, `cannot ${verb} ${path}: ENOENT`);
  return file;
}

function needParent({ folders }: Machine, path: string, verb: string): void {
  if (!folders.has(parentOf(path))) throw failed(path, `cannot ${verb} ${path}: ENOENT`);
}

function reserve(machine: Machine, path: string, moreBytes: number): void {
  if (usedBytes(machine) + moreBytes <= machine.capacityBytes) return;
  throw new TallystickError("journal_full", `no space is left for ${path}`);
}

function usedBytes({ files }: Machine): number {
  return [...files.values()].reduce((sum, file) => sum + file.length, 0);
}

/** A copy; not by `slice`, since a Buffer's gives a view. */
function durableFile(bytes: Uint8Array): StoredFile {
  return { bytes: new Uint8Array(bytes), length: bytes.length, syncedLength: bytes.length };
}

function contentOf(file: StoredFile): Uint8Array {
  return file.bytes.slice(0, file.length);
}

function grow(file: StoredFile, length: number): void {
  if (length <= file.bytes.length) return;
  const larger = new Uint8Array(Math.max(length, file.bytes.length * 2));
  larger.set(file.bytes.subarray(0, file.length));
  file.bytes = larger;
}

function listNames(path: string, files: ReadonlyMap<string, unknown>, folders: ReadonlySet<string>): readonly string[] {
  const inside = (name: string): boolean => name !== "/" && parentOf(name) === path;
  const base = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
  const names = [...files.keys()].filter(inside).map(base);
  return [...names, ...[...folders].filter(inside).map((name) => `${base(name)}/`)].sort();
}

function parentOf(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut <= 0 ? "/" : path.slice(0, cut);
}

function failed(path: string, message: string): TallystickError {
  return new TallystickError("disk_failed", message, { at: { file: path } });
}
