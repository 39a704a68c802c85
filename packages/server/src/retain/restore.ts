/**
 * A backup becomes a data folder again. No tree of it is ever continued: what the original wrote after the backup may
 * be known to others, and the same place must not be filled twice. So the newest tree of each log is closed at the last
 * checkpoint that the backup holds, and the log goes on in a new one, `<log>/<epoch>.r1`, with an origin of its own,
 * whose leaf 0 names the closed one.
 *
 * Guarantees: every file is what the backup was made of, by its hash; nothing is written when the head store elsewhere
 * knows more than the backup, unless whoever restores accepts the loss, which is then a record. Nothing of the target
 * is overwritten. A restore that fails leaves the target as it was, and the head store elsewhere too.
 */
import { parseCheckpoint, parseNote } from "@tallystick/tlog";
import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import { compareEpochs, nextEpoch, restoredEpoch } from "../journal/epochs.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import { trimTree } from "../journal/trim-tree.ts";
import type { TrimParts } from "../journal/trim-tree.ts";
import { blobPath, damaged, readManifest, sha256Of } from "./backup-manifest.ts";
import type { BackupManifest } from "./backup-manifest.ts";

export interface RestoreParts {
  readonly disk: Disk;
  /** The backup's folder. */
  readonly source: string;
  /** Absent or empty, but for a KMS key. */
  readonly target: string;
  /** `ledger.head` when it lies elsewhere; what it knows counts. */
  readonly headFolder: string;
  /** Restore although the head store knows leaves that the backup does not have. */
  readonly acceptLoss: boolean;
  readonly onProgress: (files: number, total: number) => void;
}

export interface RestoredFiles {
  readonly manifest: BackupManifest;
  /** What the head store elsewhere knew beyond the backup, before the backup's heads took their place. */
  readonly known: readonly KnownHead[];
}

/** One log of the restored folder: the tree that was closed and the one that follows it. */
export interface RestoredLog {
  readonly log: string;
  /** Null when the backup holds nothing of the log. */
  readonly closed: string | null;
  readonly size: number;
  readonly next: string;
  /** Leaves that the head store elsewhere knew beyond the backup, and its notes of them. */
  readonly lost: number;
  readonly knownNotes: readonly string[];
}

export interface CloseParts extends RestoreParts, TrimParts {
  readonly nowUs: number;
  readonly policyOf: (log: string) => EpochPolicy;
  /** Logs that every server writes, whether the backup holds them or not. */
  readonly logs: readonly string[];
}

/** The backup's files in their places. Returns what was restored, before anything is closed. */
export async function restoreFiles(parts: RestoreParts): Promise<RestoredFiles> {
  const { disk, source, target, onProgress } = parts;
  const manifest = await readManifest(disk, source);
  if (manifest === null)
    throw new TallystickError("not_found", `${source} is no backup.`, {
      hint: "Name the folder that `tallystick backup` was given.",
    });
  await refuseTarget(disk, target);
  const known = await knownElsewhere(parts, manifest);
  try {
    for (const [done, file] of manifest.files.entries()) {
      await restoreFile(parts, file);
      onProgress(done + 1, manifest.files.length);
    }
  } catch (error) {
    await takeBack(parts, known);
    throw error;
  }
  return { manifest, known };
}

async function restoreFile(parts: RestoreParts, { path, sha256, size }: BackupManifest["files"][number]) {
  const { disk, source } = parts;
  const blob = `${source}/${blobPath(sha256)}`;
  const bytes = await disk.readFile(blob);
  if (bytes === null || bytes.length !== size || sha256Of(bytes) !== sha256)
    throw damaged(blob, `${path} is ${bytes === null ? "missing" : "not what was backed up"}`);
  const place = placeOf(parts, path);
  await disk.makeFolder(place.slice(0, place.lastIndexOf("/")));
  await disk.replaceFile(place, bytes);
}

/** Of a restore that failed: the target was empty but for what stays, and elsewhere stands again what was known. */
export async function takeBack({ disk, target, headFolder }: RestoreParts, known: readonly KnownHead[]): Promise<void> {
  for (const name of await disk.list(target)) if (!isAllowed(name)) await removeNamed(disk, target, name);
  for (const { tree, note } of known) await disk.replaceFile(`${headFolder}/${tree}.note`, Buffer.from(note));
}

/** A folder with all that is in it. */
export async function removeAll(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.list(folder)) await removeNamed(disk, folder, name);
  await disk.remove(folder);
}

/** `name` as a list gives it: a folder's ends with a slash. */
function removeNamed(disk: Disk, folder: string, name: string): Promise<void> {
  return name.endsWith("/") ? removeAll(disk, `${folder}/${name.slice(0, -1)}`) : disk.remove(`${folder}/${name}`);
}

