/**
 * What makes a server weak although it works: who may read its files, how it is reached, who is who, which clock it
 * goes by, and whether anything of it is anywhere else.
 */
import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import type { Config } from "../config/schema.ts";
import type { Client } from "./client.ts";
import { bad, good, warning } from "./doctor-checks.ts";
import type { Check } from "./doctor-checks.ts";

const OTHERS = 0o077;
const MAX_LISTED = 5;
const HOUR_MS = 3_600_000;
const STALE_BACKUP_HOURS = 26;

interface Named {
  readonly path: string;
  readonly what: string;
}

/** Files that hold secrets, and everything in the folder: nobody but the owner may read any of it. */
export async function modeChecks(folder: string, config: Config, base: string): Promise<readonly Check[]> {
  const open = await stat(folder)
    .then(({ mode }) => (mode & OTHERS) !== 0)
    .catch(() => null);
  if (open === null) return [];
  const checks = [
    open
      ? bad("permissions", "others may enter the folder", `chmod 700 ${folder}`)
      : good("permissions", "only the owner may enter the folder"),
  ];
  const inside = await readableIn(folder);
  if (inside.length > 0) {
    const more = inside.length > MAX_LISTED ? ` and ${inside.length - MAX_LISTED} more` : "";
    const names = inside.slice(0, MAX_LISTED).join(", ") + more;
    checks.push(bad("file modes", `others may read ${names}`, `chmod -R go-rwx ${folder}`));
  }
  for (const { path, what } of secretFiles(config, base)) {
    const mode = await stat(path)
      .then((found) => found.mode)
      .catch(() => null);
    if (mode !== null && (mode & OTHERS) !== 0)
      checks.push(bad("file modes", `others may read ${what} (${path})`, `chmod 600 ${path}`));
  }
  return checks;
}

/** Not the index: it is encrypted, large, and behind the folder's own mode. */
async function readableIn(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const walk = async (place: string, name: string): Promise<void> => {
    for (const entry of await readdir(place, { withFileTypes: true })) {
      if (name === "" && entry.name === "index") continue;
      const path = join(place, entry.name);
      const shown = name === "" ? entry.name : `${name}/${entry.name}`;
      const { mode } = await stat(path).catch(() => ({ mode: 0 }));
      if ((mode & OTHERS) !== 0) found.push(shown);
      else if (entry.isDirectory()) await walk(path, shown);
    }
  };
  await walk(folder, "").catch(() => undefined);
  return found;
}

function secretFiles({ kms, tls, oidc, alerts }: Config, base: string): readonly Named[] {
  const named = [
    { path: kms.file, what: "the KMS key" },
    { path: kms.pkcs11.pin_file, what: "the HSM's PIN" },
    { path: tls.key, what: "the key of the TLS certificate" },
    { path: oidc.client_secret_file, what: "the client secret at the OpenID provider" },
    { path: alerts.heartbeat.url_file, what: "the heartbeat's URL" },
    ...alerts.channels.flatMap(({ name, secret_file: secret, url_file: url }) => [
      { path: secret, what: `the secret of the channel ${name}` },
      { path: url, what: `the URL of the channel ${name}` },
    ]),
  ];
  return named.filter(({ path }) => path !== "").map(({ path, what }) => ({ path: resolve(base, path), what }));
}

const LOOPBACK = /^(?:127\.|\[?::1\]?|localhost)/;

export function tlsCheck({ http, tls }: Config): Check {
  if (tls.cert !== "") return good("tls", `served with ${tls.cert}`);
  const hint = "Set tls.cert and tls.key; `tallystick certs dev` makes some to try it with.";
  if (!LOOPBACK.test(http.listen))
    return bad(
      "tls",
      `${http.listen} is reached from other machines without TLS: tokens cross the network in clear`,
      hint,
    );
  return warning("tls", "off; right only as long as nothing but this machine asks", hint);
}

/** A key beside what it opens, kept from an earlier rotation. */
export async function retiredKeyChecks(kmsFile: string): Promise<readonly Check[]> {
  const names = await readdir(dirname(kmsFile)).catch(() => []);
  const retired = names.filter((name) => name.startsWith("kms.key.retired-"));
  if (retired.length === 0) return [];
  return [
    warning(
      "retired keys",
      `${retired.join(", ")} in ${dirname(kmsFile)}`,
      "Only backups from before a rotation need them: keep them with those, or destroy them.",
    ),
  ];
}

