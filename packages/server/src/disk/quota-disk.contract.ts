/**
 * The real file system with only so much space: what lies below one folder may take so many bytes, and a write beyond
 * that fails as on a full disk, after the part of it that still fitted. For tests that any user can run.
 */
import { TallystickError } from "../errors.ts";
import type { AppendFile, Disk } from "./disk.ts";

export interface QuotaDisk extends Disk {
  /** Takes all space that is left, as another program does; 0 gives it back. */
  takeRest(leaveBytes: number): void;
  giveBack(): void;
}

export function quotaDisk(inner: Disk, capacityBytes: number): QuotaDisk {
  const sizes = new Map<string, number>();
  let takenBytes = 0;
  const freeBytes = () =>
    Math.max(0, capacityBytes - takenBytes - [...sizes.values()].reduce((sum, one) => sum + one, 0));
  const full = (path: string) =>
    new TallystickError("journal_full", `cannot write ${path}: no space is left (ENOSPC)`, { at: { file: path } });
  const fileOf = (file: AppendFile): AppendFile => ({
    path: file.path,
    async append(bytes) {
      const fitting = Math.min(bytes.length, freeBytes());
      await file.append(bytes.subarray(0, fitting));
      sizes.set(file.path, (sizes.get(file.path) ?? 0) + fitting);
      if (fitting < bytes.length) throw full(file.path);
    },
    sync: () => file.sync(),
    async truncate(length) {
      await file.truncate(length);
      sizes.set(file.path, length);
    },
    close: () => file.close(),
  });
  return {
    ...inner,
    async replaceFile(path, bytes) {
      // Old and new file are there together for a moment.
      if (bytes.length > freeBytes()) throw full(path);
      await inner.replaceFile(path, bytes);
      sizes.set(path, bytes.length);
    },
    async createAppend(path) {
      const file = fileOf(await inner.createAppend(path));
      sizes.set(path, 0);
      return file;
    },
    async openAppend(path) {
      return fileOf(await inner.openAppend(path));
    },
    async remove(path) {
      await inner.remove(path);
      sizes.delete(path);
    },
    async rename(from, to) {
      await inner.rename(from, to);
      sizes.set(to, sizes.get(from) ?? 0);
      sizes.delete(from);
    },
    space: async () => ({ freeBytes: freeBytes(), totalBytes: capacityBytes }),
    takeRest: (leaveBytes) => void (takenBytes += Math.max(0, freeBytes() - leaveBytes)),
    giveBack: () => void (takenBytes = 0),
  };
}
