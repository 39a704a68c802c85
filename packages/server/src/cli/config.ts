import { Command } from "commander";

import { shownConfig } from "../config/shown.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";

export function configCommand(parts: CliParts, run: Run): Command {
  return new Command("config")
    .description("print the effective configuration with where each value came from")
    .option("--config <file>", "configuration file")
    .option("--json", "as JSON")
    .action((options: { config?: string; json?: boolean }) =>
      run(async () => {
        const shown = shownConfig((await loadConfig(parts, options.config)).config);
        const values = shown.map(({ key, value, from }) => ({ key, value, from }));
        const { terminal } = parts;
        if (options.json === true) terminal.json({ values });
        else {
          const rows = values.map(({ key, value, from }) => [
            key,
            typeof value === "string" ? value : JSON.stringify(value),
            from,
          ]);
          for (const line of table([{ title: "key" }, { title: "value" }, { title: "from" }], rows, null))
            terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}
