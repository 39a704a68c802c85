import { Command, Option } from "commander";

import type { TimelineAnswer } from "../search/timeline.ts";
import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import { copyPages } from "./export.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addRangeOptions } from "./question.ts";
import { timelineTable } from "./record-text.ts";
import { count } from "./search.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { counted } from "./terminal.ts";

interface TimelineOptions extends TargetOptions {
  readonly service?: string;
  readonly credential?: string;
  readonly subjectRef?: string;
  readonly query?: string;
  readonly own?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly time?: string;
  readonly order: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly format?: string;
  readonly out?: string;
  readonly local?: boolean;
  readonly json?: boolean;
}

export function timelineCommand(parts: CliParts, run: Run): Command {
  const command = new Command("timeline").description(
    "show what one service, key or person did and what was done to it",
  );
  return addTargetOptions(addRangeOptions(command))
    .option("--service <name>", "whose timeline: a service")
    .option("--credential <id>", "or a key")
    .option("--subject-ref <ref>", "or a person, by pseudonym")
    .option("-q, --query <query>", "only what matches this query")
    .option("--own", "with Tallystick's own records")
    .addOption(new Option("--order <order>", "oldest or newest first").choices(["oldest", "newest"]).default("oldest"))
    .option("--limit <count>", "records at most, 1 to 1,000", count, 100)
    .option("--cursor <cursor>", "go on after an earlier answer's `next`")
    .addOption(new Option("--format <format>", "write all of it instead").choices(["ndjson", "csv", "xml"]))
    .option("--out <file>", "with --format: write to a file instead of standard output")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "the server's answer as JSON")
    .action((options: TimelineOptions) =>
      run(async () => {
        const { service, credential, subjectRef, query, own, from, to, time, order, limit, cursor } = options;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const question = { service, credential, subject_ref: subjectRef, q: query, own, from, to, time, order };
        if (options.format !== undefined) {
          const { format, out } = options;
          await copyPages(parts, client, { path: "/api/timeline/export", query: { ...question, format }, cursor, out });
          return EXIT.ok;
        }
        const answer = await client.get<TimelineAnswer>("/api/timeline", { ...question, limit, cursor });
        if (options.json === true) parts.terminal.json(answer);
        else show(parts, answer, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show({ terminal }: CliParts, { entries, next, partial, notes }: TimelineAnswer, local: boolean): void {
  if (entries.length > 0) for (const line of timelineTable(terminal, entries, local)) terminal.line(line);
  for (const { message } of notes) terminal.note(message);
  const more = next === null ? "" : `; more with --cursor ${next}`;
  const cut = partial ? "; the answer was cut by a limit" : "";
  terminal.note(`${counted(entries.length, "record")}${cut}${more}`);
}
