import { Command } from "commander";

import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface Hold {
  readonly id: string;
  readonly name: string;
  readonly query: string;
  readonly logs: readonly string[] | null;
  readonly owner: string;
  readonly reason: string;
  readonly placed_by: string;
  readonly placed_at: string;
  readonly released_at: string | null;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

interface PlaceOptions extends Options {
  readonly query?: string;
  readonly subject?: string;
  readonly owner: string;
  readonly reason: string;
  readonly log?: readonly string[];
}

export function holdCommand(parts: CliParts, run: Run): Command {
  return new Command("hold")
    .description("legal holds: records that must not go, whatever their retention says")
    .addCommand(listCommand(parts, run))
    .addCommand(placeCommand(parts, run))
    .addCommand(releaseCommand(parts, run));
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list holds; `retain plan` shows what each keeps"))
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { holds } = await client.get<{ readonly holds: readonly Hold[] }>("/api/holds");
        const { terminal } = parts;
        if (options.json === true) terminal.json({ holds });
        else {
          const columns = ["id", "name", "records", "logs", "owner", "placed", "state"].map((title) => ({ title }));
          const rows = holds.map((hold) => [
            hold.id,
            hold.name,
            hold.query,
            hold.logs?.join(", ") ?? "all",
            hold.owner,
            `${timeText(hold.placed_at, options.local === true)} by ${hold.placed_by}`,
            hold.released_at === null ? "holds" : `released ${timeText(hold.released_at, options.local === true)}`,
          ]);
          for (const line of table(columns, rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function placeCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("place")
      .description("place a hold: epochs with a matching record stay whole until it is released")
      .argument("<name>", "its name, as litigation-4"),
  )
    .option("--query <query>", "which records, in the query language; * is all")
    .option("--subject <ref>", "instead of a query: a value of subject_refs")
    .option("--log <log...>", "only in these logs")
    .requiredOption("--owner <owner>", "who answers for it: a person or a matter")
    .requiredOption("--reason <reason>", "why")
    .option("--json", "as JSON")
    .action((name: string, options: PlaceOptions) =>
      run(async () => {
        const { query, subject, owner, reason, log: logs } = options;
        if ((query === undefined) === (subject === undefined))
          throw new CommandError("Give --query or --subject, one of them.", { code: "bad_request" });
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const body = {
          name,
          owner,
          reason,
          ...(query && { query }),
          ...(subject && { subject }),
          ...(logs && { logs }),
        };
        const hold = await client.send<Hold>("POST", "/api/holds", body);
        if (options.json === true) parts.terminal.json(hold);
        else parts.terminal.line(`${hold.name} (${hold.id}) holds ${hold.query}`);
        return EXIT.ok;
      }),
    );
}

function releaseCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("release").description("release a hold; a second person may have to agree").argument("<id>", "its id"),
  )
    .requiredOption("--reason <reason>", "why")
    .option("--json", "as JSON")
    .action((id: string, options: Options & { readonly reason: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const path = `/api/holds/${encodeURIComponent(id)}/release`;
        const body = { reason: options.reason };
        const answer = await client.send<{ readonly approval: string; readonly state: string; readonly hold: Hold }>(
          "POST",
          path,
          body,
        );
        if (options.json === true) parts.terminal.json(answer);
        else if (answer.state === "done") parts.terminal.line(`${answer.hold.name} is released`);
        else parts.terminal.line(`${answer.hold.name}: proposed as ${answer.approval}; somebody else must approve it`);
        return EXIT.ok;
      }),
    );
}
