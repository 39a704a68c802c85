import { readFile } from "node:fs/promises";
import { BATCH_ALGORITHMS } from "@tallystick/record";
import { Command, Option } from "commander";

import { connectTo } from "./client.ts";
import type { Client } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface BatchKey {
  readonly kid: string;
  readonly name: string;
  readonly service: string;
  readonly alg: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
}

/** Keys with which producers sign their batches. */
export function batchKeysCommand(parts: CliParts, run: Run): Command {
  return new Command("batch")
    .description("keys with which services sign their batches (docs/formats/batch-signature.md)")
    .addCommand(createCommand(parts, run))
    .addCommand(listCommand(parts, run))
    .addCommand(revokeCommand(parts, run));
}

interface CreateOptions extends TargetOptions {
  readonly name: string;
  readonly service: string;
  readonly alg?: string;
  readonly publicKey?: string;
  readonly json?: boolean;
}

function createCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("create").description("make a batch key"))
    .requiredOption("--name <name>", "the key's name")
    .requiredOption("--service <service>", "the service whose records it signs")
    .addOption(new Option("--alg <alg>", "algorithm").choices([...BATCH_ALGORITHMS]).default("ed25519"))
    .option("--public-key <file>", "for ed25519: file with the producer's public key as PEM")
    .option("--json", "as JSON")
    .action((options: CreateOptions) =>
      run(async () => {
        const { name, service, alg, publicKey: file } = options;
        const publicKey = file === undefined ? {} : { public_key: await contents(file) };
        const body = { name, service, alg, ...publicKey };
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const key = await client.send<BatchKey & { readonly secret: string | null }>("POST", "/api/batch-keys", body);
        if (options.json === true) parts.terminal.json(key);
        else {
          parts.terminal.line(key.secret ?? key.kid);
          const what =
            key.secret === null ? "Sign with its id" : "This is its secret; it is not shown again. Sign with the id";
          parts.terminal.note(`Batch key ${key.name} is made. ${what} ${key.kid}.`);
        }
        return EXIT.ok;
      }),
    );
}

async function contents(file: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    throw new CommandError(`${file} cannot be read.`, { code: "bad_request", cause });
  });
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list batch keys, revoked ones too"))
    .option("--json", "as JSON")
    .action((options: TargetOptions & { json?: boolean }) =>
      run(async () => {
        const keys = await keysOf(connectTo(await findTarget(parts, options), parts.fetch));
        const { terminal } = parts;
        if (options.json === true) terminal.json({ keys });
        else {
          const columns = ["kid", "name", "service", "alg", "created", "state"].map((title) => ({ title }));
          const rows = keys.map(({ kid, name, service, alg, created_at: created, revoked_at: revoked }) => [
            kid,
            name,
            service,
            alg,
            timeText(created, false),
            revoked === null ? terminal.paint("green", "active") : `revoked ${timeText(revoked, false)}`,
          ]);
          for (const line of table(columns, rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

async function keysOf(client: Client): Promise<readonly BatchKey[]> {
  return (await client.get<{ readonly keys: readonly BatchKey[] }>("/api/batch-keys")).keys;
}

function revokeCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("revoke").description("revoke a batch key, at once").argument("<key>", "the key's id or name"),
  )
    .option("--json", "as JSON")
    .action((given: string, options: TargetOptions & { json?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = (await keysOf(client)).find(({ kid, name }) => kid === given || name === given);
        if (found === undefined)
          throw new CommandError(`There is no batch key ${given}.`, {
            code: "not_found",
            hint: "`tallystick keys batch list` shows them.",
          });
        const key = await client.send<BatchKey>("DELETE", `/api/batch-keys/${encodeURIComponent(found.kid)}`);
        if (options.json === true) parts.terminal.json(key);
        else parts.terminal.line(`revoked ${key.name} (${key.kid})`);
        return EXIT.ok;
      }),
    );
}
