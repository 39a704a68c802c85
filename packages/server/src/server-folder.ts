/**
 * The data folder as a server opens it: locked, of a format that this version knows, with its name plate,
 * administrator's token and keys.
 *
 * Guarantees: at the first start `server.json` is written last, so that a start that was killed in between is a first
 * start again; a folder that holds records and has lost its name plate or its KMS key is refused, never given new
 * ones.
 */
import { dirname, resolve } from "node:path";
import { formatTimestamp } from "@tallystick/record";

import type { Config } from "./config/schema.ts";
import { ADMIN_PREFIX, isWellFormedSecret, makeSecret } from "./control/secret.ts";
import type { Disk } from "./disk/disk.ts";
import { acquireFolderLock } from "./disk/folder-lock.ts";
import type { FolderLock } from "./disk/folder-lock.ts";
import { readServerFile, SERVER_FILE, writeServerFile } from "./disk/server-file.ts";
import { TallystickError } from "./errors.ts";
import { isRetiredKeyFile } from "./kms/file-kms.ts";
import { openKeyring } from "./kms/keyring.ts";
import type { Keyring, Kms } from "./kms/kms.ts";
import { openConfiguredKms } from "./kms-home.ts";
import type { Machine } from "./machine.ts";

/** The folder's own files and folders, by what they hold. */
export function placesOf(folder: string, config: Config, base: string) {
  const beside = (configured: string, own: string) =>
    configured === "" ? `${folder}/${own}` : resolve(base, configured);
  return {
    journal: `${folder}/journal`,
    payloads: `${folder}/payload`,
    erasures: `${folder}/erasures`,
    ledger: `${folder}/ledger`,
    index: `${folder}/index`,
    deleted: `${folder}/deleted`,
    keys: `${folder}/keys`,
    head: beside(config.ledger.head, "head"),
    kmsFile: beside(config.kms.file, "kms.key"),
    adminToken: `${folder}/admin.token`,
    runFile: `${folder}/run.json`,
    quotas: `${folder}/quotas.json`,
    rules: `${folder}/rules.json`,
    reserve: `${folder}/reserve`,
  };
}
export type Places = ReturnType<typeof placesOf>;

export interface ServerFolder {
  readonly places: Places;
  readonly lock: FolderLock;
  readonly isFresh: boolean;
  /** Fixed at the first start; every tree's origin begins with it. */
  readonly origin: string;
  readonly adminToken: string;
  readonly keyring: Keyring;
  readonly kms: Kms;
  /** Keys that this start moved to the present KMS key. */
  readonly rewrapped: number;
}

/** `kms`: another one than the configuration names; every key is under it when this returns. */
export async function openServerFolder(
  machine: Machine,
  folder: string,
  config: Config,
  base: string,
  kms: Kms | null = null,
): Promise<ServerFolder> {
  const { disk } = machine;
  await disk.makeFolder(folder);
  // The format is looked at before anything is written, the lock included: a newer version's folder is left as it is.
  if ((await readServerFile(disk, folder)) === null) await refuseForeign(disk, folder, placesOf(folder, config, base));
  const lock = await acquireFolderLock(disk, folder, machine.processes);
  try {
    return await openLocked(machine, folder, config, base, lock, kms);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(
  machine: Machine,
  folder: string,
  config: Config,
  base: string,
  lock: FolderLock,
  given: Kms | null,
): Promise<ServerFolder> {
  const { disk, random, clock } = machine;
  const places = placesOf(folder, config, base);
  // Of a server that was killed; whoever has the lock knows that it does not run.
  await disk.remove(places.runFile);
  const found = await readServerFile(disk, folder);
  if (found === null) await refuseHeadless(disk, folder, places);
  const kms = given ?? (await openKms(machine, config, base, places, found === null));
  const adminToken = await openAdminToken(machine, places.adminToken);
  const wanted = config.ledger.origin;
  const origin =
    found?.origin ?? (wanted === "" ? `tallystick.local/${Buffer.from(random(6)).toString("hex")}` : wanted);
  if (wanted !== "" && wanted !== origin) throw otherOrigin(wanted, origin);
  const createdAt = formatTimestamp(clock.nowUs());
  if (found === null) await writeServerFile(disk, folder, { origin, createdAt });
  const keyring = openKeyring({ disk, folder: places.keys, kms, clock, randomBytes: random });
  // What a killed rotation left undone.
  const rewrapped = found === null ? 0 : (await keyring.rewrap()).keys;
  return { places, lock, isFresh: found === null, origin, adminToken, keyring, kms, rewrapped };
}

/** What a start that was killed may have left is no stranger's; a disk's root has `lost+found`. */
async function refuseForeign(disk: Disk, folder: string, places: Places): Promise<void> {
  const inside = Object.values(places).filter((place) => dirname(place) === folder);
  const own = inside.map((place) => place.slice(folder.length + 1));
  const names = new Set([...own, SERVER_FILE, "lost+found"]);
  const isKnown = (name: string) =>
    /^\.?lock/.test(name) || names.has(name.replace(/(\/|\.tmp)$/, "")) || isRetiredKeyFile(name, "kms.key");
  const foreign = (await disk.list(folder)).find((name) => !isKnown(name));
  if (foreign === undefined) return;
  throw new TallystickError("folder_format", `${folder} is no data folder and is not empty: it holds ${foreign}.`, {
    hint: "Name an empty folder, or one that is not there yet.",
    at: { file: `${folder}/${foreign}` },
  });
}

/** Keys or records without a name plate: something took it away, and a new one would break every origin. */
async function refuseHeadless(disk: Disk, folder: string, places: Places): Promise<void> {
  const held = [...(await disk.list(places.journal)), ...(await disk.list(places.keys))];
  if (held.length === 0) return;
  throw new TallystickError("folder_format", `${folder} holds records or keys and has no ${SERVER_FILE}.`, {
    hint: "Bring the file back from a backup, or name another folder.",
    at: { file: `${folder}/${SERVER_FILE}` },
  });
}

async function openKms(
  machine: Machine,
  config: Config,
  base: string,
  { kmsFile }: Places,
  isFresh: boolean,
): Promise<Kms> {
  const kms = await openConfiguredKms(machine, { config, base, kmsFile }, { create: isFresh });
  if (kms !== null) return kms;
  throw new TallystickError("key_unavailable", `${kmsFile} is missing, and this folder's keys are wrapped by it.`, {
    hint: "Bring it back, or name it with kms.file.",
    at: { file: kmsFile },
  });
}

/** Made when absent: who deletes the file gets another token at the next start, and the old one opens nothing. */
async function openAdminToken({ disk, random }: Machine, file: string): Promise<string> {
  const bytes = await disk.readFile(file);
  if (bytes === null) {
    const token = makeSecret(ADMIN_PREFIX, random);
    await disk.replaceFile(file, Buffer.from(`${token}\n`));
    return token;
  }
  const token = Buffer.from(bytes).toString("latin1").trim();
  if (token.startsWith(ADMIN_PREFIX) && isWellFormedSecret(token)) return token;
  throw new TallystickError("folder_format", `${file} does not hold an administrator's token.`, {
    hint: "Bring the file back, or delete it: the next start makes another token.",
    at: { file },
  });
}

function otherOrigin(wanted: string, origin: string): TallystickError {
  return new TallystickError("config_invalid", `ledger.origin is ${wanted}, and this folder's origin is ${origin}.`, {
    hint: "The origin is fixed at the first start, since every tree's name begins with it. Take the key out or name another folder.",
  });
}
