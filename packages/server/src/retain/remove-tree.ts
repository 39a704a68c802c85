/**
 * Removes what is left of a deleted tree: its keys first, so that nothing of it can be read however far the rest comes,
 * then segments, bodies, tiles and head. May be interrupted anywhere and begun again; absent is no error.
 */
import type { BulkDisk } from "../disk/bulk-disk.ts";
import type { Disk } from "../disk/disk.ts";
import type { Keyring } from "../kms/kms.ts";
import { FILES_A_REMOVAL } from "./limits.ts";

export interface TreePlaces {
  readonly journal: string;
  readonly payloads: string;
  readonly ledger: string;
  readonly head: string;
  readonly keys: string;
}

export interface Removed {
  readonly files: number;
  readonly bytes: number;
}

export interface RemovalParts {
  readonly disk: Disk;
  readonly bulk: BulkDisk;
  readonly places: TreePlaces;
  readonly keyring: Pick<Keyring, "forget">;
  /** Waits until so many bytes more may go, so that a deletion leaves the disk to intake. Throws to stop. */
  readonly pace: (bytes: number) => Promise<void>;
}

export async function removeTree(parts: RemovalParts, tree: string): Promise<Removed> {
  const { disk, places } = parts;
  const done = { files: 0, bytes: 0 };
  const one = async (path: string): Promise<void> => {
    const bytes = await disk.size(path);
    if (bytes === null) return;
    await parts.pace(bytes);
    await disk.remove(path);
    done.files += 1;
    done.bytes += bytes;
  };
  const keys = ["epoch", "payload"].map((kind) => `${kind}.${tree.replace("/", ".")}`);
  await parts.keyring.forget(keys, async () => {
    for (const name of keys) await one(`${places.keys}/${name}.json`);
  });
  for (const folder of [`${places.journal}/${tree}`, `${places.payloads}/${tree}`]) {
    for (const name of await disk.list(folder)) await one(`${folder}/${name}`);
    await removeFolder(disk, folder);
  }
  await removeTiles(parts, `${places.ledger}/${tree}`, done);
  await one(`${places.head}/${tree}.note`);
  return done;
}

/** Depth first; tiles by the hundred, since each has 8 KiB. */
async function removeTiles(parts: RemovalParts, folder: string, done: { files: number; bytes: number }): Promise<void> {
  const { disk, bulk } = parts;
  const names = await disk.list(folder);
  for (const name of names.filter((entry) => entry.endsWith("/")))
    await removeTiles(parts, `${folder}/${name.slice(0, -1)}`, done);
  const files = names.filter((entry) => !entry.endsWith("/")).map((name) => `${folder}/${name}`);
  for (let at = 0; at < files.length; at += FILES_A_REMOVAL) {
    const some = files.slice(at, at + FILES_A_REMOVAL);
    const sizes = await Promise.all(some.map((file) => disk.size(file)));
    const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    await parts.pace(bytes);
    await bulk.removeFiles(some);
    done.files += some.length;
    done.bytes += bytes;
  }
  await removeFolder(disk, folder);
}

/** What is in it that is not ours stays, and keeps the folder: `verify` says so. */
async function removeFolder(disk: Disk, folder: string): Promise<void> {
  if ((await disk.list(folder)).length === 0) await disk.remove(folder);
}
