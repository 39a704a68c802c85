import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { takeBackCommand } from "./take-back.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface Party {
  readonly name: string;
  readonly reason: string | null;
  readonly source: "declared" | "configured";
  readonly declared_by: string | null;
  readonly declared_at: string | null;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

export function partiesCommand(parts: CliParts, run: Run): Command {
  return new Command("parties")
    .description("show and declare parties that never record, as third-party APIs and databases")
    .addCommand(listCommand(parts, run))
    .addCommand(setCommand(parts, run))
    .addCommand(
      takeBackCommand(parts, run, {
        description: "take the declaration back",
        name: "the party's name",
        path: "/api/parties",
      }),
    );
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list one-sided parties and how they were declared"))
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { parties } = await client.get<{ readonly parties: readonly Party[] }>("/api/parties");
        const { terminal } = parts;
        if (options.json === true) terminal.json({ parties });
        else {
          const columns = ["name", "source", "declared", "reason"].map((title) => ({ title }));
          const rows = parties.map(({ name, source, declared_by: by, declared_at: at, reason }) => [
            name,
            by === null ? source : `${source} by ${by}`,
            at === null ? "" : timeText(at, options.local === true),
            reason ?? "",
          ]);
          for (const line of table(columns, rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function setCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("set")
      .description("declare that a party never records: its missing half is no break")
      .argument("<name>", "the party's name as it stands in records"),
  )
    .requiredOption("--reason <text>", "why it never records")
    .option("--json", "as JSON")
    .action((name: string, options: Options & { reason: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const party = await client.send<Party>("POST", "/api/parties", { name, reason: options.reason });
        if (options.json === true) parts.terminal.json(party);
        else parts.terminal.line(`${party.name} is one-sided: ${party.reason}`);
        return EXIT.ok;
      }),
    );
}
