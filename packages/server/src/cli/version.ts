import { Command } from "commander";

import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";

export function versionCommand({ terminal, version }: CliParts, run: Run): Command {
  return new Command("version")
    .description("print the version")
    .option("--json", "as JSON")
    .action((options: { json?: boolean }) =>
      run(async () => {
        const { version: node, platform, arch } = process;
        if (options.json === true) terminal.json({ version, node, platform, arch });
        else terminal.line(`tallystick ${version} (node ${node}, ${platform} ${arch})`);
        return EXIT.ok;
      }),
    );
}
