import { Command } from "commander";

import { checkTexts } from "../detect/check-texts.ts";
import type { CheckedRule } from "../detect/sigma/check.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { more, readRuleFiles, readSettings } from "./rule-files.ts";
import type { SettingOptions } from "./rule-files.ts";
import { serverCommands } from "./rules-server.ts";
import { testCommand } from "./rules-test.ts";

export function rulesCommand(parts: CliParts, run: Run): Command {
  const command = new Command("rules").description("check, test and switch on rules in Sigma's format");
  for (const one of [checkCommand(parts, run), testCommand(parts, run), ...serverCommands(parts, run)])
    command.addCommand(one);
  return command;
}

interface CheckOptions extends SettingOptions {
  readonly json?: boolean;
}

function checkCommand(parts: CliParts, run: Run): Command {
  return new Command("check")
    .description("read and compile rules, without a server; each is compiled, or refused with the place and the reason")
    .argument("<path...>", "files of rules, or folders with .yml files")
    .option("--placeholders <file>", "YAML: values of the placeholders that `expand` asks for")
    .option("--pipeline <file>", "a processing pipeline, or webserver or ecs of ours; may be given again", more, [])
    .option("--json", "as JSON: a rule a line")
    .action((paths: readonly string[], options: CheckOptions) => run(() => check(parts, paths, options)));
}

async function check(parts: CliParts, paths: readonly string[], options: CheckOptions): Promise<Outcome> {
  const { terminal } = parts;
  const checked = checkTexts(await readRuleFiles(paths), await readSettings(options, parts.pipelinesFolder));
  if (checked.length === 0)
    throw new CommandError("there is no rule", { hint: "Rules are in files that end in .yml." });
  const refused = checked.filter(({ fault }) => fault !== null);
  for (const rule of checked) terminal.line(options.json === true ? JSON.stringify(asJson(rule)) : asText(rule));
  if (options.json !== true)
    terminal.note(`${checked.length} rules: ${checked.length - refused.length} compiled, ${refused.length} refused`);
  return refused.length === 0 ? EXIT.ok : EXIT.negative;
}

function asJson({ file, id, fault }: CheckedRule) {
  return {
    file,
    rule_id: id,
    result: fault === null ? "compiled" : "refused",
    line: fault?.place.line ?? null,
    column: fault?.place.column ?? null,
    reason: fault?.message ?? null,
  };
}

/** As compilers write it, so that editors find the place. */
function asText({ file, title, fault }: CheckedRule): string {
  if (fault === null) return `${file}: compiled${title === null ? "" : `: ${title}`}`;
  return `${file}:${fault.place.line}:${fault.place.column}: refused: ${fault.message}`;
}
