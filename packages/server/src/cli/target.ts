/** Which server a command talks to: options first, then the environment, then the data folder of a local one. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";

import { CommandError } from "./command-error.ts";
import type { CliParts } from "./parts.ts";

export const DEFAULT_DATA_FOLDER = "./tallystick-data";

export interface TargetOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
}

export interface Target {
  readonly url: string;
  readonly token: string | null;
}

export function addTargetOptions(command: Command): Command {
  return command
    .option("--url <url>", "the server's URL (TALLYSTICK_URL)")
    .option("--token <token>", "a bearer token (TALLYSTICK_TOKEN)")
    .option("--data <folder>", `a local server's data folder, where both are found (default: ${DEFAULT_DATA_FOLDER})`);
}

export async function findTarget(parts: CliParts, options: TargetOptions): Promise<Target> {
  const { environment } = parts;
  // A folder named on the command line wins over the environment, as everything on the command line does.
  const explicitFolder = options.data !== undefined && options.url === undefined;
  const url = options.url ?? (explicitFolder ? undefined : environment["TALLYSTICK_URL"]);
  const token = options.token ?? (explicitFolder ? undefined : environment["TALLYSTICK_TOKEN"]);
  const folder = options.data ?? DEFAULT_DATA_FOLDER;
  return {
    url: checkedUrl(url ?? (await runningUrl(folder))),
    token: token ?? (options.data !== undefined || url === undefined ? await adminToken(folder) : null),
  };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new CommandError(`${text} is no http:// or https:// URL.`, { code: "bad_request" });
  return text.replace(/\/+$/, "");
}

async function runningUrl(folder: string): Promise<string> {
  const text = await runFileOf(folder);
  if (text === null) {
    throw new CommandError(`No server runs on ${folder}.`, {
      code: "not_found",
      hint: "Start one with `tallystick serve`, or name one with --url and --token, or its folder with --data.",
    });
  }
  return (JSON.parse(text) as { readonly url: string }).url;
}

/** What a running server says of itself; null when none does. */
export function runFileOf(folder: string): Promise<string | null> {
  return readFile(join(folder, "run.json"), "utf8").catch(() => null);
}

async function adminToken(folder: string): Promise<string | null> {
  const text = await readFile(join(folder, "admin.token"), "utf8").catch(() => null);
  return text === null ? null : text.trim();
}
