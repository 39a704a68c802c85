import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { durationText } from "./record-text.ts";
import { table } from "./table.ts";
import type { Column } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { counted, grouped, printable } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface GraphOptions extends TargetOptions {
  readonly from?: string;
  readonly to?: string;
  readonly service?: string;
  readonly edge?: string;
  readonly protocol?: string;
  readonly operations?: boolean;
  readonly local?: boolean;
  readonly json?: boolean;
}

interface Figures {
  readonly calls: number;
  readonly calls_per_second: number | null;
  readonly errors: number;
  readonly error_ratio: number;
  readonly p50_us: number | null;
  readonly p95_us: number | null;
  readonly p99_us: number | null;
  readonly match_rate: number | null;
  readonly last_seen: string;
}

interface GraphAnswer {
  readonly services: readonly unknown[];
  readonly edges: readonly (Figures & {
    readonly caller: string;
    readonly callee: string;
    readonly operations?: readonly (Figures & { readonly operation: string })[];
  })[];
  readonly settled_through: string | null;
  readonly partial: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "call", shrinks: true },
  { title: "calls/s", right: true },
  { title: "calls", right: true },
  { title: "errors", right: true },
  { title: "p50", right: true },
  { title: "p95", right: true },
  { title: "p99", right: true },
  { title: "matched", right: true },
  { title: "last_seen" },
];

export function graphCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("graph").description("show who calls whom, how often and how well"))
    .option("--from <time>", "from this time on: RFC 3339, a date, or now-15m (default: now-1h)")
    .option("--to <time>", "before this time")
    .option("--service <name>", "only edges that begin or end at it")
    .option("--edge <caller:callee>", "only this edge")
    .option("--protocol <protocol>", "only calls of it, as http")
    .option("--operations", "with the most used operations of each edge")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "the server's answer as JSON")
    .action((options: GraphOptions) =>
      run(async () => {
        const { from, to, service, edge, protocol, operations } = options;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const question = { from, to, service, edge, protocol, operations };
        const answer = await client.get<GraphAnswer>("/api/graph", question);
        if (options.json === true) parts.terminal.json(answer);
        else show(parts, answer, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show(
  { terminal }: CliParts,
  { services, edges, settled_through: settled, partial }: GraphAnswer,
  local: boolean,
) {
  const rows = edges.flatMap((edge) => [
    cells(`${edge.caller} → ${edge.callee}`, edge, local),
    ...(edge.operations ?? []).map((one) => cells(`  ${one.operation}`, one, local)),
  ]);
  if (rows.length > 0) for (const line of table(COLUMNS, rows, terminal.width)) terminal.line(line);
  const through = settled === null ? "no call is settled yet" : `settled through ${timeText(settled, local)}`;
  const cut = partial ? "; the least used edges are left out" : "";
  terminal.note(`${counted(services.length, "service")}, ${counted(edges.length, "edge")}; ${through}${cut}`);
}

function cells(name: string, figures: Figures, local: boolean): readonly string[] {
  const { calls_per_second: rate, p50_us: p50, p95_us: p95, p99_us: p99, match_rate: matchRate } = figures;
  const duration = (us: number | null) => (us === null ? "" : durationText(us));
  return [
    printable(name),
    rate === null ? "" : rate >= 100 ? grouped(Math.round(rate)) : String(Number(rate.toPrecision(3))),
    grouped(figures.calls),
    percent(figures.error_ratio),
    duration(p50),
    duration(p95),
    duration(p99),
    matchRate === null ? "" : percent(matchRate),
    timeText(figures.last_seen, local),
  ];
}

/** Only what is whole is 100%, and only what is nothing is 0%. */
function percent(ratio: number): string {
  const text = (ratio * 100).toFixed(1);
  if (text === "100.0" && ratio < 1) return ">99.9%";
  return text === "0.0" && ratio > 0 ? "<0.1%" : `${text}%`;
}
