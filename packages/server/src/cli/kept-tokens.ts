/**
 * Tokens that `tallystick login` fetched, by the server's URL, in a file that only its owner reads:
 * `$XDG_CONFIG_HOME/tallystick/tokens.json`, `~/.config/…` where that is not set.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { CommandError } from "./command-error.ts";
import type { CliParts } from "./parts.ts";

type Environment = CliParts["environment"];
type Kept = Readonly<Record<string, string>>;

export async function keptToken(environment: Environment, url: string): Promise<string | null> {
  const place = placeOf(environment);
  return place === null ? null : ((await read(place))[url] ?? null);
}

/** Null takes it away. */
export async function keepToken(environment: Environment, url: string, token: string | null): Promise<void> {
  const place = placeOf(environment);
  if (place === null)
    throw new CommandError("There is no place to keep the token: neither XDG_CONFIG_HOME nor HOME is set.", {
      code: "bad_request",
      hint: "Use a key instead: TALLYSTICK_TOKEN or --token.",
    });
  const others = Object.entries(await read(place)).filter(([known]) => known !== url);
  const kept = Object.fromEntries(token === null ? others : [...others, [url, token]]);
  await mkdir(dirname(place), { recursive: true, mode: 0o700 });
  await writeFile(`${place}.new`, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  await rename(`${place}.new`, place);
}

function placeOf(environment: Environment): string | null {
  const { XDG_CONFIG_HOME: config, HOME: home } = environment;
  if (config !== undefined && config !== "") return join(config, "tallystick", "tokens.json");
  return home === undefined || home === "" ? null : join(home, ".config", "tallystick", "tokens.json");
}

async function read(place: string): Promise<Kept> {
  const text = await readFile(place, "utf8").catch(() => "{}");
  try {
    const kept: unknown = JSON.parse(text);
    return typeof kept === "object" && kept !== null && !Array.isArray(kept) ? (kept as Kept) : {};
  } catch {
    throw new CommandError(`${place} is no JSON.`, { code: "bad_request", hint: "Remove it and log in again." });
  }
}
