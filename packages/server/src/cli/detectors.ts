import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { count } from "./search.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { printable } from "./terminal.ts";

interface Options extends TargetOptions {
  readonly json?: boolean;
}

interface DetectorsAnswer {
  readonly detectors: readonly { name: string; level: string; title: string; learns: boolean; facts: string[] }[];
  readonly baselines: {
    readonly min_hours: number;
    readonly detectors: readonly { name: string; level: string; title: string }[];
  };
  readonly learning: readonly { log: string; until: string; is_over: boolean }[];
}

interface FactsAnswer {
  readonly facts: readonly {
    kind: string;
    log: string;
    subject: string;
    value: string;
    first_seen: string;
    last_seen: string;
  }[];
}

export function detectorsCommand(parts: CliParts, run: Run): Command {
  const command = new Command("detectors").description("the built-in detectors, and what they learned");
  for (const make of [listCommand, learnedCommand, teachCommand]) command.addCommand(make(parts, run));
  return command;
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("what there is, and which logs are still learned"))
    .option("--json", "the server's answer as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const answer = await client.get<DetectorsAnswer>("/api/detectors");
        const { terminal } = parts;
        if (options.json === true) terminal.json(answer);
        else {
          const columns = [
            { title: "detector" },
            { title: "level" },
            { title: "what", shrinks: true },
            { title: "learns" },
          ];
          const { detectors, min_hours: hours } = answer.baselines;
          const usual = `what is usual, for ${hours} hours`;
          const rows = [
            ...answer.detectors.map((one) => [one.name, one.level, one.title, one.facts.join(", ")]),
            ...detectors.map((one) => [one.name, one.level, one.title, usual]),
          ];
          for (const line of table(columns, rows, terminal.width)) terminal.line(line);
          for (const { log, until, is_over: isOver } of answer.learning)
            if (!isOver) terminal.note(`${printable(log)}: first days until ${until}; what learns tells nobody before`);
        }
        return EXIT.ok;
      }),
    );
}

function learnedCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("learned").description("what a detector learned, newest first"))
    .argument("<detector>")
    .option("--log <log>", "only this log")
    .option("--subject <subject>", "only of this service, credential or reader")
    .option("--limit <count>", "at most, 1 to 10,000", count, 100)
    .option("--json", "the server's answer as JSON")
    .action((name: string, options: Options & { log?: string; subject?: string; limit: number }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { log, subject, limit } = options;
        const path = `/api/detectors/${encodeURIComponent(name)}/facts`;
        const answer = await client.get<FactsAnswer>(path, { log, subject, limit });
        const { terminal } = parts;
        if (options.json === true) terminal.json(answer);
        else {
          const columns = [
            { title: "kind" },
            { title: "log" },
            { title: "subject", shrinks: true },
            { title: "value", shrinks: true },
            { title: "first seen" },
            { title: "last seen" },
          ];
          const rows = answer.facts.map((fact) =>
            [fact.kind, fact.log, fact.subject, fact.value, fact.first_seen, fact.last_seen].map(printable),
          );
          for (const line of table(columns, rows, terminal.width)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function teachCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("teach").description("say that something is expected, so that it is no news"))
    .argument("<detector>")
    .argument("<kind>", "what it learns, as `detectors list` shows")
    .argument("<subject>")
    .argument("<value>")
    .requiredOption("--reason <text>", "why; it stands in the record")
    .option("--log <log>", "the log it is about", "default")
    .option("--json", "what is expected now, as JSON")
    .action(
      (
        name: string,
        kind: string,
        subject: string,
        value: string,
        options: Options & { reason: string; log: string },
      ) =>
        run(async () => {
          const client = connectTo(await findTarget(parts, options), parts.fetch);
          const { reason, log } = options;
          const expected = { kind, log, subject, value, reason };
          await client.send("POST", `/api/detectors/${encodeURIComponent(name)}/facts`, expected);
          if (options.json === true) parts.terminal.json({ detector: name, ...expected });
          else parts.terminal.note(`${name}: ${printable(subject)} ${printable(value)} is expected from now on`);
          return EXIT.ok;
        }),
    );
}
