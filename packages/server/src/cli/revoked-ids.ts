/** Credentials that are revoked by the ids that records show, whoever issued them: their use is a finding. */
import { readFile } from "node:fs/promises";
import { Command } from "commander";

import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";

interface Options extends TargetOptions {
  readonly reason: string;
  readonly json?: boolean;
}

export function importRevokedCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("import"))
    .description("revoke the credential ids in a file, one a line; # begins a remark")
    .argument("<file>")
    .requiredOption("--reason <text>", "why; it stands in the records")
    .option("--json", "the ids that are revoked, as JSON")
    .action((file: string, options: Options) =>
      run(async () => {
        const text = await readFile(file, "utf8").catch((error: unknown) => {
          throw new CommandError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
        });
        const ids = text.split(/\r?\n/).map((line) => line.replace(/#.*/, "").trim());
        return revokeIds(parts, options, [...new Set(ids.filter((id) => id !== ""))]);
      }),
    );
}

const REVOKED_AT_ONCE = 1_000;

export async function revokeIds(parts: CliParts, options: Options, ids: readonly string[]): Promise<Outcome> {
  const client = connectTo(await findTarget(parts, options), parts.fetch);
  for (let from = 0; from < ids.length; from += REVOKED_AT_ONCE)
    await client.send("POST", "/api/credentials/revocations", {
      credential_ids: ids.slice(from, from + REVOKED_AT_ONCE),
      reason: options.reason,
    });
  if (options.json === true) parts.terminal.json({ credential_ids: ids, reason: options.reason });
  else parts.terminal.note(`${ids.length} ${ids.length === 1 ? "credential is" : "credentials are"} revoked`);
  return EXIT.ok;
}
