/** Work on a data folder from the command line, without a server. */
import { bad, good, warning } from "./cli/doctor-checks.ts";
import type { Check } from "./cli/doctor-checks.ts";
import type { FolderCheck, FolderRequest, FolderWork, LeafProgress } from "./cli/parts.ts";
import { aloneInFolder } from "./alone-in-folder.ts";
import type { Compute } from "./compute/compute.ts";
import { acquireFolderLock } from "./disk/folder-lock.ts";
import type { FolderLock } from "./disk/folder-lock.ts";
import { readServerFile } from "./disk/server-file.ts";
import { isTallystickError, TallystickError } from "./errors.ts";
import { isInUse } from "./fsck/folder-files.ts";
import { fsck } from "./fsck/fsck.ts";
import type { FsckResult } from "./fsck/fsck.ts";
import { noteFsck } from "./fsck/last-fsck.ts";
import { verifyFolder } from "./fsck/verify-folder.ts";
import type { VerifyFolderOptions } from "./fsck/verify-folder.ts";
import type { DayCount } from "./index/day-counts.ts";
import { openKeyring } from "./kms/keyring.ts";
import type { Keyring, Kms } from "./kms/kms.ts";
import { backUpFolder, restoreFolder } from "./folder-backup.ts";
import { rewrapFolder, rotateFolder, rotateSigningOf } from "./folder-keys.ts";
import { openConfiguredKms } from "./kms-home.ts";
import type { Machine } from "./machine.ts";
import { placesOf } from "./server-folder.ts";
import type { Places } from "./server-folder.ts";
import { emptyProducers } from "./tally/producer-follower.ts";

export function folderWork(machine: Machine): FolderWork {
  return {
    async verify(request, known, onProgress) {
      return withCompute(machine, async (compute) =>
        verifyFolder({
          ...(await verifyOptions(machine, request, compute, onProgress)),
          integrityKey: known.integrityKey,
          producers: known.producers === true,
          ...(known.vkey === null ? {} : { vkey: known.vkey }),
          ...(known.since === null ? {} : { since: known.since }),
        }),
      );
    },
    check: (request, repair, onProgress) => checkFolder(machine, request, repair, onProgress),
    reindex: (request, onProgress) => reindexFolder(machine, request, onProgress),
    async exportIntegrityKey(request) {
      // Refuses a folder of a format that this version does not know.
      await readServerFile(machine.disk, request.folder);
      const key = await (await keyringOf(machine, request)).existing("integrity");
      if (key === null) throw new TallystickError("not_found", `${request.folder} has no integrity key yet.`);
      return Buffer.from(key).toString("hex");
    },
    backup: (request, target, onProgress) => backUpFolder(machine, request, target, onProgress),
    restore: (request, wishes, onProgress) => restoreFolder(machine, request, wishes, onProgress),
    examine: (request) => examine(machine, request),
    rotate: (request) => rotateFolder(machine, request),
    rotateSigning: (request, overlapMs) => rotateSigningOf(machine, request, overlapMs),
    rewrap: (request, to) => rewrapFolder(machine, request, to),
  };
}

async function withCompute<Result>(machine: Machine, work: (compute: Compute) => Promise<Result>): Promise<Result> {
  const compute = machine.openCompute();
  try {
    return await work(compute);
  } finally {
    await compute.close();
  }
}

async function verifyOptions(
  machine: Machine,
  request: FolderRequest,
  compute: Compute,
  onProgress: LeafProgress,
): Promise<VerifyFolderOptions> {
  const places = placesFor(request);
  return {
    dataFolder: request.folder,
    disk: machine.disk,
    clock: machine.clock,
    kms: await kmsOrNull(machine, request),
    integrityKey: null,
    headFolder: places.head,
    compute,
    onProgress: ({ tree, leavesChecked }) => onProgress(tree, leavesChecked),
  };
}

/** Alone in the folder the index can be asked; beside a running server only the rest is checked. */
async function checkFolder(
  machine: Machine,
  request: FolderRequest,
  repair: boolean,
  onProgress: LeafProgress,
): Promise<FolderCheck> {
  const { disk, bulk } = machine;
  const inUse = await isInUse(disk, request.folder);
  const lock = await lockOrNull(machine, request.folder, repair);
  const isThere = await hasIndex(machine, request);
  const canAsk = lock !== null && isThere;
  const indexCounts = canAsk ? () => countIndex(machine, request) : null;
  let check: FsckResult;
  try {
    check = await withCompute(machine, async (compute) => {
      const verify = { ...(await verifyOptions(machine, request, compute, onProgress)), inUse };
      return fsck({ verify, bulk, repair, indexCounts });
    });
  } finally {
    // What was not stopped in order still is not: its lock is what says so.
    if (!inUse) await lock?.release();
  }
  // Of a journal with faults no index is made: they are to be looked at first.
  if (repair && check.verify.clean && (check.index.faults.length > 0 || !isThere)) {
    await reindexFolder(machine, request, () => {});
    check = { ...check, index: { compared: true, faults: [] }, repaired: [...check.repaired, "index"] };
  }
  // A copy that cannot be written is checked all the same.
  await noteFsck(disk, request.folder, check, machine.clock).catch(() => undefined);
  return check;
}

async function lockOrNull(machine: Machine, folder: string, isNeeded: boolean): Promise<FolderLock | null> {
  if ((await machine.disk.list(folder)).length === 0) return null;
  try {
    return await acquireFolderLock(machine.disk, folder, machine.processes);
  } catch (error) {
    if (isNeeded || !isTallystickError(error, "folder_locked")) throw error;
    return null;
  }
}

