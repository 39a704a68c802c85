import { resolve } from "node:path";
import { Command, Option } from "commander";

import { ROLES } from "../control/role.ts";
import { batchKeysCommand } from "./batch-keys.ts";
import { connectTo } from "./client.ts";
import { asCommandError, CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { keyCalled, keysOf } from "./keys-found.ts";
import type { Key } from "./keys-found.ts";
import { addQuotaOptions, quotaBody, quotaCommand, quotasCommand } from "./keys-quota.ts";
import type { QuotaOptions } from "./keys-quota.ts";
import { rewrapCommand, rotateCommand } from "./keys-rotate.ts";
import { loadConfig } from "./load-config.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addScopeOptions, scopeOf } from "./scope-options.ts";
import type { ScopeOptions } from "./scope-options.ts";
import { table } from "./table.ts";
import { addTargetOptions, DEFAULT_DATA_FOLDER, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

export function keysCommand(parts: CliParts, run: Run): Command {
  return new Command("keys")
    .description("make, list and revoke keys of producers and readers; rotate the keys of the folder")
    .addCommand(createCommand(parts, run))
    .addCommand(listCommand(parts, run))
    .addCommand(revokeCommand(parts, run))
    .addCommand(batchKeysCommand(parts, run))
    .addCommand(quotaCommand(parts, run))
    .addCommand(quotasCommand(parts, run))
    .addCommand(rotateCommand(parts, run))
    .addCommand(rewrapCommand(parts, run))
    .addCommand(exportIntegrityCommand(parts, run));
}

function scopeBody(options: ScopeOptions): object {
  const scope = scopeOf(options);
  return scope === null ? {} : { scope };
}

interface CreateOptions extends ScopeOptions, TargetOptions, QuotaOptions {
  readonly name: string;
  readonly service?: string;
  readonly relay?: boolean;
  readonly services?: string;
  readonly role?: string;
  readonly log?: string;
  readonly json?: boolean;
}

function createCommand(parts: CliParts, run: Run): Command {
  return addScopeOptions(
    addQuotaOptions(addTargetOptions(new Command("create").description("make a key; its secret is shown this once"))),
  )
    .requiredOption("--name <name>", "the key's name; records say `key:<name>`")
    .option("--service <service>", "the service that the key speaks for")
    .option("--relay", "the key forwards for other services, as a collector does")
    .option("--services <list>", "with --relay: the services, as 'a,b', or '*' for all")
    .addOption(new Option("--role <role>", "what the key may do").choices(ROLES).default("producer"))
    .option("--log <log>", "the log that its records go to", "default")
    .option("--json", "as JSON: id, name, secret, …")
    .action((options: CreateOptions) =>
      run(async () => {
        const { name, service, relay, services, role, log } = options;
        const list =
          services === undefined || services === "*" ? services : services.split(",").map((one) => one.trim());
        const body = {
          name,
          role,
          log,
          ...(service && { service }),
          ...(relay && { relay }),
          ...(list && { services: list }),
          ...quotaBody(options),
          ...scopeBody(options),
        };
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const key = await client.send<Key & { readonly secret: string }>("POST", "/api/keys", body).catch(inOptions);
        if (options.json === true) parts.terminal.json(key);
        else {
          parts.terminal.line(key.secret);
          parts.terminal.note(`Key ${key.name} (${key.id}) is made. This is its secret; it is not shown again.`);
        }
        return EXIT.ok;
      }),
    );
}

/** By what the server's message is about; the first that fits. */
const OPTION_HINTS: readonly (readonly [about: RegExp, hint: string])[] = [
  [/quota|records_per_second|bytes_per_day/, "Give --records-per-second and --bytes-per-day to a producer's key only."],
  [/relay|services/i, "Give --relay with --services 'a,b' or --services '*', or --service for a key of one service."],
  [/service/i, "Give --service, or --relay with --services; neither goes with a reader's --role."],
  [/\blog\b/i, "Give --log another name."],
  [/name/i, "Give --name another value."],
];

/** The server speaks of its fields; whoever typed a command knows its options. */
function inOptions(error: unknown): never {
  const { message, code } = asCommandError(error);
  if (code !== "bad_request") throw error;
  const hint = OPTION_HINTS.find(([about]) => about.test(message))?.[1] ?? "See `tallystick keys create --help`.";
  throw new CommandError(message, { code, hint, cause: error });
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list all keys, revoked ones too"))
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: TargetOptions & { json?: boolean; local?: boolean }) =>
      run(async () => {
        const keys = await keysOf(connectTo(await findTarget(parts, options), parts.fetch));
        const { terminal } = parts;
        if (options.json === true) terminal.json({ keys });
        else {
          const rows = keys.map((key) => [
            key.id,
            key.name,
            key.role,
            key.relay === null ? (key.service ?? "") : `relay for ${key.relay === "*" ? "*" : key.relay.join(",")}`,
            key.log,
            timeText(key.created_at, options.local === true),
            key.revoked_at === null
              ? terminal.paint("green", "active")
              : `revoked ${timeText(key.revoked_at, options.local === true)}`,
          ]);
          const columns = ["id", "name", "role", "service", "log", "created", "state"].map((title) => ({ title }));
          for (const line of table(columns, rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function revokeCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("revoke").description("revoke a key, at once").argument("<key>", "the key's id or name"),
  )
    .option("--json", "as JSON")
    .action((given: string, options: TargetOptions & { json?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = await keyCalled(client, given);
        const key = await client.send<Key>("DELETE", `/api/keys/${encodeURIComponent(found.id)}`);
        if (options.json === true) parts.terminal.json(key);
        else parts.terminal.line(`revoked ${key.name} (${key.id})`);
        return EXIT.ok;
      }),
    );
}

function exportIntegrityCommand(parts: CliParts, run: Run): Command {
  return new Command("export-integrity")
    .description("print the key with which `verify` checks every segment's HMAC and which decrypts nothing")
    .option("--data <folder>", "the data folder", DEFAULT_DATA_FOLDER)
    .option("--config <file>", "configuration file, for kms.file")
    .option("--json", "as JSON")
    .action((options: { data: string; config?: string; json?: boolean }) =>
      run(async () => {
        const { config, base } = await loadConfig(parts, options.config);
        const key = await parts.folder.exportIntegrityKey({ folder: resolve(options.data), config, base });
        if (options.json === true) parts.terminal.json({ integrity_key: key });
        else parts.terminal.line(key);
        return EXIT.ok;
      }),
    );
}
