import { Command } from "commander";

import type { Provenance } from "../config/config.ts";
import { CONFIG_KEYS } from "../config/schema.ts";
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
        const { config, provenance } = (await loadConfig(parts, options.config)).config;
        const values = CONFIG_KEYS.map((key) => {
          const value = key.path.reduce<unknown>((tree, part) => (tree as Record<string, unknown>)[part], config);
          return {
            key: key.name,
            value: withoutPassword(value),
            from: fromText(provenance.get(key.name) ?? { from: "default" }),
          };
        });
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

function fromText(provenance: Provenance): string {
  if (provenance.from === "file") return `${provenance.file}:${provenance.line}:${provenance.column}`;
  if (provenance.from === "environment") return provenance.variable;
  return provenance.from === "option" ? provenance.option : "default";
}

/** A URL may carry a password, against all advice. */
function withoutPassword(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/^(\w+:\/\/[^/:@]*:)[^/@]+@/, "$1***@") : value;
}
