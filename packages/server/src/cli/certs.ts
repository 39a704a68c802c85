import { chmod, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { Command } from "commander";

import { CommandError } from "./command-error.ts";
import { issue, makeAuthority, revoke } from "./dev-certificates.ts";
import type { Pem, Subject, Validity } from "./dev-certificates.ts";
import { EXIT } from "./exit-codes.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";

const DAY_MS = 86_400_000;
/** Machines of one network rarely agree to the second. */
const CLOCK_ALLOWANCE_MS = 3_600_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const TRUST_DOMAIN = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const MAX_DAYS = 3_650;

interface DevOptions {
  readonly client: readonly string[];
  readonly host: readonly string[];
  readonly trustDomain: string;
  readonly days: string;
  readonly revoke: readonly string[];
  readonly json?: boolean;
}

export function certsCommand(parts: CliParts, run: Run): Command {
  return new Command("certs").description("make certificates for trying TLS out").addCommand(devCommand(parts, run));
}

const more = (value: string, values: readonly string[]): readonly string[] => [...values, value];

function devCommand(parts: CliParts, run: Run): Command {
  return new Command("dev")
    .description(
      "make a development authority, a server's certificate and clients' with SPIFFE ids; not for production",
    )
    .argument("<folder>", "where the files go; an authority that is there already is used again")
    .option("--client <name>", "a client, as the name of its service; may be given again (default: client)", more, [])
    .option("--host <name>", "a name or address of the server, beside localhost; may be given again", more, [])
    .option("--trust-domain <domain>", "of the SPIFFE ids: spiffe://<domain>/<client>", "tallystick.test")
    .option("--revoke <name>", "a client whose certificate crl.pem revokes; may be given again", more, [])
    .option("--days <days>", "how long they are valid", "365")
    .option("--json", "as JSON: the files")
    .action((folder: string, options: DevOptions) => run(() => makeAll(parts, resolve(folder), options)));
}

async function makeAll({ terminal }: CliParts, folder: string, options: DevOptions): Promise<Outcome> {
  const wantsNone = options.client.length === 0 && options.revoke.length > 0;
  const clients = options.client.length === 0 && !wantsNone ? ["client"] : options.client;
  const days = assertSensible(options, clients);
  const now = Date.now();
  const validity = { notBefore: new Date(now - CLOCK_ALLOWANCE_MS), notAfter: new Date(now + days * DAY_MS) };
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const made: string[] = [];
  const authority = await authorityIn(folder, validity, made);
  const hosts = ["localhost", "127.0.0.1", "::1", ...options.host];
  const server: Subject = {
    ...validity,
    name: "tallystick server",
    purpose: "server",
    dns: hosts.filter((host) => isIP(host) === 0),
    addresses: hosts.filter((host) => isIP(host) !== 0),
  };
  await makeOne(folder, "server", authority, server, made);
  for (const name of clients) {
    const uris = [`spiffe://${options.trustDomain}/${name}`];
    await makeOne(folder, name, authority, { ...validity, name, purpose: "client", uris }, made);
  }
  if (options.revoke.length > 0) await writeRevoked(folder, authority, options.revoke, validity, made);
  if (options.json === true) terminal.json({ folder, files: made });
  else {
    for (const file of made) terminal.line(join(folder, file));
    terminal.note("For development: whoever reads ca.key can issue any certificate. In the configuration:");
    terminal.note(`  tls: {cert: ${folder}/server.pem, key: ${folder}/server.key, client_ca: ${folder}/ca.pem}`);
  }
  return EXIT.ok;
}

function assertSensible({ trustDomain, host, days }: DevOptions, clients: readonly string[]): number {
  const refuse = (message: string) => new CommandError(message, { code: "bad_request" });
  for (const name of clients) {
    if (!NAME.test(name) || name === "ca" || name === "server")
      throw refuse(`${name} is no client's name: letters, digits and . _ -, and neither ca nor server.`);
  }
  if (!TRUST_DOMAIN.test(trustDomain)) throw refuse(`${trustDomain} is no trust domain, as example.org is one.`);
  for (const name of host) if (isIP(name) === 0 && !NAME.test(name)) throw refuse(`${name} is no host.`);
  if (!/^[1-9]\d{0,3}$/.test(days) || Number(days) > MAX_DAYS)
    throw refuse(`--days is a number from 1 to ${MAX_DAYS}.`);
  return Number(days);
}

async function authorityIn(
  folder: string,
  validity: Pick<Subject, "notBefore" | "notAfter">,
  made: string[],
): Promise<Pem> {
  const read = (name: string) => readFile(join(folder, name), "utf8").catch(() => null);
  const [certificate, key] = [await read("ca.pem"), await read("ca.key")];
  if (certificate !== null && key !== null) return { certificate, key };
  const authority = await makeAuthority("tallystick development authority", validity);
  await writePair(folder, "ca", authority, made);
  return authority;
}

async function makeOne(folder: string, name: string, authority: Pem, subject: Subject, made: string[]): Promise<void> {
  const exists = await readFile(join(folder, `${name}.pem`)).catch(() => null);
  // More clients can be made with the authority that is there; nothing is written over.
  if (exists === null) await writePair(folder, name, await issue(authority, subject), made);
}

/** Replaces the list that is there: it names whoever is revoked, all of them. */
async function writeRevoked(
  folder: string,
  authority: Pem,
  names: readonly string[],
  validity: Validity,
  made: string[],
): Promise<void> {
  const certificates = [];
  for (const name of names) {
    const pem = NAME.test(name) ? await readFile(join(folder, `${name}.pem`), "utf8").catch(() => null) : null;
    if (pem === null)
      throw new CommandError(`There is no certificate ${name}.pem in ${folder}.`, { code: "not_found" });
    certificates.push(pem);
  }
  await writeFile(join(folder, "crl.pem"), await revoke(authority, certificates, validity), { mode: 0o644 });
  made.push("crl.pem");
}

async function writePair(folder: string, name: string, { certificate, key }: Pem, made: string[]): Promise<void> {
  for (const [file, text] of [
    [`${name}.key`, key],
    [`${name}.pem`, certificate],
  ] as const) {
    const path = join(folder, file);
    const handle = await open(path, "wx", 0o600).catch((cause: unknown) => {
      throw new CommandError(`${path} cannot be written, or is there already.`, { code: "bad_request", cause });
    });
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    await chmod(path, file.endsWith(".key") ? 0o600 : 0o644);
    made.push(file);
  }
}
