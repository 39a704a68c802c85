/**
 * What a backup holds (docs/formats/backup.md): the name of every file of the data folder with its size and SHA-256;
 * the bytes lie beside it under their hash. It is written last, so a backup is there whole or not at all.
 */
import { createHash } from "node:crypto";

import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";

const BACKUP_FORMAT = 1;
export const MANIFEST_FILE = "backup.json";

export interface BackedUpFile {
  /** Below the data folder; the head store's files are under `head/` wherever it lies. */
  readonly path: string;
  readonly size: number;
  /** 64 hex digits. */
  readonly sha256: string;
  /** Of the parts that change whenever the file does; empty where only the whole says so. */
  readonly mark: string;
}

export interface BackupManifest {
  readonly format: number;
  /** The server's origin. */
  readonly origin: string;
  /** RFC 3339. */
  readonly made_at: string;
  /** Every tree with the size of the checkpoint that the backup holds of it. */
  readonly trees: readonly { readonly tree: string; readonly size: number }[];
  readonly files: readonly BackedUpFile[];
}

/** Null when there is none; TallystickError `backup_damaged` when it is none that this version reads. */
export async function readManifest(disk: Disk, folder: string): Promise<BackupManifest | null> {
  const file = `${folder}/${MANIFEST_FILE}`;
  const bytes = await disk.readFile(file);
  if (bytes === null) return null;
  try {
    const manifest = JSON.parse(Buffer.from(bytes).toString("utf8")) as BackupManifest;
    if (manifest.format !== BACKUP_FORMAT) throw new Error(`it has format ${manifest.format}`);
    const isWhole =
      typeof manifest.origin === "string" &&
      manifest.files.every(isFile) &&
      manifest.trees.every(({ size }) => size > 0);
    if (isWhole) return manifest;
    throw new Error("it is not whole");
  } catch (cause) {
    throw damaged(file, cause instanceof Error ? cause.message : "it cannot be read");
  }
}

/** No path leads out of the folder that it is restored into. */
function isFile({ path, size, sha256, mark }: BackedUpFile): boolean {
  const parts = path.split("/");
  const isPlain = parts.every((part) => /^[A-Za-z0-9._-]+$/.test(part) && part !== "." && part !== "..");
  return isPlain && Number.isSafeInteger(size) && /^[0-9a-f]{64}$/.test(sha256) && typeof mark === "string";
}

export async function writeManifest(
  disk: Disk,
  folder: string,
  manifest: Omit<BackupManifest, "format">,
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify({ format: BACKUP_FORMAT, ...manifest })}\n`);
  await disk.replaceFile(`${folder}/${MANIFEST_FILE}`, bytes);
}

export function blobPath(sha256: string): string {
  return `files/${sha256.slice(0, 2)}/${sha256}`;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function damaged(file: string, what: string): TallystickError {
  return new TallystickError("backup_damaged", `the backup is damaged: ${what} (${file})`, {
    at: { file },
    hint: "Nothing was restored. Use another backup; make backups to more than one place.",
  });
}
