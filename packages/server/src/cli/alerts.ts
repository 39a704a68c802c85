import { Command } from "commander";

import { channelCommands } from "./alert-channels.ts";
import { connectTo } from "./client.ts";
import type { Client } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { printable } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface Alert {
  readonly id: string;
  readonly state: string;
  readonly title: string;
  readonly level: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly expected: string;
  readonly seen: string;
  readonly check: string;
  readonly silence: string;
  readonly runbook_url: string | null;
  readonly records: readonly { readonly tree: string; readonly leaf_index: number; readonly call_id: string }[];
  readonly count: number;
  readonly quiet: boolean;
  readonly raised_at: string;
  readonly seen_at: string;
  readonly assignee: string | null;
  readonly suppressed_by: string | null;
  readonly steps: readonly { readonly kind: string; readonly at: string; readonly by: string; readonly text: string }[];
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

interface ListOptions extends Options {
  readonly state: string;
  readonly level?: string;
  readonly match?: readonly string[];
  readonly limit: string;
}

export function alertsCommand(parts: CliParts, run: Run): Command {
  const deed = (word: string, path: string, description: string) =>
    deedCommand(parts, run, { word, path, description });
  const command = new Command("alerts")
    .description("what detection found, and what people do about it")
    .addCommand(listCommand(parts, run), { isDefault: true })
    .addCommand(showCommand(parts, run))
    .addCommand(deed("ack", "acknowledge", "take an alert on: it is repeated no more"))
    .addCommand(assignCommand(parts, run))
    .addCommand(deed("comment", "comment", "say something about an alert"))
    .addCommand(deed("resolve", "resolve", "say that an alert is over"))
    .addCommand(deed("reopen", "reopen", "take back that an alert is over"));
  for (const channel of channelCommands(parts, run)) command.addCommand(channel);
  return command;
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list alerts, newest first"))
    .option("--state <state>", "open, firing, acknowledged, resolved, or all", "open")
    .option("--level <level>", "this level and those above it: informational, low, medium, high, critical")
    .option("--match <matcher...>", 'only those that match, as service=orders or title=~"Token.*"')
    .option("--limit <n>", "at most so many", "100")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: ListOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = await client.get<{ readonly alerts: readonly Alert[]; readonly counts: object }>(
          `/api/alerts${asked(options)}`,
        );
        if (options.json === true) parts.terminal.json(found);
        else showList(parts, found.alerts, options.local === true);
        return EXIT.ok;
      }),
    );
}

function asked({ state, level, match = [], limit }: ListOptions): string {
  const parameters = new URLSearchParams({ limit });
  if (state !== "all") parameters.set("state", state);
  if (level !== undefined) parameters.set("level", level);
  for (const matcher of match) parameters.append("match", matcher);
  return `?${parameters.toString()}`;
}

function showList({ terminal }: CliParts, alerts: readonly Alert[], local: boolean): void {
  const columns = ["id", "level", "state", "raised", "alert", "about"].map((title) => ({ title }));
  const rows = alerts.map((alert) => [
    alert.id,
    alert.level,
    stateText(alert),
    timeText(alert.raised_at, local),
    printable(alert.title),
    printable(labelText(alert)),
  ]);
  for (const line of table(columns, rows, null)) terminal.line(line);
}

function stateText({ state, quiet, suppressed_by: by, assignee }: Alert): string {
  const notes = [quiet ? "quiet" : "", by === null ? "" : "suppressed", assignee ?? ""].filter((note) => note !== "");
  return notes.length === 0 ? state : printable(`${state} (${notes.join(", ")})`);
}

const labelText = ({ labels }: Alert): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

function showCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("show").description("one alert: what, how much, and what became of it").argument("<id>", "its id"),
  )
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((id: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const alert = await client.get<Alert>(`/api/alerts/${encodeURIComponent(id)}`);
        if (options.json === true) parts.terminal.json(alert);
        else for (const line of alertLines(alert, options.local === true)) parts.terminal.line(printable(line));
        return EXIT.ok;
      }),
    );
}

function alertLines(alert: Alert, local: boolean): readonly string[] {
  const said = (name: string, text: string | null) =>
    text === null || text === "" ? [] : [`${name.padEnd(10)} ${text}`];
  return [
    `${alert.title} (${alert.level}, ${stateText(alert)})`,
    ...said("", alert.summary),
    ...said("about", labelText(alert)),
    ...said("expected", alert.expected),
    ...said("seen", alert.seen),
    ...said("last seen", timeText(alert.seen_at, local)),
    ...said("check", alert.check),
    ...said("silence", alert.silence),
    ...said("runbook", alert.runbook_url),
    ...said("suppressed", alert.suppressed_by === null ? null : `by ${alert.suppressed_by}`),
    `records    ${alert.records.length} of ${alert.count}`,
    ...alert.records.map(({ tree, leaf_index: index, call_id: call }) => `  ${tree}/${index}  ${call}`),
    "steps",
    ...alert.steps.map(({ at, kind, by, text }) => `  ${timeText(at, local)}  ${kind} by ${by}${text && `: ${text}`}`),
  ];
}

interface Deed {
  readonly word: string;
  readonly path: string;
  readonly description: string;
}

function deedCommand(parts: CliParts, run: Run, { word, path, description }: Deed): Command {
  const command = addTargetOptions(new Command(word).description(description).argument("<id>", "the alert's id"));
  const withComment =
    word === "comment"
      ? command.requiredOption("--comment <text>", "what there is to say")
      : command.option("--comment <text>", "why, for whoever reads it later");
  return withComment
    .option("--json", "as JSON")
    .action((id: string, options: Options & { readonly comment?: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { comment } = options;
        const body = comment === undefined ? {} : { comment };
        await act(parts, client, options, `/api/alerts/${encodeURIComponent(id)}/${path}`, body);
        return EXIT.ok;
      }),
    );
}

function assignCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("assign").description("give an alert to somebody").argument("<id>", "the alert's id"),
  )
    .option("--to <who>", "absent: to yourself; an empty word: to nobody")
    .option("--json", "as JSON")
    .action((id: string, options: Options & { readonly to?: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const body = options.to === undefined ? {} : { assignee: options.to };
        await act(parts, client, options, `/api/alerts/${encodeURIComponent(id)}/assign`, body);
        return EXIT.ok;
      }),
    );
}

async function act(
  { terminal }: CliParts,
  client: Client,
  options: Options,
  path: string,
  body: object,
): Promise<void> {
  const alert = await client.send<Alert>("POST", path, body);
  if (options.json === true) terminal.json(alert);
  else terminal.line(printable(`${alert.id} is ${stateText(alert)}`));
}
