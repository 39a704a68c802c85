import type { FolderRequest } from "./cli/parts.ts";
import { Closers } from "./closers.ts";
import { readServerFile } from "./disk/server-file.ts";
import { TallystickError } from "./errors.ts";
import type { Kms } from "./kms/kms.ts";
import type { Machine } from "./machine.ts";
import { openServerFolder } from "./server-folder.ts";
import type { ServerFolder } from "./server-folder.ts";
import { openStores } from "./stores.ts";
import type { Stores } from "./stores.ts";

export interface Alone {
  readonly folder: ServerFolder;
  readonly stores: Stores;
  /** Rejects when a part broke. */
  readonly fallen: Promise<never>;
}

/**
 * Runs work in a folder that no server has: the same parts as a server's, without its port, closed in order at the
 * end. `kms`: another one than the configuration names.
 */
export async function aloneInFolder<Result>(
  machine: Machine,
  { folder: path, config: { config }, base }: FolderRequest,
  kms: Kms | null,
  work: (alone: Alone) => Promise<Result>,
): Promise<Result> {
  const log = machine.openLog("warn");
  if ((await readServerFile(machine.disk, path)) === null)
    throw new TallystickError("not_found", `${path} is no data folder.`);
  const closers = new Closers((name, error) => log.error({ err: error }, `${name} did not close in order`));
  const health = { isFallen: false };
  let onFatal: (error: Error) => void = () => {};
  const fallen = new Promise<never>((_, reject) => {
    onFatal = reject;
  });
  fallen.catch(() => undefined);
  try {
    const folder = await openServerFolder(machine, path, config, base, kms);
    closers.add("lock", () => (health.isFallen ? undefined : folder.lock.release()));
    closers.add("kms", () => folder.kms.close());
    // Calls are judged by a server; a command writes nothing of them into the log.
    const quiet = { ...config, tally: { ...config.tally, enabled: false } };
    const stores = await openStores({ machine, config: quiet, base, folder, log, closers, onFatal, health });
    return await work({ folder, stores, fallen });
  } finally {
    await closers.closeAll();
  }
}
