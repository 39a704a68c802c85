/**
 * A copy of a data folder as it lies, sealed and encrypted, while a server writes to it or without one.
 *
 * Guarantees: the backup is consistent: it holds every leaf under every checkpoint that it holds, since the checkpoints
 * are read first and what they cover is never taken back. A backup that was interrupted leaves the one before it whole.
 * What was deleted or erased before a backup is in no file of it: bytes that the new one does not name are removed.
 * The KMS key and the administrator's token are never copied. What did not change is not copied again.
 * Left out: what is derived and cheap (`index/`, tiles that a start makes again).
 */
import { formatTimestamp } from "@tallystick/record";
import { parseCheckpoint, parseNote } from "@tallystick/tlog";
import type { Clock } from "../clock.ts";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { readServerFile, SERVER_FILE } from "../disk/server-file.ts";
import { TallystickError } from "../errors.ts";
import { compareEpochs } from "../journal/epochs.ts";
import { blobPath, MANIFEST_FILE, readManifest, sha256Of, writeManifest } from "./backup-manifest.ts";
import type { BackedUpFile, BackupManifest } from "./backup-manifest.ts";
import { scanDeleted } from "./deleted-folder.ts";
import { MARK_HEAD_BYTES, MARK_TAIL_BYTES } from "./limits.ts";

export interface BackupParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly dataFolder: string;
  /** `ledger.head` when it lies elsewhere. */
  readonly headFolder: string;
  /** Absolute; empty, or a backup of the same server. */
  readonly target: string;
  readonly onProgress: (files: number, bytes: number) => void;
}

export interface BackupResult {
  readonly madeAt: string;
  readonly trees: BackupManifest["trees"];
  readonly files: number;
  readonly bytes: number;
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  /** Files of the backup before, which this one does not have. */
  readonly removedFiles: number;
}

export async function backUp(parts: BackupParts): Promise<BackupResult> {
  const { disk, dataFolder, target } = parts;
  const server = await readServerFile(disk, dataFolder);
  if (server === null) throw new TallystickError("not_found", `${dataFolder} is no data folder.`);
  const before = await earlierBackup(disk, target, server.origin);
  return new Backup(parts, before, server.origin).run();
}

async function earlierBackup(disk: Disk, target: string, origin: string): Promise<BackupManifest | null> {
  await disk.makeFolder(target);
  const before = await readManifest(disk, target);
  if (before !== null && before.origin !== origin)
    throw new TallystickError("bad_request", `${target} is a backup of ${before.origin}, not of ${origin}.`, {
      hint: "Name another folder.",
    });
  const own = new Set([MANIFEST_FILE, "files/", "erasures/"]);
  const isStrange = (name: string) => !own.has(name) && !name.endsWith(TEMPORARY_SUFFIX);
  if (before === null && (await disk.list(target)).some(isStrange))
    throw new TallystickError("bad_request", `${target} is not empty and no backup.`, { hint: "Name another folder." });
  return before;
}

interface Head {
  readonly tree: string;
  readonly size: number;
  readonly note: Uint8Array;
  /** The newest of its log: the one that grows. */
  readonly isNewest: boolean;
}

class Backup {
  readonly #parts: BackupParts;
  readonly #origin: string;
  readonly #before: ReadonlyMap<string, BackedUpFile>;
  readonly #files: BackedUpFile[] = [];
  #copiedFiles = 0;
  #copiedBytes = 0;

  constructor(parts: BackupParts, before: BackupManifest | null, origin: string) {
    this.#parts = parts;
    this.#origin = origin;
    this.#before = new Map((before?.files ?? []).map((file) => [file.path, file]));
  }

  async run(): Promise<BackupResult> {
    const { disk, clock, target } = this.#parts;
    const madeAt = formatTimestamp(clock.nowUs());
    // First of all: whatever is copied later holds at least what these cover.
    let heads = await this.#heads();
    await this.#copy(SERVER_FILE);
    await this.#folder("erasures");
    for (const head of heads) await this.#tree(head);
    await this.#payloads(heads);
    await this.#keys(heads);
    await this.#folder("deleted");
    // What was deleted meanwhile is not of this backup, however much of it was copied.
    const gone = await this.#deleted();
    heads = heads.filter(({ tree }) => !gone.has(tree));
    for (const { tree, note } of heads) await this.#keep(`head/${tree}.note`, note);
    // Once more: what was erased while bytes were being copied may be among them, and a restore has to know.
    await this.#folder("erasures");
    const unique = newestByPath(this.#files.filter(({ path }) => !isOfTree(path, gone)));
    const trees = heads.map(({ tree, size }) => ({ tree, size }));
    await writeManifest(disk, target, { origin: this.#origin, made_at: madeAt, trees, files: unique });
    const removedFiles = await this.#removeOthers(new Set(unique.map(({ sha256 }) => sha256)));
    const bytes = unique.reduce((sum, { size }) => sum + size, 0);
    const copied = { copiedFiles: this.#copiedFiles, copiedBytes: this.#copiedBytes };
    return { madeAt, trees, files: unique.length, bytes, ...copied, removedFiles };
  }

  async #heads(): Promise<readonly Head[]> {
    const { disk, headFolder } = this.#parts;
    const gone = await this.#deleted();
    const heads: Head[] = [];
    for (const log of (await disk.list(headFolder)).filter((name) => name.endsWith("/"))) {
      const epochs = (await disk.list(`${headFolder}/${log.slice(0, -1)}`))
        .filter((name) => name.endsWith(".note"))
        .map((name) => name.slice(0, -".note".length))
        .filter((epoch) => !gone.has(`${log}${epoch}`))
        .sort(compareEpochs);
      for (const [place, epoch] of epochs.entries()) {
        const note = await disk.readFile(`${headFolder}/${log}${epoch}.note`);
        const size = note === null ? 0 : sizeOf(note);
        if (note !== null && size > 0)
          heads.push({ tree: `${log}${epoch}`, size, note, isNewest: place === epochs.length - 1 });
      }
    }
    return heads;
  }

  async #deleted(): Promise<ReadonlySet<string>> {
    const { disk, dataFolder } = this.#parts;
    return new Set((await scanDeleted(disk, `${dataFolder}/deleted`)).deleted.map(({ tree }) => tree));
  }

  /** Segments; and of a closed tree the ledger's files, which a start would make again leaf by leaf. */
  async #tree({ tree, isNewest }: Head): Promise<void> {
    await this.#folder(`journal/${tree}`);
    if (isNewest) await this.#folder(`ledger/${tree}/tile`, (path) => !path.includes(".p/"));
    else await this.#folder(`ledger/${tree}`);
  }

  async #payloads(heads: readonly Head[]): Promise<void> {
    for (const log of new Set(heads.map(({ tree }) => tree.slice(0, tree.indexOf("/")))))
      await this.#folder(`payload/${log}`);
  }

