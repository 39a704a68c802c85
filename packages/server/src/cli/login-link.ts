import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";

export function loginLinkCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("login-link").description("print a fresh one-time link to the dashboard"))
    .option("--json", "as JSON")
    .action((options: TargetOptions & { json?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const link = await client.send<{ readonly url: string; readonly expires_at: string }>(
          "POST",
          "/api/login-link",
        );
        if (options.json === true) parts.terminal.json(link);
        else parts.terminal.line(link.url);
        return EXIT.ok;
      }),
    );
}
