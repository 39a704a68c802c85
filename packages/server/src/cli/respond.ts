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

interface Response {
  readonly id: string;
  readonly kind: string;
  readonly target: Readonly<Record<string, string>>;
  readonly state: string;
  readonly reason: string;
  readonly by: string;
  readonly until: string | null;
  readonly approval_id: string | null;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

interface AskOptions extends Options {
  readonly credential?: string;
  readonly service?: string;
  readonly caller?: string;
  readonly callee?: string;
  readonly operation?: string;
  readonly reason: string;
  readonly for?: string;
  readonly alert?: string;
  readonly dryRun?: boolean;
}

export function respondCommand(parts: CliParts, run: Run): Command {
  return new Command("respond")
    .description("block credentials, services, edges and operations for a time, and undo it")
    .addCommand(listCommand(parts, run), { isDefault: true })
    .addCommand(blockCommand(parts, run))
    .addCommand(webhookCommand(parts, run))
    .addCommand(undoCommand(parts, run));
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list responses, newest first"))
    .option("--state <state>", "only these: proposed, active, dry_run, done, undone, expired, rejected")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options & { readonly state?: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = await client.get<{ readonly responses: readonly Response[] }>("/api/responses", {
          state: options.state,
        });
        if (options.json === true) parts.terminal.json(found);
        else show(parts, found.responses, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show({ terminal }: CliParts, responses: readonly Response[], local: boolean): void {
  const columns = ["id", "what", "state", "until", "by", "why"].map((title) => ({ title }));
  const rows = responses.map((one) => [
    one.id,
    printable(whatText(one)),
    one.approval_id !== null && one.state === "proposed" ? `proposed (${one.approval_id})` : one.state,
    one.until === null ? "" : timeText(one.until, local),
    printable(one.by),
    printable(one.reason),
  ]);
  for (const line of table(columns, rows, null)) terminal.line(line);
}

function whatText({ kind, target }: Response): string {
  return [kind, ...Object.entries(target).map(([name, value]) => `${name}=${value}`)].join(" ");
}

function blockCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("block").description("block one thing for a time"))
    .option("--credential <id>", "a credential: credential_id of records, or the principal of a producer here")
    .option("--service <name>", "a service: what it calls and what calls it")
    .option("--caller <name>", "with --callee: the calls between two services")
    .option("--callee <name>", "with --caller, or with --operation")
    .option("--operation <name>", "an operation, as 'POST /payouts'; with --callee only there")
    .requiredOption("--reason <reason>", "why")
    .option("--for <duration>", "how long, as 30m, 2h or 7d; absent: respond.block_for")
    .option("--alert <id>", "the alert that it answers")
    .option("--dry-run", "only record what would be done")
    .option("--json", "as JSON")
    .action((options: AskOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const body = { ...blocked(options), ...asked(options) };
        const response = await client.send<Response>("POST", "/api/responses", body);
        tell(parts, options, response);
        return EXIT.ok;
      }),
    );
}

function blocked({ credential, service, caller, callee, operation }: AskOptions): object {
  const kinds = [credential, service, caller, operation].filter((one) => one !== undefined);
  const fault = (message: string) => new CommandError(message, { code: "bad_request" });
  if (kinds.length !== 1)
    throw fault("Say what to block by one of --credential, --service, --caller with --callee, --operation.");
  if (credential !== undefined) return { kind: "block_credential", target: { credential_id: credential } };
  if (service !== undefined) return { kind: "block_service", target: { service } };
  const atCallee = callee === undefined ? {} : { callee };
  if (operation !== undefined) return { kind: "block_operation", target: { operation, ...atCallee } };
  if (callee === undefined) throw fault("--caller needs --callee; --service blocks all that a service calls.");
  return { kind: "block_edge", target: { caller, callee } };
}

function asked({ reason, for: lasting, alert, dryRun }: AskOptions): object {
  const us = lasting === undefined ? undefined : durationUs(lasting);
  if (us === null) throw new CommandError("--for takes a duration, as 30m, 2h or 7d.", { code: "bad_request" });
  return {
    reason,
    ...(us === undefined ? {} : { for_s: Math.ceil(us / 1_000_000) }),
    ...(alert === undefined ? {} : { alert_id: alert }),
    ...(dryRun === true ? { dry_run: true } : {}),
  };
}

function webhookCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("webhook").description("have a signed webhook act on an alert").argument("<channel>", "its channel"),
  )
    .requiredOption("--reason <reason>", "why")
    .option("--alert <id>", "the alert that it answers")
    .option("--json", "as JSON")
    .action((channel: string, options: AskOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const body = { kind: "webhook", target: { channel }, ...asked(options) };
        tell(parts, options, await client.send<Response>("POST", "/api/responses", body));
        return EXIT.ok;
      }),
    );
}

function undoCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("undo").description("undo a response, or take back a proposal").argument("<id>", "the response's id"),
  )
    .option("--reason <reason>", "why")
    .option("--json", "as JSON")
    .action((id: string, options: Options & { readonly reason?: string }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const body = options.reason === undefined ? {} : { reason: options.reason };
        tell(
          parts,
          options,
          await client.send<Response>("POST", `/api/responses/${encodeURIComponent(id)}/undo`, body),
        );
        return EXIT.ok;
      }),
    );
}

function tell({ terminal }: CliParts, options: Options, response: Response): void {
  if (options.json === true) return terminal.json(response);
  const { id, state, until, approval_id: approval } = response;
  const more = state === "proposed" ? `; somebody else must approve ${String(approval)}` : "";
  const end = until === null || state !== "active" ? "" : ` until ${until}`;
  terminal.line(printable(`${id} is ${state}${end}${more}: ${whatText(response)}`));
}
