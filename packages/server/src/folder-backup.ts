/** A data folder's backup, beside a running server or without one, and a folder again out of a backup. */
import { aloneInFolder } from "./alone-in-folder.ts";
import type { Alone } from "./alone-in-folder.ts";
import type { FolderRequest, RestoreResult } from "./cli/parts.ts";
import { OWN_LOGS } from "./control/own-logs.ts";
import { TallystickError } from "./errors.ts";
import { lifecycleRecord } from "./journal/own-records.ts";
import { openConfiguredKms } from "./kms-home.ts";
import { openKeyring, readPublicKeys } from "./kms/keyring.ts";
import { logSettings } from "./log-settings.ts";
import type { Machine } from "./machine.ts";
import { backUp } from "./retain/backup.ts";
import type { BackupResult } from "./retain/backup.ts";
import type { BackupManifest } from "./retain/backup-manifest.ts";
import { noteBackup } from "./retain/backup-places.ts";
import { eraseAgain } from "./retain/erase-again.ts";
import { readErasures } from "./retain/erasure-list.ts";
import { closeTrees, removeAll, restoreFiles, takeBack } from "./retain/restore.ts";
import type { RestoredLog, RestoreParts } from "./retain/restore.ts";
import { placesOf } from "./server-folder.ts";

const EVERY_LOG = [...OWN_LOGS, "default"];
/** Characters of what a head store elsewhere knew, as the record of a restore quotes it. */
const MAX_NOTES = 20_000;

export interface RestoreWishes {
  /** The backup's folder, absolute. */
  readonly source: string;
  /** Another folder of signed erasures, beside the one in the backup's folder. */
  readonly erasures: string | null;
  readonly acceptLoss: boolean;
}

export async function backUpFolder(
  { disk, clock }: Machine,
  { folder, config, base }: FolderRequest,
  target: string,
  onProgress: (files: number, bytes: number) => void,
): Promise<BackupResult> {
  if (`${target}/`.startsWith(`${folder}/`))
    throw new TallystickError("bad_request", "A backup does not lie in the folder that it is of.", {
      hint: "Name a folder on another disk.",
    });
  const { head: headFolder } = placesOf(folder, config.config, base);
  const result = await backUp({ disk, clock, dataFolder: folder, headFolder, target, onProgress });
  await noteBackup(disk, folder, { place: target, made_at: result.madeAt, trees: result.trees });
  return result;
}

export async function restoreFolder(
  machine: Machine,
  request: FolderRequest,
  { source, erasures: elsewhere, acceptLoss }: RestoreWishes,
  onProgress: (files: number, total: number) => void,
): Promise<RestoreResult> {
  const { disk, clock, random } = machine;
  const { folder: target, config, base } = request;
  const places = placesOf(target, config.config, base);
  await disk.makeFolder(target);
  const kms = await openConfiguredKms(
    machine,
    { config: config.config, base, kmsFile: places.kmsFile },
    { create: false },
  );
  if (kms === null)
    throw new TallystickError("key_unavailable", `${places.kmsFile} is missing, and no backup holds it.`, {
      hint: "Bring the KMS key of the original there, or name it with kms.file.",
    });
  let logs: readonly RestoredLog[];
  let manifest: BackupManifest;
  try {
    const parts: RestoreParts = { disk, source, target, headFolder: places.head, acceptLoss, onProgress };
    const { policyOf } = logSettings(config.config);
    const restored = await restoreFiles(parts);
    manifest = restored.manifest;
    const keyring = openKeyring({ disk, folder: places.keys, kms, clock, randomBytes: random });
    const close = { ...parts, keyring, randomBytes: random, nowUs: clock.nowUs(), policyOf, logs: EVERY_LOG };
    try {
      logs = await closeTrees(close, restored);
    } catch (error) {
      await takeBack(parts, restored.known);
      throw error;
    }
  } finally {
    await kms.close();
  }
  const folders = [`${source}/erasures`, ...(elsewhere === null ? [] : [elsewhere])];
  const erased = await aloneInFolder(machine, request, null, async (alone) => {
    await tellOfRestore(machine, alone, manifest, logs);
    return takeErasures(machine, alone, folders);
  });
  // What was indexed on the way is made again by the first start, from what is left.
  await removeAll(disk, places.index);
  return { madeAt: manifest.made_at, files: manifest.files.length, logs, erasures: erased };
}

/** The first record of each new tree, after the leaf that names the closed one. */
async function tellOfRestore(
  { clock }: Machine,
  { stores }: Alone,
  { made_at: madeAt }: BackupManifest,
  logs: readonly RestoredLog[],
): Promise<void> {
  for (const { log, closed, size, next, lost, knownNotes } of logs) {
    const record = lifecycleRecord("restored", next, clock.nowUs(), {
      "tallystick.tree": next,
      ...(closed === null ? {} : { "tallystick.closed_tree": closed, "tallystick.closed_size": String(size) }),
      "tallystick.backup_made_at": madeAt,
      "tallystick.lost_leaves": String(lost),
      ...(knownNotes.length === 0 ? {} : { "tallystick.known_checkpoints": knownNotes.join("\n").slice(0, MAX_NOTES) }),
    });
    const outcome = await stores.journal.appendOwn(log, [record]);
    if (outcome.kind === "pushback" || outcome.tree !== next)
      throw new TallystickError("journal_unavailable", `The restore could not be recorded in ${log}.`);
  }
}

/**
 * What was erased after the backup joins the folder's list and is erased again, so that the folder holds none of it
 * before anybody can be served from it. Stopped in between, the next start goes on with the list.
 */
async function takeErasures(machine: Machine, { folder, stores }: Alone, from: readonly string[]): Promise<number> {
  const { disk } = machine;
  const { publicKeys: keys } = await readPublicKeys(disk, folder.places.keys);
  const known = new Set(await disk.list(folder.places.erasures));
  let applied = 0;
  for (const place of from) {
    for (const { file, erasure } of await readErasures(disk, place, keys)) {
      const name = file.slice(file.lastIndexOf("/") + 1);
      if (typeof erasure === "string")
        throw new TallystickError("payload_damaged", `an erasure cannot be applied: ${erasure}`, { at: { file } });
      if (known.has(name)) continue;
      known.add(name);
      await disk.makeFolder(folder.places.erasures);
      await disk.replaceFile(`${folder.places.erasures}/${name}`, (await disk.readFile(file)) ?? new Uint8Array());
      await eraseAgain(stores, erasure);
      applied += 1;
    }
  }
  return applied;
}
