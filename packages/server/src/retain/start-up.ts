/** What a start finds in `deleted/`, before journal and ledger look at what is left of those trees. */
import { ed25519Verifier } from "@tallystick/tlog";
import { checkDeletion } from "@tallystick/verify";
import { TallystickError } from "../errors.ts";
import { journalCorrupt } from "../journal/corrupt.ts";
import { deletionOf, scanDeleted } from "./deleted-folder.ts";
import { removeTree } from "./remove-tree.ts";
import type { RemovalParts } from "./remove-tree.ts";

export interface StartParts extends Omit<RemovalParts, "pace"> {
  readonly deletedFolder: string;
  readonly serverOrigin: string;
  /** Every key that signs, or signed, for the folder. */
  readonly publicKeys: readonly Uint8Array[];
}

/**
 * Removes what is left of every deleted tree, so that nothing else ever sees half of one; the record of it follows with
 * the first pass of the clean-up. What has no place there stops the start, and so does a file that does not prove the
 * deletion: bytes go by the log's own word alone.
 */
export async function finishRemovals(parts: StartParts): Promise<void> {
  const { deleted, leftovers, strangers } = await scanDeleted(parts.disk, parts.deletedFolder);
  const stranger = strangers[0];
  if (stranger !== undefined) throw journalCorrupt("there is something that does not belong there", { file: stranger });
  for (const leftover of leftovers) await parts.disk.remove(leftover);
  for (const { tree, file, isBeingRemoved } of deleted) {
    if (!isBeingRemoved) continue;
    await requireProof(parts, tree, file);
    await removeTree({ ...parts, pace: async () => {} }, tree);
  }
}

async function requireProof({ disk, deletedFolder, ...parts }: StartParts, tree: string, file: string): Promise<void> {
  const deletion = await deletionOf(disk, deletedFolder, tree);
  const keysFor = (origin: string) => parts.publicKeys.map((key) => ed25519Verifier(origin, key));
  const checked =
    deletion === null ? null : await checkDeletion(deletion, { serverOrigin: parts.serverOrigin, keysFor });
  const problem = checked === null ? "the file is damaged" : checked.problems[0];
  if (problem === undefined) return;
  throw new TallystickError("ledger_mismatch", `${tree}: what should prove its deletion does not: ${problem}`, {
    fatal: true,
    hint: "Nothing was removed. Bring the file back from a backup; `tallystick verify` shows the whole picture.",
    at: { tree, file },
  });
}