/** Whether something says that the machine's clock is kept right; received_at is as right as that. */
export async function clockCheck(): Promise<Check> {
  const name = "clock";
  const hint = "Run an NTP client (systemd-timesyncd, chrony): times of receipt are as right as this clock.";
  if (await isThere("/run/systemd/timesync/synchronized")) return good(name, "kept by systemd-timesyncd");
  const said = await firstOf([
    ["timedatectl", ["show", "-p", "NTPSynchronized", "--value"]],
    ["chronyc", ["-n", "tracking"]],
  ]);
  if (said === null) return warning(name, "nothing here says whether it is kept right", hint);
  return /^yes$|Leap status\s*:\s*Normal/m.test(said)
    ? good(name, "kept right")
    : warning(name, "this machine's clock is not synchronised", hint);
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const run = promisify(execFile);
const ANSWER_MS = 3_000;

async function firstOf(commands: readonly (readonly [string, readonly string[]])[]): Promise<string | null> {
  for (const [program, words] of commands) {
    const said = await run(program, [...words], { timeout: ANSWER_MS }).then(
      ({ stdout }) => stdout.trim(),
      () => null,
    );
    if (said !== null) return said;
  }
  return null;
}

interface Key {
  readonly name: string;
  readonly role: string;
  readonly relay: readonly string[] | "*" | null;
  readonly revoked_at: string | null;
}

/** Of a running server: whether people have names, and keys no more rights than they need. */
export async function peopleChecks(client: Client, config: Config): Promise<readonly Check[]> {
  const { keys } = await client.get<{ readonly keys: readonly Key[] }>("/api/keys");
  const { users } = await client.get<{ readonly users: readonly unknown[] }>("/api/users");
  const active = keys.filter((key) => key.revoked_at === null);
  const named = users.length > 0 || config.oidc.issuer !== "";
  const admins = active.filter(({ role }) => role === "admin").map((key) => key.name);
  const relays = active.filter(({ relay }) => relay === "*").map((key) => key.name);
  return [
    named
      ? good("people", "have names of their own")
      : warning(
          "people",
          "everybody is `admin`: there are no users and no OIDC, so records of access name nobody",
          "Make users with `tallystick users add`, or set oidc.issuer.",
        ),
    ...(admins.length === 0
      ? []
      : [warning("roles", `keys that may do everything: ${admins.join(", ")}`, "Give each the role that it needs.")]),
    ...(relays.length === 0
      ? []
      : [warning("relays", `may carry any service's records: ${relays.join(", ")}`, "Name their services.")]),
  ];
}

/** A backup or a plain copy of the folder elsewhere, made not too long ago. */
export async function backupCheck(folder: string, backup: string | undefined, nowMs: number): Promise<Check> {
  const hint = "Back up to another machine each day, and name the place with --backup, so that this looks at it.";
  if (backup === undefined) return warning("backup", "none is named, so nobody looks whether there is one", hint);
  const [own, copy] = await Promise.all([foundIn(folder), foundIn(backup)]);
  if (copy === null) return bad("backup", `${backup} holds neither a backup nor a copy of a data folder`, hint);
  if (own !== null && own.origin !== copy.origin)
    return bad("backup", `${backup} is of another server (${copy.origin})`, hint);
  const ageHours = Math.floor((nowMs - copy.madeMs) / HOUR_MS);
  return ageHours <= STALE_BACKUP_HOURS
    ? good("backup", `${backup}, ${ageHours} hours old`)
    : warning("backup", `${backup} is ${ageHours} hours old`, hint);
}

interface Found {
  readonly origin: string;
  readonly madeMs: number;
}

/** Of a backup what it says of itself; of a copy the age of its newest head. */
async function foundIn(folder: string): Promise<Found | null> {
  const said = await readFile(join(folder, "backup.json"), "utf8").catch(() => "");
  const madeAt = /"made_at":\s*"([^"]+)"/.exec(said)?.[1];
  const text = said === "" ? await readFile(join(folder, "server.json"), "utf8").catch(() => "") : said;
  const origin = /"origin":\s*"([^"]+)"/.exec(text)?.[1];
  if (origin === undefined) return null;
  return { origin, madeMs: madeAt === undefined ? await newestMs(join(folder, "head")) : Date.parse(madeAt) };
}

async function newestMs(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
  const times = await Promise.all(
    entries.map((name) =>
      stat(join(folder, name))
        .then(({ mtimeMs }) => mtimeMs)
        .catch(() => 0),
    ),
  );
  return Math.max(0, ...times);
}
