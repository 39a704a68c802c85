import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { printable } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface Notification {
  readonly id: string;
  readonly channel: string;
  readonly purpose: string;
  readonly state: string;
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  readonly created_at: string;
  readonly attempts: number;
  readonly error: string | null;
}

interface ChannelLine {
  readonly name: string;
  readonly kind: string;
  readonly queued: number;
  readonly dead: number;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

/** `tallystick alerts …` about where notifications go. */
export function channelCommands(parts: CliParts, run: Run): readonly Command[] {
  return [
    channelsCommand(parts, run),
    testCommand(parts, run),
    notificationsCommand(parts, run),
    retryCommand(parts, run),
  ];
}

function channelsCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("channels").description("list where notifications go"))
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = await client.get<{ readonly channels: readonly ChannelLine[] }>("/api/channels");
        if (options.json === true) parts.terminal.json(found);
        else {
          const columns = [
            { title: "name" },
            { title: "kind" },
            { title: "queued", right: true },
            { title: "dead", right: true },
          ];
          const rows = found.channels.map(({ name, kind, queued, dead }) => [name, kind, String(queued), String(dead)]);
          for (const line of table(columns, rows, null)) parts.terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function testCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("test").description("send a test to a channel").argument("<channel>", "the channel's name"),
  )
    .option("--json", "as JSON")
    .action((channel: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const sent = await client.send<Notification>("POST", `/api/channels/${encodeURIComponent(channel)}/test`);
        if (options.json === true) parts.terminal.json(sent);
        else parts.terminal.line(`${sent.id} is queued; \`tallystick alerts notifications\` says what becomes of it`);
        return EXIT.ok;
      }),
    );
}

function notificationsCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("notifications").description("list notifications, newest first"))
    .option("--state <state>", "only these: queued, delivered, dead")
    .option("--channel <name>", "only of this channel")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options & { readonly state?: string; readonly channel?: string }) =>
      run(async () => {
        const { state, channel } = options;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = await client.get<{ readonly notifications: readonly Notification[] }>("/api/notifications", {
          state,
          channel,
        });
        if (options.json === true) parts.terminal.json(found);
        else show(parts, found.notifications, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show({ terminal }: CliParts, notifications: readonly Notification[], local: boolean): void {
  const columns = ["id", "channel", "what", "queued", "state", "tries", "error"].map((title) => ({ title }));
  const rows = notifications.map((one) => [
    one.id,
    one.channel,
    one.purpose === "alerts" ? `${one.firing.length} firing, ${one.resolved.length} resolved` : one.purpose,
    timeText(one.created_at, local),
    one.state,
    String(one.attempts),
    printable(one.error ?? ""),
  ]);
  for (const line of table(columns, rows, null)) terminal.line(line);
}

function retryCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("retry").description("send again what was given up").argument("<id>", "the notification's id"),
  )
    .option("--json", "as JSON")
    .action((id: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const sent = await client.send<Notification>("POST", `/api/notifications/${encodeURIComponent(id)}/retry`);
        if (options.json === true) parts.terminal.json(sent);
        else parts.terminal.line(`${sent.id} is ${sent.state}`);
        return EXIT.ok;
      }),
    );
}