  /** A key without its tree would look like a tree that was taken away. */
  async #keys(heads: readonly Head[]): Promise<void> {
    const trees = new Set(heads.map(({ tree }) => `epoch.${tree.replace("/", ".")}.json`));
    await this.#folder("keys", (path) => {
      const name = path.slice("keys/".length);
      return !name.startsWith("epoch.") || trees.has(name);
    });
  }

  async #folder(folder: string, wanted: (path: string) => boolean = () => true): Promise<void> {
    const { disk, dataFolder } = this.#parts;
    for (const name of await disk.list(`${dataFolder}/${folder}`)) {
      const path = `${folder}/${name}`;
      if (name.endsWith("/")) await this.#folder(path.slice(0, -1), wanted);
      else if (!name.endsWith(TEMPORARY_SUFFIX) && wanted(path)) await this.#copy(path);
    }
  }

  /** A file that went meanwhile is not of the backup. */
  async #copy(path: string): Promise<void> {
    const { disk, dataFolder } = this.#parts;
    const known = await this.#unchanged(path);
    if (known !== null) return void this.#files.push(known);
    const bytes = await disk.readFile(`${dataFolder}/${path}`);
    if (bytes !== null) await this.#keep(path, bytes);
  }

  async #keep(path: string, bytes: Uint8Array): Promise<void> {
    const { disk, target, onProgress } = this.#parts;
    const sha256 = sha256Of(bytes);
    const blob = `${target}/${blobPath(sha256)}`;
    if ((await disk.size(blob)) !== bytes.length) {
      await disk.makeFolder(blob.slice(0, blob.lastIndexOf("/")));
      await disk.replaceFile(blob, bytes);
      this.#copiedFiles += 1;
      this.#copiedBytes += bytes.length;
    }
    const mark = isMarked(path) ? markOf(bytes) : "";
    this.#files.push({ path, size: bytes.length, sha256, mark });
    onProgress(this.#files.length, this.#copiedBytes);
  }

  /** Segments and bodies are the bulk: first and last bytes change with whatever is in them. A tile never does. */
  async #unchanged(path: string): Promise<BackedUpFile | null> {
    const { disk, dataFolder, target } = this.#parts;
    const known = this.#before.get(path);
    if (known === undefined || !isMarked(path)) return null;
    const file = `${dataFolder}/${path}`;
    if ((await disk.size(file)) !== known.size) return null;
    if ((await disk.size(`${target}/${blobPath(known.sha256)}`)) !== known.size) return null;
    const head = await disk.read(file, 0, MARK_HEAD_BYTES);
    const tail = await disk.read(file, Math.max(0, known.size - MARK_TAIL_BYTES), MARK_TAIL_BYTES);
    return sha256Of(Buffer.concat([head, tail])) === known.mark ? known : null;
  }

  async #removeOthers(wanted: ReadonlySet<string>): Promise<number> {
    const { disk, target } = this.#parts;
    let removed = 0;
    for (const folder of await disk.list(`${target}/files`)) {
      for (const name of await disk.list(`${target}/files/${folder.replace("/", "")}`)) {
        if (wanted.has(name)) continue;
        await disk.remove(`${target}/files/${folder.replace("/", "")}/${name}`);
        removed += 1;
      }
    }
    return removed;
  }
}

function newestByPath(files: readonly BackedUpFile[]): readonly BackedUpFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

function isMarked(path: string): boolean {
  return path.endsWith(".seg") || path.endsWith(".pay") || (path.includes("/tile/") && !path.includes(".p/"));
}

function markOf(bytes: Uint8Array): string {
  const tail = bytes.subarray(Math.max(0, bytes.length - MARK_TAIL_BYTES));
  return sha256Of(Buffer.concat([bytes.subarray(0, MARK_HEAD_BYTES), tail]));
}

function isOfTree(path: string, trees: ReadonlySet<string>): boolean {
  const [folder = "", log = "", epoch = ""] = path.split("/");
  if (folder === "keys") {
    const named = /^(?:epoch|payload)\.([a-z0-9-]+)\.(.+)\.json$/.exec(log);
    return named !== null && trees.has(`${named[1]}/${named[2]}`);
  }
  return ["journal", "payload", "ledger"].includes(folder) && trees.has(`${log}/${epoch}`);
}

function sizeOf(note: Uint8Array): number {
  const form = parseNote(note);
  const said = parseCheckpoint(form.kind === "ok" ? form.value.text : "");
  return said.kind === "ok" ? said.value.size : 0;
}
