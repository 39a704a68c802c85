/**
 * Where backups of the folder lie, and what each holds: so that an erasure can say which of them still hold the bytes,
 * and leave word there for whoever restores one. Best effort: a place that is not there now is only named.
 */
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { readSummed, writeSummed } from "../disk/summed-json.ts";
import type { BackupManifest } from "./backup-manifest.ts";
import { MAX_BACKUP_PLACES } from "./limits.ts";

export const BACKUPS_FILE = "backups.json";

export interface BackupPlace {
  /** The backup's folder, as this machine names it. */
  readonly place: string;
  readonly made_at: string;
  readonly trees: BackupManifest["trees"];
}

/** The last backup at each place; what cannot be read is taken as none. */
export async function backupPlaces(disk: Disk, dataFolder: string): Promise<readonly BackupPlace[]> {
  const bytes = await disk.readFile(`${dataFolder}/${BACKUPS_FILE}`);
  const places = bytes === null ? [] : readSummed(bytes);
  return Array.isArray(places) ? (places as readonly BackupPlace[]) : [];
}

export async function noteBackup(disk: Disk, dataFolder: string, made: BackupPlace): Promise<void> {
  const others = (await backupPlaces(disk, dataFolder)).filter(({ place }) => place !== made.place);
  const places = [...others, made].slice(-MAX_BACKUP_PLACES);
  await disk.replaceFile(`${dataFolder}/${BACKUPS_FILE}`, writeSummed(places));
}

/** Backups that hold some of these leaves, as `/mnt/backup (2026-11-26T08:00:00Z)`. */
export function holdersOf(
  places: readonly BackupPlace[],
  leaves: readonly { readonly tree: string; readonly leaf_index: number }[],
): readonly string[] {
  return places
    .filter(({ trees }) => {
      const sizes = new Map(trees.map(({ tree, size }) => [tree, size]));
      return leaves.some(({ tree, leaf_index: index }) => index < (sizes.get(tree) ?? 0));
    })
    .map(({ place, made_at: at }) => `${place} (${at})`);
}

/**
 * Leaves at every place that is there the signed files of erasures that it lacks; who restores applies them. All that
 * it lacks, for a stop or a place that was away may have kept others from it.
 */
export async function leaveWord(disk: Disk, dataFolder: string, erasures: string): Promise<void> {
  const names = await disk.list(erasures);
  for (const { place } of names.length === 0 ? [] : await backupPlaces(disk, dataFolder)) {
    if ((await disk.list(place)).length === 0) continue;
    const known = new Set(await disk.list(`${place}/erasures`));
    await disk.makeFolder(`${place}/erasures`);
    for (const name of names.filter((one) => !known.has(one) && !one.endsWith(TEMPORARY_SUFFIX))) {
      const bytes = await disk.readFile(`${erasures}/${name}`);
      if (bytes !== null) await disk.replaceFile(`${place}/erasures/${name}`, bytes);
    }
  }
}
