/** Which index a configuration means, opened with what it needs and nothing more. */
import { resolve } from "node:path";

import type { Config } from "./config/schema.ts";
import type { Disk } from "./disk/disk.ts";
import { TallystickError } from "./errors.ts";
import { openIndex } from "./index/open-index.ts";
import type { Index, IndexOptions } from "./index/open-index.ts";
import type { Keyring } from "./kms/kms.ts";
import type { IndexRequest } from "./machine.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the engine's process may know of ours: tokens and passwords of the environment stay here. */
const INHERITED = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "NODE_OPTIONS"];

export function engineEnvironment(environment: Environment): Environment {
  return Object.fromEntries(INHERITED.map((name) => [name, environment[name]]));
}

export async function openConfiguredIndex(request: IndexRequest, disk: Disk, environment: Environment): Promise<Index> {
  const { journal, compute, clock, log } = request;
  const home = await homeOf(request, disk, environment);
  return openIndex({ home, journal, compute, clock, onTrouble: (message) => log.warn({ part: "index" }, message) });
}

interface HomeRequest {
  readonly folder: string;
  readonly config: Config;
  readonly base: string;
  readonly keyring: Keyring;
}

export async function homeOf(request: HomeRequest, disk: Disk, environment: Environment): Promise<IndexOptions["home"]> {
  const { folder, config, base, keyring } = request;
  const { url, user, password_file: passwordFile, database, memory_bytes: memoryBytes } = config.index;
  if (url !== "") {
    const password = passwordFile === "" ? "" : await passwordIn(disk, resolve(base, passwordFile));
    return { kind: "external", address: { url, user, password, database } };
  }
  await disk.makeFolder(folder);
  const diskKey = await keyring.key("index");
  return {
    kind: "embedded",
    engine: { folder, memoryBytes, diskKey, environment: engineEnvironment(environment) },
  };
}

async function passwordIn(disk: Disk, file: string): Promise<string> {
  const bytes = await disk.readFile(file);
  if (bytes === null) throw new TallystickError("config_invalid", `index.password_file: ${file} is missing.`);
  return Buffer.from(bytes).toString("utf8").trim();
}
