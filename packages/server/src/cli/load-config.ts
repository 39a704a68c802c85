import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import { readConfig } from "../config/config.ts";
import type { ConfigOption, EffectiveConfig } from "../config/config.ts";
import { CommandError } from "./command-error.ts";
import type { CliParts } from "./parts.ts";

export interface LoadedConfig {
  readonly config: EffectiveConfig;
  /** Where the file's relative paths start. */
  readonly base: string;
}

export async function loadConfig(
  parts: CliParts,
  file: string | undefined,
  options: readonly ConfigOption[] = [],
): Promise<LoadedConfig> {
  const text = file === undefined ? null : await readText(file);
  const config = readConfig({
    file: file === undefined || text === null ? null : { name: file, text },
    environment: parts.environment,
    options,
  });
  return { config, base: file === undefined ? resolve(".") : dirname(resolve(file)) };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CommandError(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: "config_invalid",
      cause,
    });
  }
}
