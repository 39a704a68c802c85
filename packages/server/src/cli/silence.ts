import { Command } from "commander";

import { durationUs } from "../search/time.ts";
import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { printable } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface Silence {
  readonly id: string;
  readonly state: string;
  readonly matchers: readonly string[];
  readonly starts_at: string;
  readonly ends_at: string;
  readonly created_by: string;
  readonly comment: string;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

interface PlaceOptions extends Options {
  readonly for?: string;
  readonly until?: string;
  readonly from?: string;
  readonly comment: string;
}

export function silenceCommand(parts: CliParts, run: Run): Command {
  return new Command("silence")
    .alias("silences")
    .description("alerts that notify nobody for a time; they are listed and recorded as ever")
    .addCommand(listCommand(parts, run), { isDefault: true })
    .addCommand(placeCommand(parts, run))
    .addCommand(endCommand(parts, run));
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list silences, newest first"))
    .option("--all", "also those that are over")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options & { readonly all?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const answer = await client.get<{ readonly silences: readonly Silence[] }>("/api/silences");
        const silences = answer.silences.filter(({ state }) => options.all === true || state !== "expired");
        if (options.json === true) parts.terminal.json({ silences });
        else show(parts, silences, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show({ terminal }: CliParts, silences: readonly Silence[], local: boolean): void {
  const columns = ["id", "state", "matchers", "until", "by", "why"].map((title) => ({ title }));
  const rows = silences.map((one) => [
    one.id,
    one.state,
    printable(one.matchers.join(" ")),
    timeText(one.ends_at, local),
    printable(one.created_by),
    printable(one.comment),
  ]);
  for (const line of table(columns, rows, null)) terminal.line(line);
}

function placeCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("place")
      .description("silence the alerts that match")
      .argument("<matcher...>", 'all must match: level=low, service!="a b", title=~"Token.*"'),
  )
    .option("--for <duration>", "how long, as 30m, 2h or 7d")
    .option("--until <time>", "until when, RFC 3339")
    .option("--from <time>", "from when, RFC 3339; absent: now")
    .requiredOption("--comment <text>", "why")
    .option("--json", "as JSON")
    .action((matchers: readonly string[], options: PlaceOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { comment, from } = options;
        const body = { matchers, comment, ends_at: endOf(options), ...(from && { starts_at: from }) };
        const silence = await client.send<Silence>("POST", "/api/silences", body);
        if (options.json === true) parts.terminal.json(silence);
        else parts.terminal.line(`${silence.id} is ${silence.state} until ${silence.ends_at}`);
        return EXIT.ok;
      }),
    );
}

function endOf({ for: lasting, until, from }: PlaceOptions): string {
  const fault = (message: string) => new CommandError(message, { code: "bad_request" });
  if ((lasting === undefined) === (until === undefined)) throw fault("Give --for or --until, one of them.");
  if (until !== undefined) return until;
  const us = durationUs(lasting ?? "");
  const start = from === undefined ? Date.now() : Date.parse(from);
  if (us === null || Number.isNaN(start)) throw fault("A duration is written as 30m, 2h or 7d; --from is RFC 3339.");
  return new Date(start + us / 1_000).toISOString();
}

function endCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("end").description("end a silence before its time").argument("<id>", "the silence's id"),
  )
    .option("--json", "as JSON")
    .action((id: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const silence = await client.send<Silence>("DELETE", `/api/silences/${encodeURIComponent(id)}`);
        if (options.json === true) parts.terminal.json(silence);
        else parts.terminal.line(`${silence.id} is ${silence.state}`);
        return EXIT.ok;
      }),
    );
}
