import type { Disk } from "./disk.ts";

export interface WholeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Many small files at once, beside `Disk`: what a follower needs that writes hundreds of tiles a second. Errors are
 * those of `Disk`; after one, nothing may be assumed about any file of the call, except that each is whole as before
 * or whole as given.
 */
export interface BulkDisk {
  /**
   * Replaces or makes every file, folders included; each atomic, all durable when it returns, in no order. Modes
   * 0600, 0700.
   */
  replaceFiles(files: readonly WholeFile[]): Promise<void>;
  /**
   * Removes files, and the folders they lay in when these are then empty and end in `.p`. Durable when it returns;
   * absent is no error.
   */
  removeFiles(paths: readonly string[]): Promise<void>;
}

/** Over any disk, one file after the other: for memory and fault-injecting disks. */
export function bulkOver(disk: Disk): BulkDisk {
  return {
    async replaceFiles(files) {
      const folders = new Set(files.map((file) => folderOf(file.path)));
      for (const folder of folders) await disk.makeFolder(folder);
      for (const file of files) await disk.replaceFile(file.path, file.bytes);
    },
    async removeFiles(paths) {
      for (const path of paths) if ((await disk.size(path)) !== null) await disk.remove(path);
    },
  };
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
