/**
 * One server at a time in a data folder. The lock is a file that names its holder by process id, the process's start
 * time and the boot id, so that a holder killed at any moment, or a machine that lost power, needs no help: the next
 * start sees that the named process is not there (or is another one with the same id) and takes the lock over.
 *
 * Invariant: a lock that names a living process is never taken. Two starters that both find a stale lock are decided by
 * the rename, which only one of them can do to the stale file; the other sees that what it moved is not what it read,
 * and puts it back.
 *
 * Left out on purpose: locks across machines or process namespaces on one file system; run one server to a folder.
 */
import type { Disk } from "./disk.ts";
import { TallystickError } from "../errors.ts";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the process's start. */
  readonly startTime: string;
  readonly bootId: string;
}

export interface Processes {
  self(): Promise<ProcessIdentity>;
  /** True when exactly this process runs now. */
  runs(identity: ProcessIdentity): Promise<boolean>;
}

export interface FolderLock {
  readonly holder: ProcessIdentity;
  release(): Promise<void>;
}

const START_TIME_FIELD = 22;
const STATE_FIELD = 3;
const LOCK_NAME = "lock";
const STALE_NAME = "lock.stale";

export async function acquireFolderLock(disk: Disk, folder: string, processes: Processes): Promise<FolderLock> {
  const path = `${folder}/${LOCK_NAME}`;
  const holder = await processes.self();
  const found = await disk.readFile(path);
  if (found !== null) await takeOver(disk, path, found, holder, processes);
  const mine = encode(holder);
  try {
    const file = await disk.createAppend(path);
    await file.append(mine);
    await file.sync();
    await file.close();
  } catch (error) {
    throw locked(path, "another process took it at the same moment", error);
  }
  if (!sameBytes(await disk.readFile(path), mine)) throw locked(path, "another process took it at the same moment");
  return {
    holder,
    async release() {
      if (sameBytes(await disk.readFile(path), mine)) await disk.remove(path);
    },
  };
}

async function takeOver(
  disk: Disk,
  path: string,
  found: Uint8Array,
  self: ProcessIdentity,
  processes: Processes,
): Promise<void> {
  const identity = decode(found);
  if (identity !== null && (await processes.runs(identity)))
    throw locked(path, `process ${identity.pid} has it and is running`);
  const stale = `${path.slice(0, -LOCK_NAME.length)}${STALE_NAME}-${self.pid}`;
  try {
    await disk.rename(path, stale);
  } catch (error) {
    throw locked(path, "another process took it at the same moment", error);
  }
  if (!sameBytes(await disk.readFile(stale), found)) {
    await disk.rename(stale, path);
    throw locked(path, "another process took it at the same moment");
  }
  await disk.remove(stale);
}

/** Reads Linux's /proc through the disk, so that tests can play other processes. */
export function procProcesses(disk: Disk, pid: number): Processes {
  const bootId = async (): Promise<string> => decodeText(await disk.readFile("/proc/sys/kernel/random/boot_id")).trim();
  const startTime = async (of: number): Promise<string | null> => {
    const fields = statFields(decodeText(await disk.readFile(`/proc/${of}/stat`)));
    // A zombie holds no file and writes nothing any more; it is only not yet waited for.
    return fields === null || fields[STATE_FIELD - 1] === "Z" ? null : (fields[START_TIME_FIELD - 1] ?? null);
  };
  return {
    async self() {
      return { pid, startTime: (await startTime(pid)) ?? "unknown", bootId: await bootId() };
    },
    async runs(identity) {
      return identity.bootId === (await bootId()) && identity.startTime === (await startTime(identity.pid));
    },
  };
}

/** Field 2 is the command in parentheses and may hold spaces and parentheses itself: count from the last one. */
function statFields(text: string): readonly string[] | null {
  const end = text.lastIndexOf(")");
  if (end < 0) return null;
  return [
    text.slice(0, text.indexOf(" ")),
    text.slice(text.indexOf("("), end + 1),
    ...text
      .slice(end + 2)
      .trim()
      .split(" "),
  ];
}

function encode(identity: ProcessIdentity): Uint8Array {
  const { bootId, pid, startTime } = identity;
  return Buffer.from(`${JSON.stringify({ boot_id: bootId, pid, start_time: startTime })}\n`);
}

/** Null when the file is torn: its writer died while taking the lock and never used the folder. */
function decode(bytes: Uint8Array): ProcessIdentity | null {
  try {
    const value: unknown = JSON.parse(decodeText(bytes));
    if (typeof value !== "object" || value === null) return null;
    const { boot_id: bootId, pid, start_time: startTime } = value as Record<string, unknown>;
    if (typeof bootId !== "string" || typeof pid !== "number" || typeof startTime !== "string") return null;
    return { bootId, pid, startTime };
  } catch {
    return null;
  }
}

function locked(path: string, why: string, cause?: unknown): TallystickError {
  return new TallystickError("folder_locked", `the data folder is in use (${path}): ${why}`, {
    cause,
    at: { file: path },
    hint: "Stop the other server, or give this one a folder of its own.",
  });
}

function decodeText(bytes: Uint8Array | null): string {
  return bytes === null ? "" : Buffer.from(bytes).toString("utf8");
}

function sameBytes(one: Uint8Array | null, other: Uint8Array): boolean {
  return one !== null && Buffer.compare(one, other) === 0;
}
