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

interface Alias {
  readonly name: string;
  readonly service: string | null;
  readonly source: "declared" | "configured" | "learned";
  readonly from: string | null;
  readonly to: string | null;
  readonly declared_by: string | null;
  readonly seen: readonly { readonly service: string; readonly first_seen: string; readonly last_seen: string }[];
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

export function aliasesCommand(parts: CliParts, run: Run): Command {
  return new Command("aliases")
    .description("show and correct which service stands behind a name, as address:10.0.0.7")
    .addCommand(listCommand(parts, run))
    .addCommand(setCommand(parts, run))
    .addCommand(
      takeBackCommand(parts, run, {
        description: "take a declared alias back",
        name: "the name as it stands in records",
        path: "/api/aliases",
      }),
    );
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list aliases: declared, configured and learned from pairs"))
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { aliases } = await client.get<{ readonly aliases: readonly Alias[] }>("/api/aliases");
        const { terminal } = parts;
        if (options.json === true) terminal.json({ aliases });
        else {
          const columns = ["name", "service", "source", "from", "to", "last seen"].map((title) => ({ title }));
          const rows = aliases.map((alias) => aliasRow(alias, options.local === true));
          for (const line of table(columns, rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function aliasRow(alias: Alias, local: boolean): readonly string[] {
  const { name, service, source, from, to, declared_by: by, seen } = alias;
  const last = seen.map(({ last_seen: at }) => at).reduce((latest, at) => (at > latest ? at : latest), "");
  const several = seen.map((one) => one.service).join(" or ");
  const time = (at: string | null) => (at === null || at === "" ? "" : timeText(at, local));
  return [
    name,
    service ?? `? (${several})`,
    by === null ? source : `${source} by ${by}`,
    time(from),
    time(to),
    time(last),
  ];
}

function setCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("set")
      .description("declare which service stands behind a name; a record of the control log says who did")
      .argument("<name>", "the name as it stands in records")
      .argument("<service>", "the service behind it"),
  )
    .option("--from <time>", "from then on; RFC 3339, a date, or now-15m")
    .option("--to <time>", "until before then")
    .option("--json", "as JSON")
    .action((name: string, service: string, options: Options & { from?: string; to?: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { from, to } = options;
        const body = { name, service, ...(from && { from }), ...(to && { to }) };
        const alias = await client.send<Alias>("POST", "/api/aliases", body);
        if (options.json === true) parts.terminal.json(alias);
        else parts.terminal.line(`${alias.name} is ${alias.service}`);
        return EXIT.ok;
      }),
    );
}
