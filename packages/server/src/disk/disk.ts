/**
 * The seam to a file system. Paths are absolute. Every returned promise means what it says about durability; an error
 * means that nothing may be assumed about the bytes in question. Errors are TallystickError `disk_failed` (cause kept)
 * or `journal_full` for ENOSPC/EDQUOT.
 */
export interface Disk {
  /** Whole file; null when absent. */
  readFile(path: string): Promise<Uint8Array | null>;
  /** Exactly the bytes there are from `offset`, at most `length`. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Bytes, or null when absent. */
  size(path: string): Promise<number | null>;
  /** Names in a folder, sorted, folders with a trailing "/"; empty when the folder is absent. */
  list(path: string): Promise<readonly string[]>;
  /** Makes the folder and its parents, each durable in its parent. Mode 0700. */
  makeFolder(path: string): Promise<void>;
  /** Atomic and durable when it returns: temporary file, fsync, rename, fsync of the folder. Mode 0600. */
  replaceFile(path: string, bytes: Uint8Array): Promise<void>;
  /** New file, open for appending; fails when it exists. Its name is durable when it returns. Mode 0600. */
  createAppend(path: string): Promise<AppendFile>;
  /**
   * Existing file, open for appending at its end; fails when it is absent. For cutting and closing what another run
   * left.
   */
  openAppend(path: string): Promise<AppendFile>;
  /** A file, or a folder when it is empty. Durable when it returns; absent is no error. */
  remove(path: string): Promise<void>;
  /** Durable when it returns. */
  rename(from: string, to: string): Promise<void>;
  /** Bytes free for us on the file system that holds `path`, and its size. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}

export interface AppendFile {
  readonly path: string;
  /** Not durable before `sync`. Writes all bytes or rejects. */
  append(bytes: Uint8Array): Promise<void>;
  /** fdatasync: everything appended before is durable when it returns. */
  sync(): Promise<void>;
  /** Cuts the file to `length` and makes that durable. */
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}
