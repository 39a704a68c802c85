/** Work on a data folder from the command line, without a server. */
import { verifyFolder } from "./fsck/verify-folder.ts";
import { bad, good, warning } from "./cli/doctor-checks.ts";
import type { Check } from "./cli/doctor-checks.ts";
import type { FolderRequest, FolderWork } from "./cli/parts.ts";
import { readServerFile } from "./disk/server-file.ts";
import { isTallystickError, TallystickError } from "./errors.ts";
import { openFileKms } from "./kms/file-kms.ts";
import { openKeyring } from "./kms/keyring.ts";
import type { Keyring, Kms } from "./kms/kms.ts";
import type { Machine } from "./machine.ts";
import { placesOf } from "./server-folder.ts";
import type { Places } from "./server-folder.ts";

export function folderWork(machine: Machine): FolderWork {
  return {
    verify: async (request, known, onProgress) => {
      const places = placesFor(request);
      const compute = machine.openCompute();
      try {
        return await verifyFolder({
          dataFolder: request.folder,
          disk: machine.disk,
          clock: machine.clock,
          kms: await kmsOrNull(machine, places),
          integrityKey: known.integrityKey,
          headFolder: places.head,
          compute,
          ...(known.vkey === null ? {} : { vkey: known.vkey }),
          ...(known.since === null ? {} : { since: known.since }),
          onProgress: ({ tree, leavesChecked }) => onProgress(tree, leavesChecked),
        });
      } finally {
        await compute.close();
      }
    },
    exportIntegrityKey: async (request) => {
      const key = await (await keyringOf(machine, request)).existing("integrity");
      if (key === null) throw new TallystickError("not_found", `${request.folder} has no integrity key yet.`);
      return Buffer.from(key).toString("hex");
    },
    check: () => Promise.reject(new Error("wip")),
    reindex: () => Promise.reject(new Error("wip")),
    examine: (request) => examine(machine, request),
  };
}

function placesFor({ folder, config, base }: FolderRequest): Places {
  return placesOf(folder, config.config, base);
}

/** Null when there is none; a file that is no key is a fault that verification reports by itself. */
async function kmsOrNull({ disk, random }: Machine, { kmsFile }: Places): Promise<Kms | null> {
  try {
    return await openFileKms(disk, kmsFile, random);
  } catch (error) {
    if (isTallystickError(error, "key_unavailable")) return null;
    throw error;
  }
}

async function keyringOf(machine: Machine, request: FolderRequest): Promise<Keyring> {
  const { disk, random, clock } = machine;
  const places = placesFor(request);
  const kms = await openFileKms(disk, places.kmsFile, random);
  if (kms === null)
    throw new TallystickError("key_unavailable", `${places.kmsFile} is missing.`, {
      hint: "Name the KMS key with kms.file.",
    });
  return openKeyring({ disk, folder: places.keys, kms, clock, randomBytes: random });
}

async function examine(machine: Machine, request: FolderRequest): Promise<readonly Check[]> {
  const { disk } = machine;
  const { folder, config } = request;
  const places = placesFor(request);
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
    ...(await keyChecks(machine, places, folder)),
    config.config.ledger.copies.length > 0
      ? good("checkpoint copies", `${config.config.ledger.copies.length} places`)
      : warning(
          "checkpoint copies",
          "no checkpoint leaves this folder",
          "Set ledger.copies, or nobody finds it when the whole folder is put back to an earlier day.",
        ),
    freeBytes > totalBytes * 0.05
      ? good("space", `${Math.round(freeBytes / 2 ** 30)} GiB free`)
      : warning(
          "space",
          `${Math.round(freeBytes / 2 ** 20)} MiB free`,
          "When it is used up, producers get 503 until space returns.",
        ),
  ];
}

async function keyChecks(machine: Machine, places: Places, folder: string): Promise<readonly Check[]> {
  const kms = await kmsOrNull(machine, places);
  if (kms === null)
    return [
      bad(
        "kms key",
        `${places.kmsFile} is missing or is no key`,
        "Bring it back: without it nothing in the folder can be read.",
      ),
    ];
  const beside = places.kmsFile.startsWith(`${folder}/`);
  return [
    beside
      ? warning(
          "kms key",
          "lies beside the data that it protects",
          "Move it to another disk or host and name it with kms.file.",
        )
      : good("kms key", `${places.kmsFile} (${kms.keyId})`),
  ];
}
