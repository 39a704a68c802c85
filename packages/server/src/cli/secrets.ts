import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface Secret {
  readonly name: string;
  readonly set_at: string;
}

type Options = TargetOptions & { readonly json?: boolean };

/** Secrets that the configuration names and the server keeps sealed. */
export function secretsCommand(parts: CliParts, run: Run): Command {
  return new Command("secrets")
    .description("secrets that the configuration names, sealed by the KMS")
    .addCommand(setCommand(parts, run))
    .addCommand(listCommand(parts, run))
    .addCommand(removeCommand(parts, run));
}

function setCommand(parts: CliParts, run: Run): Command {
  return command("set", "store what is on standard input, in the place of the one before", true).action(
    (name: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const secret = await parts.readStdin();
        const stored = await client.send<Secret>("PUT", pathOf(name), { secret });
        if (options.json === true) parts.terminal.json(stored);
        else parts.terminal.line(`stored ${stored.name}`);
        return EXIT.ok;
      }),
  );
}

function listCommand(parts: CliParts, run: Run): Command {
  return command("list", "names of the stored secrets, and since when each is as it is", false).action(
    (options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { secrets } = await client.get<{ readonly secrets: readonly Secret[] }>("/api/secrets");
        const { terminal } = parts;
        if (options.json === true) terminal.json({ secrets });
        else {
          const rows = secrets.map(({ name, set_at: at }) => [name, timeText(at, false)]);
          for (const line of table([{ title: "name" }, { title: "set" }], rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
  );
}

function removeCommand(parts: CliParts, run: Run): Command {
  return command("remove", "take a stored secret away", true).action((name: string, options: Options) =>
    run(async () => {
      const client = connectTo(await findTarget(parts, options), parts.fetch);
      await client.send("DELETE", pathOf(name));
      if (options.json === true) parts.terminal.json({ removed: name });
      else parts.terminal.line(`removed ${name}`);
      return EXIT.ok;
    }),
  );
}

function command(name: string, description: string, isNamed: boolean): Command {
  const made = addTargetOptions(new Command(name).description(description)).option("--json", "as JSON");
  return isNamed ? made.argument("<name>", "as the configuration names it") : made;
}

function pathOf(name: string): string {
  return `/api/secrets/${encodeURIComponent(name)}`;
}
