import { Command } from "commander";

import { MAX_TEST_WAIT_S } from "../alert/limits.ts";
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

interface Notification {
  readonly id: string;
  readonly channel: string;
  readonly purpose: string;
  readonly state: string;
  readonly firing: readonly string[];
  readonly resolved: readonly string[];
  readonly created_at: string;
  readonly attempts: number;
  readonly next_at: string | null;
  readonly error: string | null;
  readonly answer: string | null;
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

interface TestOptions extends Options {
  readonly wait: string;
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
    new Command("test")
      .description("send a test to a channel, and say whether it arrived")
      .argument("<channel>", "the channel's name"),
  )
    .option("--wait <duration>", `how long to wait for that, at most ${MAX_TEST_WAIT_S}s; 0s: not at all`, "15s")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((channel: string, options: TestOptions) =>
      run(async () => {
        const waitS = Math.ceil((durationUs(options.wait) ?? Number.NaN) / 1_000_000);
        if (!(waitS <= MAX_TEST_WAIT_S))
          throw new CommandError(`--wait takes a duration of at most ${MAX_TEST_WAIT_S}s, as 15s.`, {
            code: "bad_request",
          });
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const path = `/api/channels/${encodeURIComponent(channel)}/test?wait=${waitS}`;
        const sent = await client.send<Notification>("POST", path);
        if (options.json === true) parts.terminal.json(sent);
        else for (const line of testLines(sent, waitS, options.local === true)) parts.terminal.line(line);
        return sent.state === "delivered" || (sent.state === "queued" && waitS === 0) ? EXIT.ok : EXIT.negative;
      }),
    );
}

/** Whether a test arrived, what was said to it, and what to do if it did not. */
function testLines(sent: Notification, waitS: number, local: boolean): readonly string[] {
  const { channel, id, attempts, state } = sent;
  const error = printable(sent.error ?? "");
  if (state === "delivered") return [`${channel}: delivered. ${printable(sent.answer ?? "")}`];
  if (state === "dead") return [`${channel}: failed. ${error}`, `Sent again by \`tallystick alerts retry ${id}\`.`];
  const later = `\`tallystick alerts notifications --channel ${channel}\` says what becomes of ${id}.`;
  if (waitS === 0) return [`${channel}: queued. ${later}`];
  if (attempts === 0)
    return [
      `${channel}: not tried within ${waitS} s: others wait before it, or the channel is slow to answer or asked for a pause.`,
      later,
    ];
  const tries = `${attempts} ${attempts === 1 ? "try" : "tries"}`;
  const next = sent.next_at === null ? "" : `; the next is at ${timeText(sent.next_at, local)}`;
  return [`${channel}: still trying after ${waitS} s: ${tries}${next}. ${error}`, later];
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
