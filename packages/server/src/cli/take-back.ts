import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";

export interface Declarations {
  readonly description: string;
  /** What the name is of. */
  readonly name: string;
  readonly path: "/api/aliases" | "/api/parties";
}

/** `remove <name>`: takes back what a record declared of it. */
export function takeBackCommand(parts: CliParts, run: Run, { description, name, path }: Declarations): Command {
  return addTargetOptions(new Command("remove").description(description).argument("<name>", name))
    .option("--json", "as JSON")
    .action((declared: string, options: TargetOptions & { readonly json?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const at = `${path}/${encodeURIComponent(declared)}`;
        const removed = await client.send<{ readonly name: string }>("DELETE", at);
        if (options.json === true) parts.terminal.json(removed);
        else parts.terminal.line(`removed ${removed.name}`);
        return EXIT.ok;
      }),
    );
}
