/**
 * Trees that were once there and are gone. A tree's folder in `journal/` is durable before its epoch key is made
 * (log-writer.ts), and nothing removes it: so a key without a folder is never what a crash leaves behind. Going on
 * would begin the tree again at leaf 0, under the same origin: a fork.
 *
 * Left out: a folder that is there and empty. A crash, or a full disk, leaves that between the key and the first
 * record.
 */
import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import { epochKeys } from "../kms/keyring.ts";

export interface LostTree {
  /** `<log>/<epoch>` */
  readonly tree: string;
  readonly keyFile: string;
}

export async function lostTrees(disk: Disk, keys: string, journal: string): Promise<readonly LostTree[]> {
  const lost: LostTree[] = [];
  // The keys are listed first: a running server makes the tree's folder before them.
  for (const { log, epoch, file } of await epochKeys(disk, keys)) {
    const epochs = await disk.list(`${journal}/${log}`);
    if (!epochs.includes(`${epoch}/`)) lost.push({ tree: `${log}/${epoch}`, keyFile: file });
  }
  return lost;
}

/** Throws when a tree is gone; nothing was written yet. */
export async function refuseLostTrees(disk: Disk, keys: string, journal: string): Promise<void> {
  const [first] = await lostTrees(disk, keys, journal);
  if (first === undefined) return;
  const message = `${first.tree}: its key is in the folder (${first.keyFile}), but the journal has no such tree`;
  throw new TallystickError("ledger_rollback", message, {
    fatal: true,
    hint: "The tree was deleted or an older state put back. Bring the journal back from a backup; never delete the key.",
    at: { tree: first.tree, file: first.keyFile },
  });
}