async function hasIndex({ disk }: Machine, request: FolderRequest): Promise<boolean> {
  const { url } = request.config.config.index;
  return url !== "" || (await disk.list(placesFor(request).index)).length > 0;
}

async function countIndex(machine: Machine, request: FolderRequest): Promise<readonly DayCount[] | null> {
  const { config, base } = request;
  const { index: folder } = placesFor(request);
  return machine.countIndex({ folder, config: config.config, base, keyring: await keyringOf(machine, request) });
}

/** As long as anybody could want to wait: progress is shown, and a second signal ends it. */
const REINDEX_TIMEOUT_MS = 20 * 86_400_000;
const PROGRESS_INTERVAL_MS = 250;

/** With the folder to itself: the same parts as a server's, without its port. */
async function reindexFolder(
  machine: Machine,
  request: FolderRequest,
  onProgress: (done: number, total: number) => void,
): Promise<number> {
  return aloneInFolder(machine, request, null, async ({ stores, fallen }) => {
    let cancel = () => {};
    const total = stores.journal.trees().reduce((sum, { size }) => sum + size, 0);
    const show = () => {
      onProgress(total - stores.index.lagRecords(), total);
      cancel = machine.clock.after(PROGRESS_INTERVAL_MS, show);
    };
    show();
    try {
      await Promise.race([stores.index.reindex(REINDEX_TIMEOUT_MS), fallen]);
      await emptyProducers(stores.index.deriver);
      return total;
    } finally {
      cancel();
    }
  });
}

function placesFor({ folder, config, base }: FolderRequest): Places {
  return placesOf(folder, config.config, base);
}

/** Null when there is none; a file that is no key is a fault that verification reports by itself. */
async function kmsOrNull(machine: Machine, { config, base, folder }: FolderRequest): Promise<Kms | null> {
  const { kmsFile } = placesOf(folder, config.config, base);
  try {
    return await openConfiguredKms(machine, { config: config.config, base, kmsFile }, { create: false });
  } catch (error) {
    if (isTallystickError(error, "key_unavailable")) return null;
    throw error;
  }
}

async function keyringOf(machine: Machine, request: FolderRequest): Promise<Keyring> {
  const { disk, random, clock } = machine;
  const places = placesFor(request);
  const kms = await kmsOf(machine, request);
  return openKeyring({ disk, folder: places.keys, kms, clock, randomBytes: random });
}

async function kmsOf(machine: Machine, { config, base, folder }: FolderRequest): Promise<Kms> {
  const { kmsFile } = placesOf(folder, config.config, base);
  const kms = await openConfiguredKms(machine, { config: config.config, base, kmsFile }, { create: false });
  if (kms !== null) return kms;
  throw new TallystickError("key_unavailable", `${kmsFile} is missing.`, {
    hint: "Name the KMS key with kms.file.",
  });
}

async function examine(machine: Machine, request: FolderRequest): Promise<readonly Check[]> {
  const { disk } = machine;
  const { folder, config } = request;
  const server = await readServerFile(disk, folder).catch((error: unknown) =>
    error instanceof Error ? error.message : "unreadable",
  );
  if (server === null)
    return [warning("folder", `${folder} is no data folder yet`, "`tallystick serve` makes it at its first start.")];
  if (typeof server === "string")
    return [bad("folder", server, "Start it with the version that made it, or restore it.")];
  const { freeBytes, totalBytes } = await disk.space(folder);
  return [
    good("folder", `${folder}, origin ${server.origin}, made ${server.createdAt}`),
    ...(await keyChecks(machine, request)),
    config.config.ledger.copies.length > 0
      ? good("witness", `checkpoints are copied to ${config.config.ledger.copies.length} places`)
      : warning(
          "witness",
          "there is none, and no checkpoint leaves this folder",
          "Set ledger.copies to a place that others hold, or nobody finds it when the whole folder is put back to an earlier day.",
        ),
    freeBytes > totalBytes * NEARLY_FULL
      ? good("space", `${spaceText(freeBytes)} free`)
      : warning("space", `${spaceText(freeBytes)} free`, "When it is used up, producers get 503 until space returns."),
  ];
}

function spaceText(bytes: number): string {
  return bytes < 2 ** 30 ? `${Math.floor(bytes / 2 ** 20)} MiB` : `${Math.floor(bytes / 2 ** 30)} GiB`;
}

/** Part of the disk below which its end is near. */
const NEARLY_FULL = 0.05;

async function keyChecks(machine: Machine, request: FolderRequest): Promise<readonly Check[]> {
  const { provider, pkcs11 } = request.config.config.kms;
  const { kmsFile } = placesFor(request);
  const where = provider === "file" ? kmsFile : `the token ${pkcs11.token}`;
  let kms: Kms | null;
  try {
    kms = await kmsOrNull(machine, request);
  } catch (error) {
    if (!isTallystickError(error)) throw error;
    return [bad("kms key", error.message, error.hint ?? "Look at the KMS or HSM, and at `kms` in the configuration.")];
  }
  if (kms === null)
    return [
      bad(
        "kms key",
        `${where} is missing or is no key`,
        "Bring it back: without it nothing in the folder can be read.",
      ),
    ];
  const beside = provider === "file" && kmsFile.startsWith(`${request.folder}/`);
  await kms.close();
  return [
    beside
      ? warning(
          "kms key",
          "lies beside the data that it protects",
          "Move it to another disk or host and name it with kms.file, or use an HSM with kms.provider: pkcs11.",
        )
      : good("kms key", `${where} (${kms.keyId})`),
  ];
}
