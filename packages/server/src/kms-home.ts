/** Which KMS a configuration names, and how it is opened. */
import { resolve } from "node:path";

import type { Config } from "./config/schema.ts";
import { TallystickError } from "./errors.ts";
import { createFileKms, openFileKms } from "./kms/file-kms.ts";
import type { Kms } from "./kms/kms.ts";
import { openPkcs11InThread } from "./kms/node-pkcs11-thread.ts";
import type { Machine } from "./machine.ts";

/** What is configured, and where. */
export interface KmsPlace {
  readonly config: Config;
  /** Where the configuration's relative paths start. */
  readonly base: string;
  /** The `file` KMS's key. */
  readonly kmsFile: string;
}

type KmsMachine = Pick<Machine, "disk" | "clock" | "random">;

/** Null when there is none where the configuration says; `create` makes its first key, for a folder's first start. */
export async function openConfiguredKms(
  machine: KmsMachine,
  place: KmsPlace,
  { create }: { readonly create: boolean },
): Promise<Kms | null> {
  const { disk, clock, random } = machine;
  const { kms } = place.config;
  if (kms.provider === "file") {
    const found = await openFileKms(disk, place.kmsFile, random);
    return found === null && create ? createFileKms(disk, place.kmsFile, random) : found;
  }
  const { module, token, key: label } = kms.pkcs11;
  for (const name of ["module", "token", "pin_file"] as const) if (kms.pkcs11[name] === "") throw unsaid(name);
  const pin = await readPin(machine, resolve(place.base, kms.pkcs11.pin_file));
  return openPkcs11InThread({ module, token, label, pin, create }, clock);
}

async function readPin({ disk }: KmsMachine, file: string): Promise<string> {
  const bytes = await disk.readFile(file);
  if (bytes === null)
    throw new TallystickError("config_invalid", `kms.pkcs11.pin_file: ${file} is missing.`, { at: { file } });
  return Buffer.from(bytes)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

function unsaid(name: string): TallystickError {
  return new TallystickError("config_invalid", `kms.pkcs11.${name} is needed for kms.provider: pkcs11.`);
}
