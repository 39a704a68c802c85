import type { TSchema } from "typebox";

import { allowed } from "./faults.ts";
import { CONFIG_KEYS, ConfigSchema } from "./schema.ts";
import type { ConfigKey } from "./schema.ts";

interface Described {
  readonly description?: string;
  readonly default?: unknown;
}

/** docs/reference/configuration.md, from the schema that validates. */
export function configurationReference(): string {
  const head = [
    "# Configuration",
    "",
    "One YAML file, named by `tallystick serve --config FILE`. It is validated when the server starts; a fault is reported with its",
    "line and column and nothing is started. Every key may be left out. An environment variable wins over the file, an option of the",
    "command line over both; in a variable a list is written `a,b` or as YAML, a map as YAML. `tallystick config` prints the effective",
    "values and where each came from. Secrets are given by files, never in the configuration itself.",
    "",
    "This page is generated from the schema that validates the file.",
    "",
  ];
  const sections = Object.entries(ConfigSchema.properties).flatMap(([name, schema]) => sectionText(name, schema));
  return `${[...head, ...sections].join("\n").trimEnd()}\n`;
}

function sectionText(name: string, schema: TSchema): readonly string[] {
  const keys = CONFIG_KEYS.filter((key) => key.path[0] === name);
  const { description } = schema as Described;
  return [
    `## ${name}`,
    "",
    description ?? "",
    "",
    "| key | default | allowed | meaning | variable |",
    "|---|---|---|---|---|",
    ...keys.map(row),
    "",
  ];
}

function row(key: ConfigKey): string {
  const { description, default: byDefault } = key.schema as Described;
  const shown =
    byDefault === "" ? "empty" : `\`${typeof byDefault === "string" ? byDefault : JSON.stringify(byDefault)}\``;
  const cells = [`\`${key.name}\``, shown, allowed(key.schema) ?? "", description ?? "", `\`${key.variable}\``];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
