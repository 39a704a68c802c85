/** What `tallystick rules` asks of a server: which rules there are, and changes of them. */
import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { readText } from "./rule-files.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";

interface ListedRule {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly kind: string;
  readonly origin: string;
  readonly level: string;
  readonly on: boolean;
  readonly set_aside: string | null;
  readonly runbook_url?: string | null;
  readonly text?: string;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
}

export function serverCommands(parts: CliParts, run: Run): readonly Command[] {
  return [
    listCommand(parts, run),
    showCommand(parts, run),
    setCommand(parts, run),
    switchCommand(parts, run, { name: "on", on: true }),
    switchCommand(parts, run, { name: "off", on: false }),
    removeCommand(parts, run),
  ];
}

const clientOf = async (parts: CliParts, options: Options) => connectTo(await findTarget(parts, options), parts.fetch);

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list a server's rules and which are switched on"))
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const { rules } = await (
          await clientOf(parts, options)
        ).get<{ readonly rules: readonly ListedRule[] }>("/api/rules");
        if (options.json === true) parts.terminal.json({ rules });
        else {
          const columns = ["on", "level", "kind", "version", "title", "id"].map((title) => ({ title }));
          for (const line of table(columns, rules.map(rowOf), null)) parts.terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function rowOf({ on, level, kind, origin, version, title, id, set_aside: aside }: ListedRule): readonly string[] {
  const state = !on ? "off" : aside === null ? "on" : `on, not running: ${aside}`;
  return [state, level, `${kind}${origin === "own" ? "" : " (builtin)"}`, String(version), title, id];
}

function showCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("show").description("a rule's text").argument("<id>", "the rule's id"))
    .option("--json", "as JSON, with what is known of it")
    .action((id: string, options: Options) =>
      run(async () => {
        const rule = await (await clientOf(parts, options)).get<ListedRule>(`/api/rules/${encodeURIComponent(id)}`);
        if (options.json === true) parts.terminal.json(rule);
        else parts.terminal.line(shownText(rule));
        return EXIT.ok;
      }),
    );
}

/** Its text, and the runbook that the configuration names for it, as a comment. */
function shownText({ text = "", runbook_url: url = null }: ListedRule): string {
  const lines = text.trimEnd();
  return url === null || /^runbook_url:/m.test(lines) ? lines : `${lines}\n# Its alerts name the runbook ${url}`;
}

function setCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("set")
      .description("add a rule to a server, or a new version of it by its id; a new one is switched off")
      .argument("<file>", "a file whose first document is the rule"),
  )
    .option("--json", "as JSON")
    .action((file: string, options: Options) =>
      run(async () => {
        const text = await readText(file);
        const rule = await (await clientOf(parts, options)).send<ListedRule>("POST", "/api/rules", { text });
        if (options.json === true) parts.terminal.json(rule);
        else parts.terminal.line(`${rule.id} version ${rule.version}, ${rule.on ? "on" : "off"}: ${rule.title}`);
        return EXIT.ok;
      }),
    );
}

function switchCommand(
  parts: CliParts,
  run: Run,
  { name, on }: { readonly name: string; readonly on: boolean },
): Command {
  return addTargetOptions(new Command(name).description(`switch a rule ${name}`).argument("<id>", "the rule's id"))
    .option("--json", "as JSON")
    .action((id: string, options: Options) =>
      run(async () => {
        const path = `/api/rules/${encodeURIComponent(id)}/on`;
        const rule = await (await clientOf(parts, options)).send<ListedRule>("PUT", path, { on });
        if (options.json === true) parts.terminal.json(rule);
        else parts.terminal.line(`${rule.on ? "on" : "off"}: ${rule.title}`);
        return EXIT.ok;
      }),
    );
}

function removeCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("remove").description("remove a rule of your own").argument("<id>", "the rule's id"),
  )
    .option("--json", "as JSON")
    .action((id: string, options: Options) =>
      run(async () => {
        const answer = await (
          await clientOf(parts, options)
        ).send<object>("DELETE", `/api/rules/${encodeURIComponent(id)}`);
        if (options.json === true) parts.terminal.json(answer);
        else parts.terminal.line(`removed ${id}`);
        return EXIT.ok;
      }),
    );
}
