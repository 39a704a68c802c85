import { Command } from "commander";

import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { keyCalled } from "./keys-found.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { grouped } from "./terminal.ts";

export interface QuotaOptions {
  readonly recordsPerSecond?: string;
  readonly bytesPerDay?: string;
}

export function addQuotaOptions(command: Command): Command {
  return command
    .option("--records-per-second <number>", "most records a second, over time")
    .option("--bytes-per-day <number>", "most bytes of request bodies a day of UTC");
}

export function quotaBody({ recordsPerSecond, bytesPerDay }: QuotaOptions): Readonly<Record<string, number>> {
  const number = (option: string, text: string) => {
    if (!/^[1-9]\d{0,15}$/.test(text))
      throw new CommandError(`${option} is a whole number from 1 on.`, { code: "bad_request" });
    return Number(text);
  };
  return {
    ...(recordsPerSecond && { records_per_second: number("--records-per-second", recordsPerSecond) }),
    ...(bytesPerDay && { bytes_per_day: number("--bytes-per-day", bytesPerDay) }),
  };
}

export function quotaCommand(parts: CliParts, run: Run): Command {
  return addQuotaOptions(
    addTargetOptions(
      new Command("quota")
        .description("set the quota of a producer's key, at once; what is left out is no longer limited")
        .argument("<key>", "the key's id or name"),
    ),
  )
    .option("--json", "as JSON")
    .action((given: string, options: TargetOptions & QuotaOptions & { json?: boolean }) =>
      run(async () => {
        const body = quotaBody(options);
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { id, name } = await keyCalled(client, given);
        const key = await client.send<object>("PUT", `/api/keys/${encodeURIComponent(id)}/quota`, body);
        if (options.json === true) parts.terminal.json(key);
        else parts.terminal.line(`quota of ${name}: ${wordsOf(body)}`);
        return EXIT.ok;
      }),
    );
}

function wordsOf(body: Readonly<Record<string, number>>): string {
  const words = Object.entries(body).map(([name, value]) => `${grouped(value)} ${name.replaceAll("_", " ")}`);
  return words.length === 0 ? "none" : words.join(", ");
}

interface Use {
  readonly principal: string;
  readonly records_per_second: number | null;
  readonly bytes_per_day: number | null;
  readonly bytes_today: number;
  readonly refused: number;
}

export function quotasCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("quotas").description("senders with a quota that sent since the server's start, and what they used"),
  )
    .option("--json", "as JSON")
    .action((options: TargetOptions & { json?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { quotas } = await client.get<{ readonly quotas: readonly Use[] }>("/api/quotas");
        if (options.json === true) parts.terminal.json({ quotas });
        else for (const line of table(COLUMNS, quotas.map(rowOf), null)) parts.terminal.line(line);
        return EXIT.ok;
      }),
    );
}

const COLUMNS = ["sender", "records a second", "bytes a day", "bytes today", "refused"].map((title) => ({ title }));

function rowOf(use: Use): readonly string[] {
  const limit = (value: number | null) => (value === null ? "" : grouped(value));
  return [
    use.principal,
    limit(use.records_per_second),
    limit(use.bytes_per_day),
    grouped(use.bytes_today),
    grouped(use.refused),
  ];
}
