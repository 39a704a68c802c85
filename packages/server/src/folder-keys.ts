/** Keys of a folder that no server has: rotated or moved to another KMS, and recorded in its log. */
import { aloneInFolder } from "./alone-in-folder.ts";
import type { FolderRequest } from "./cli/parts.ts";
import { recordRewrapped, rotateWrappingKey } from "./control/key-rotation.ts";
import { rotateSigning } from "./control/signing-rotation.ts";
import type { SigningRotation } from "./control/signing-rotation.ts";
import { TallystickError } from "./errors.ts";
import { succeedingKms } from "./kms/succeeding-kms.ts";
import type { Rewrapped } from "./kms/kms.ts";
import { openConfiguredKms } from "./kms-home.ts";
import type { Machine } from "./machine.ts";
import { placesOf } from "./server-folder.ts";

const BY = "command line";

export function rotateFolder(machine: Machine, request: FolderRequest): Promise<Rewrapped> {
  return aloneInFolder(machine, request, null, ({ folder, stores }) =>
    rotateWrappingKey(folder.keyring, stores.control, BY),
  );
}

export function rotateSigningOf(machine: Machine, request: FolderRequest, overlapMs: number): Promise<SigningRotation> {
  return aloneInFolder(machine, request, null, ({ stores }) => rotateSigning(stores.signing, BY, overlapMs));
}

/**
 * Moves every key to the KMS that `to` names, which gets its first key when it has none. Stopped half-way it is done
 * again with the same arguments: each file says which KMS it is under.
 */
export async function rewrapFolder(machine: Machine, request: FolderRequest, to: FolderRequest): Promise<Rewrapped> {
  const before = await opened(machine, request, false);
  try {
    const after = await opened(machine, to, true);
    const kms = succeedingKms(before, after);
    const rewrapped = { before: before.keyId, kms: after.keyId, keys: 0 };
    return await aloneInFolder(machine, request, kms, async ({ folder, stores }) => {
      const result = { ...rewrapped, keys: folder.rewrapped };
      await recordRewrapped(stores.control, BY, result);
      return result;
    });
  } finally {
    await before.close();
  }
}

async function opened(machine: Machine, request: FolderRequest, create: boolean) {
  const { config } = request.config;
  const { kmsFile } = placesOf(request.folder, config, request.base);
  const place = { config, base: request.base, kmsFile };
  const kms = await openConfiguredKms(machine, place, { create });
  if (kms !== null) return kms;
  throw new TallystickError("key_unavailable", `${kmsFile} is missing.`, { hint: "Name the KMS key with kms.file." });
}
