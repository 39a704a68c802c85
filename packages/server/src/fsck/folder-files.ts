/** The small files at the root of a data folder, and that nothing lies there that has no place. */
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { readServerFile, SERVER_FILE } from "../disk/server-file.ts";
import { readSummed } from "../disk/summed-json.ts";
import { isTallystickError } from "../errors.ts";
import { isRetiredKeyFile, openFileKms } from "../kms/file-kms.ts";
import { isWellFormedSecret } from "../control/secret.ts";
import type { FolderFaults } from "./faults.ts";
import { FSCK_FILE } from "./last-fsck.ts";
import { MAX_SMALL_FILE_BYTES } from "./limits.ts";

const FOLDERS: ReadonlySet<string> = new Set([
  "keys/",
  "journal/",
  "payload/",
  "head/",
  "ledger/",
  "index/",
  "deleted/",
  "erasures/",
]);
/** Of a running server, or one that was killed; nothing is derived from them. */
const RUNNING: ReadonlySet<string> = new Set(["lock", "run.json"]);
const CHECKED: ReadonlySet<string> = new Set([SERVER_FILE, "admin.token", "kms.key"]);
/** Counts of a day, how far rules came, places of backups, what a check found: kept beside the log, with a sum. */
const SUMMED: ReadonlySet<string> = new Set(["quotas.json", "rules.json", "backups.json", FSCK_FILE]);
/** Holds space and nothing else. */
const UNCHECKED: ReadonlySet<string> = new Set(["reserve"]);

/** True when a server runs in the folder, or one was killed there. */
export async function isInUse(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.list(folder)).some((name) => RUNNING.has(name));
}

export async function checkRoot(disk: Disk, folder: string, inUse: boolean, faults: FolderFaults): Promise<void> {
  for (const name of await disk.list(folder)) {
    if (SUMMED.has(name)) await checkSummed(disk, `${folder}/${name}`, faults);
    if (SUMMED.has(name) || FOLDERS.has(name) || RUNNING.has(name) || CHECKED.has(name) || UNCHECKED.has(name))
      continue;
    if (isRetiredKeyFile(name, "kms.key")) continue;
    const isLeftover = inUse && (name.endsWith(TEMPORARY_SUFFIX) || name.startsWith("lock.stale"));
    if (!isLeftover) faults.add("unknown_file", "no file of that name belongs there", { file: `${folder}/${name}` });
  }
  await checkToken(disk, `${folder}/admin.token`, faults);
}

/** The server origin, or null when server.json does not say. */
export async function checkServerFile(disk: Disk, folder: string, faults: FolderFaults): Promise<string | null> {
  const file = `${folder}/${SERVER_FILE}`;
  try {
    const found = await readServerFile(disk, folder);
    if (found === null) faults.add("server_file", "server.json is missing", { file });
    return found?.origin ?? null;
  } catch (error) {
    // A newer format is no fault: this version cannot say what belongs there, so nothing is read on.
    if (!isTallystickError(error, "folder_format") || error.at["format"] !== undefined) throw error;
    faults.add("server_file", error.message, { file });
    return null;
  }
}

async function checkSummed(disk: Disk, file: string, faults: FolderFaults): Promise<void> {
  const bytes = await disk.readFile(file);
  if (bytes !== null && readSummed(bytes) === undefined)
    faults.add("state_file", "the sum in its first line does not fit the rest; delete it, and it begins anew", {
      file,
    });
}

async function checkToken(disk: Disk, file: string, faults: FolderFaults): Promise<void> {
  const text = await smallText(disk, file);
  if (text === null) return faults.add("token_file", "admin.token is missing", { file });
  // Byte for byte as it was written, its newline too.
  if (!text.endsWith("\n") || !isWellFormedSecret(text.slice(0, -1)))
    faults.add("token_file", "the token does not have its form and checksum", { file });
}

/**
 * The key beside the data, if there is one, is the one that wrapped the data keys. A second one is there only while
 * they are moved to it.
 */
export async function checkKmsFile(
  disk: Disk,
  folder: string,
  wrappedUnder: string | null,
  inUse: boolean,
  faults: FolderFaults,
): Promise<void> {
  const file = `${folder}/kms.key`;
  try {
    const kms = await openFileKms(disk, file, refuseRandom);
    if (kms !== null && kms.keyIds.length > 1 && !inUse)
      faults.add("kms_file", "kms.key holds a second key, and no rotation is under way", { file });
    if (kms === null || wrappedUnder === null || kms.keyIds.includes(wrappedUnder) || !wrappedUnder.startsWith("file:"))
      return;
    faults.add("kms_file", `kms.key is not the key that the data keys are wrapped under (${wrappedUnder})`, { file });
  } catch (error) {
    if (!isTallystickError(error, "key_unavailable")) throw error;
    faults.add("kms_file", error.message, { file });
  }
}

/** Which KMS key the signing key is wrapped under, by its file; null when the file does not say. */
export async function wrappingKey(disk: Disk, folder: string): Promise<string | null> {
  const text = await smallText(disk, `${folder}/keys/signing.json`);
  const match = /"kms":"(file:[0-9a-f]{16})"/.exec(text ?? "");
  return match?.[1] ?? null;
}

async function smallText(disk: Disk, path: string): Promise<string | null> {
  const size = await disk.size(path);
  if (size === null) return null;
  if (size > MAX_SMALL_FILE_BYTES) return "";
  const bytes = await disk.readFile(path);
  return bytes === null ? null : Buffer.from(bytes).toString("latin1");
}

function refuseRandom(): never {
  throw new Error("verification makes no keys");
}
