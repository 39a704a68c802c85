import { Command } from "commander";

import type { BottlenecksAnswer } from "../search/bottlenecks/bottlenecks.ts";
import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { durationText } from "./record-text.ts";
import { count } from "./search.ts";
import { table } from "./table.ts";
import type { Column } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { grouped, printable } from "./terminal.ts";

interface BottlenecksOptions extends TargetOptions {
  readonly service?: string;
  readonly query?: string;
  readonly from?: string;
  readonly to?: string;
  readonly traces?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

export function bottlenecksCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("bottlenecks").description("show what slows and what breaks the newest traces"))
    .option("--service <name>", "traces that pass through this service")
    .option("-q, --query <query>", "traces of which a record matches")
    .option("--from <time>", "from this time on: RFC 3339, a date, or now-15m")
    .option("--to <time>", "before this time")
    .option("--traces <count>", "newest traces that are counted, 1 to 5,000 (default: 1000)", count)
    .option("--limit <count>", "operations and failures listed, 1 to 200 (default: 20)", count)
    .option("--json", "the server's answer as JSON")
    .action(({ query, service, from, to, traces, limit, ...options }: BottlenecksOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const question = { q: query, service, from, to, traces, limit };
        const answer = await client.get<BottlenecksAnswer>("/api/bottlenecks", question);
        if (options.json === true) parts.terminal.json(answer);
        else show(parts, answer);
        return EXIT.ok;
      }),
    );
}

const OPERATIONS: readonly Column[] = [
  { title: "service" },
  { title: "operation", shrinks: true },
  { title: "self", right: true },
  { title: "share", right: true },
  { title: "a trace", right: true },
  { title: "p50", right: true },
  { title: "p95", right: true },
  { title: "network", right: true },
  { title: "calls", right: true },
  { title: "failed", right: true },
];
const FAILURES: readonly Column[] = [
  { title: "failed first" },
  { title: "operation", shrinks: true },
  { title: "status" },
  { title: "error", shrinks: true },
  { title: "traces", right: true },
  { title: "share", right: true },
  { title: "example trace" },
];

function show({ terminal }: CliParts, answer: BottlenecksAnswer): void {
  const { operations, failures } = answer;
  const tables = [
    operations.length === 0 ? [] : table(OPERATIONS, operations.map(operationCells), terminal.width),
    failures.length === 0 ? [] : table(FAILURES, failures.map(failureCells), terminal.width),
  ].filter((lines) => lines.length > 0);
  for (const [place, lines] of tables.entries()) {
    if (place > 0) terminal.line("");
    for (const line of lines) terminal.line(line);
  }
  for (const { message } of answer.notes) terminal.note(message);
  const newest = answer.more_traces ? "the newest " : "";
  const between = answer.sample_from === null ? "" : `, ${answer.sample_from} to ${answer.sample_to}`;
  const cut = answer.partial ? "; the answer was cut by a limit" : "";
  terminal.note(`counted over ${newest}${grouped(answer.sample_traces)} traces${between}${cut}`);
}

const share = (part: number) => `${(part * 100).toFixed(1)}%`;

function operationCells(row: BottlenecksAnswer["operations"][number]): readonly string[] {
  return [
    printable(row.service),
    printable(row.operation),
    durationText(row.self_us),
    share(row.share),
    durationText(row.self_us_per_trace),
    durationText(row.p50_self_us),
    durationText(row.p95_self_us),
    durationText(row.network_us),
    grouped(row.calls),
    grouped(row.failed_calls),
  ];
}

function failureCells(row: BottlenecksAnswer["failures"][number]): readonly string[] {
  const { status, error_type: type, traces, example } = row;
  return [
    printable(row.service),
    printable(row.operation),
    status,
    printable(type ?? ""),
    grouped(traces),
    share(row.share),
    example.trace_id,
  ];
}
