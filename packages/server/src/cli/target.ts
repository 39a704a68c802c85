/** Which server a command talks to: options first, then the environment, then the data folder of a local one. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";

import { CommandError } from "./command-error.ts";
import type { CliParts } from "./parts.ts";
import { keptToken } from "./kept-tokens.ts";
import { secureFetch } from "./secure-fetch.ts";
import type { TlsOptions } from "./secure-fetch.ts";

export const DEFAULT_DATA_FOLDER = "./tallystick-data";

export interface TargetOptions extends TlsOptions {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
}

export interface Target {
  readonly url: string;
  readonly token: string | null;
  /** The way there, when it is not the usual one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export function addTargetOptions(command: Command): Command {
  return addTlsOptions(command)
    .option("--url <url>", "the server's URL (TALLYSTICK_URL)")
    .option("--token <token>", "a bearer token (TALLYSTICK_TOKEN)")
    .option("--data <folder>", `a local server's data folder, where both are found (default: ${DEFAULT_DATA_FOLDER})`);
}

export function addTlsOptions(command: Command): Command {
  return command
    .option("--ca <file>", "PEM certificates that the server's may come from (TALLYSTICK_CA)")
    .option("--cert <file>", "PEM client certificate to show (TALLYSTICK_CERT)")
    .option("--key <file>", "PEM private key of the client certificate (TALLYSTICK_KEY_FILE)");
}

export async function findTarget(parts: CliParts, options: TargetOptions): Promise<Target> {
  const { environment } = parts;
  // A folder named on the command line wins over the environment, as everything on the command line does.
  const explicitFolder = options.data !== undefined && options.url === undefined;
  const url = options.url ?? (explicitFolder ? undefined : environment["TALLYSTICK_URL"]);
  const token = options.token ?? (explicitFolder ? undefined : environment["TALLYSTICK_TOKEN"]);
  const folder = options.data ?? DEFAULT_DATA_FOLDER;
  const running = url === undefined ? await runningAt(folder) : null;
  const checked = checkedUrl(url ?? running?.url ?? "");
  const isLocal = options.data !== undefined || url === undefined;
  return {
    url: checked,
    fetch: (await secureFetch(parts, options, running?.certificate_sha256 ?? null)) ?? undefined,
    // Who reads the folder is its administrator; elsewhere one is whoever logged in.
    token: token ?? (isLocal ? await adminToken(folder) : null) ?? (await keptToken(environment, checked)),
  };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new CommandError(`${text} is no http:// or https:// URL.`, { code: "bad_request" });
  return text.replace(/\/+$/, "");
}

/** What `run.json` says: who may read it may read the administrator's token too, so its word on the certificate counts. */
export interface Running {
  readonly url: string;
  readonly certificate_sha256?: string;
}

async function runningAt(folder: string): Promise<Running> {
  const text = await runFileOf(folder);
  if (text === null) {
    throw new CommandError(`No server runs on ${folder}.`, {
      code: "not_found",
      hint: "Start one with `tallystick serve`, or name one with --url and --token, or its folder with --data.",
    });
  }
  return JSON.parse(text) as Running;
}

/** Whether a server answers for what the options name; false: the folder is to be worked on itself. */
export async function isRunning(parts: CliParts, { url, data }: TargetOptions): Promise<boolean> {
  if (url !== undefined || (data === undefined && parts.environment["TALLYSTICK_URL"] !== undefined)) return true;
  const runFile = join(data ?? DEFAULT_DATA_FOLDER, "run.json");
  if (
    await access(runFile).then(
      () => false,
      () => true,
    )
  )
    return false;
  // One that was killed left the file behind; the folder's lock decides what is right then.
  const target = await findTarget(parts, data === undefined ? {} : { data });
  return (target.fetch ?? parts.fetch)(`${target.url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** What a running server says of itself; null when none does. */
export function runFileOf(folder: string): Promise<string | null> {
  return readFile(join(folder, "run.json"), "utf8").catch(() => null);
}

async function adminToken(folder: string): Promise<string | null> {
  const text = await readFile(join(folder, "admin.token"), "utf8").catch(() => null);
  return text === null ? null : text.trim();
}
