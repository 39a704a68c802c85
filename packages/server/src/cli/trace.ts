import { Command } from "commander";

import type { TraceAnswer } from "../search/trace/trace.ts";
import { connectTo } from "./client.ts";
import type { Client, Query } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { LEGEND, waterfall } from "./waterfall.ts";

interface TraceOptions extends TargetOptions {
  readonly from?: string;
  readonly to?: string;
  readonly follow: boolean;
  readonly records?: boolean;
  readonly json?: boolean;
}

export function traceCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("trace").description("show the calls that belong to an id as a waterfall"))
    .argument("<id>", "a trace id, or a request, message, causation, correlation, call or record id")
    .option("--from <time>", "records from this time on: RFC 3339, a date, or now-15m")
    .option("--to <time>", "records before this time")
    .option("--no-follow", "only the records that name the id")
    .option("--records", "with --json: the records whole")
    .option("--json", "the server's answer as JSON")
    .action((id: string, { from, to, follow, records, ...options }: TraceOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const trace = await readTrace(client, id, { from, to, follow: follow ? undefined : false, records });
        if (options.json === true) parts.terminal.json(trace);
        else show(parts, trace);
        return EXIT.ok;
      }),
    );
}

async function readTrace(client: Client, id: string, query: Query): Promise<TraceAnswer> {
  try {
    return await client.get<TraceAnswer>(`/api/traces/${encodeURIComponent(id)}`, query);
  } catch (error) {
    if (!(error instanceof CommandError) || error.code !== "not_found") throw error;
    const { message, code, hint } = error;
    throw new CommandError(message, {
      code,
      exitCode: EXIT.negative,
      cause: error,
      ...(hint === null ? {} : { hint }),
    });
  }
}

function show({ terminal }: CliParts, trace: TraceAnswer): void {
  for (const line of waterfall(terminal, trace)) terminal.line(line.trimEnd());
  for (const { message } of trace.notes) terminal.note(message);
  if (trace.partial) terminal.note("The answer was cut by a limit, or the index does not hold everything now.");
  terminal.note(LEGEND);
}