function placeOf({ target, headFolder }: RestoreParts, path: string): string {
  return path.startsWith("head/") ? `${headFolder}/${path.slice("head/".length)}` : `${target}/${path}`;
}

/** What may be in the folder before. */
function isAllowed(name: string): boolean {
  return name.startsWith("kms.key") || name === "lost+found/";
}

async function refuseTarget(disk: Disk, target: string): Promise<void> {
  const found = (await disk.list(target)).find((name) => !isAllowed(name));
  if (found === undefined) return;
  throw new TallystickError("bad_request", `${target} is not empty: it holds ${found}.`, {
    hint: "Restore into an empty folder; what is there is never overwritten.",
  });
}

/**
 * Closes the newest tree of each log at its checkpoint and begins the next. The new one never has a name that the
 * original may have used after the backup: also where the epoch changed meanwhile, or the log began only then.
 */
export async function closeTrees(
  parts: CloseParts,
  { manifest, known }: RestoredFiles,
): Promise<readonly RestoredLog[]> {
  const { disk, target, headFolder } = parts;
  const sizes = new Map(manifest.trees.map(({ tree, size }) => [tree, size]));
  const newest = new Map(newestTrees(manifest).map((one) => [logOf(one.tree), one]));
  const restored: RestoredLog[] = [];
  for (const log of new Set([...newest.keys(), ...known.map(({ tree }) => logOf(tree)), ...parts.logs])) {
    const last = newest.get(log) ?? null;
    if (last !== null) await trimTree(parts, `${target}/journal`, last.tree, last.size);
    const own = known.filter(({ tree }) => logOf(tree) === log);
    const next = `${log}/${nextOf(parts, log, [...(last === null ? [] : [last]), ...own])}`;
    await disk.makeFolder(`${target}/journal/${next}`);
    // A head without its tree would be a rollback; what it said stands in the record of the restore.
    for (const { tree } of own) if (!sizes.has(tree)) await disk.remove(`${headFolder}/${tree}.note`);
    const lost = own.reduce((sum, { tree, size }) => sum + size - (sizes.get(tree) ?? 0), 0);
    const knownNotes = own.map(({ note }) => note);
    restored.push({ log, closed: last?.tree ?? null, size: last?.size ?? 0, next, lost, knownNotes });
  }
  return restored;
}

function nextOf({ policyOf, nowUs }: CloseParts, log: string, trees: readonly { readonly tree: string }[]): string {
  const epochs = trees.map(({ tree }) => tree.slice(log.length + 1)).sort(compareEpochs);
  return restoredEpoch(nextEpoch(policyOf(log), nowUs, epochs.at(-1) ?? null));
}

function logOf(tree: string): string {
  return tree.slice(0, tree.indexOf("/"));
}

function newestTrees(manifest: BackupManifest): BackupManifest["trees"] {
  const newest = new Map<string, BackupManifest["trees"][number]>();
  for (const one of manifest.trees) {
    const [log = "", epoch = ""] = one.tree.split("/");
    const before = newest.get(log)?.tree.split("/")[1];
    if (before === undefined || compareEpochs(epoch, before) > 0) newest.set(log, one);
  }
  return [...newest.values()];
}

export interface KnownHead {
  readonly tree: string;
  readonly size: number;
  readonly note: string;
}

/** What the head store elsewhere knows beyond the backup; refused unless the loss is accepted. */
async function knownElsewhere(parts: RestoreParts, manifest: BackupManifest): Promise<readonly KnownHead[]> {
  const { disk, target, headFolder, acceptLoss } = parts;
  if (headFolder === `${target}/head`) return [];
  const sizes = new Map(manifest.trees.map(({ tree, size }) => [tree, size]));
  const known: KnownHead[] = [];
  for (const log of (await disk.list(headFolder)).filter((name) => name.endsWith("/"))) {
    for (const name of await disk.list(`${headFolder}/${log.slice(0, -1)}`)) {
      const tree = `${log}${name.replace(/\.note$/, "")}`;
      const note = Buffer.from((await disk.readFile(`${headFolder}/${log}${name}`)) ?? []).toString("utf8");
      const size = sizeOf(note);
      if (size > (sizes.get(tree) ?? 0)) known.push({ tree, size, note });
    }
  }
  const [first] = known;
  if (first === undefined || acceptLoss) return known;
  throw new TallystickError(
    "ledger_rollback",
    `${headFolder} knows ${first.size} leaves of ${first.tree}; the backup has ${sizes.get(first.tree) ?? 0}.`,
    {
      hint: "A newer backup, or the original folder, has them. --accept-loss restores without; the log then says what is lost.",
      at: { tree: first.tree },
    },
  );
}

function sizeOf(note: string): number {
  const form = parseNote(note);
  const said = parseCheckpoint(form.kind === "ok" ? form.value.text : "");
  return said.kind === "ok" ? said.value.size : 0;
}
