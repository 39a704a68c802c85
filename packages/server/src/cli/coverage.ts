import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface Party {
  readonly name: string;
  readonly reason: string | null;
  readonly source: string;
}

interface Coverage {
  readonly services: readonly { readonly service: string; readonly calls: number; readonly advice: string | null }[];
  readonly edges: readonly {
    readonly caller: string;
    readonly callee: string;
    readonly missing: string;
    readonly calls: number;
    readonly coverage: number;
    readonly since: string;
    readonly declared: Party | null;
    readonly advice: string | null;
  }[];
  readonly unknown_callers: readonly {
    readonly callee: string;
    readonly network: string;
    readonly calls: number;
    readonly last_seen: string;
    readonly advice: string;
  }[];
  readonly one_sided: readonly Party[];
  readonly partial: boolean;
}

interface Options extends TargetOptions {
  readonly from?: string;
  readonly to?: string;
  readonly json?: boolean;
  readonly local?: boolean;
}

export function coverageCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("coverage").description("what is seen from one side only, and what to switch on to close it"),
  )
    .option("--from <time>", "from this time on: RFC 3339, a date, or now-15m", "now-24h")
    .option("--to <time>", "before this time")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { from, to } = options;
        const period = { ...(from && { from }), ...(to && { to }) };
        const coverage = await client.get<Coverage>("/api/coverage", period);
        if (options.json === true) parts.terminal.json(coverage);
        else show(parts, coverage, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show({ terminal }: CliParts, coverage: Coverage, local: boolean): void {
  const { edges, unknown_callers: unknown, one_sided: oneSided } = coverage;
  const open = edges.filter(({ declared }) => declared === null);
  const lines = (titles: readonly string[], rows: readonly (readonly string[])[]) => {
    if (rows.length === 0) return;
    const columns = titles.map((title) => ({ title }));
    for (const line of table(columns, rows, null)) terminal.line(line);
    terminal.line("");
  };
  lines(
    ["edge", "missing", "calls", "coverage", "since"],
    open.map(({ caller, callee, missing, calls, coverage: share, since }) => [
      `${caller} > ${callee}`,
      missing,
      String(calls),
      `${(100 * share).toFixed(0)}%`,
      timeText(since, local),
    ]),
  );
  lines(
    ["unknown callers of", "network", "calls", "last seen"],
    unknown.map(({ callee, network, calls, last_seen: at }) => [callee, network, String(calls), timeText(at, local)]),
  );
  lines(
    ["one-sided", "source", "reason"],
    oneSided.map(({ name, source, reason }) => [name, source, reason ?? ""]),
  );
  const advice = [...coverage.services, ...open, ...unknown].flatMap((one) => one.advice ?? []);
  for (const sentence of new Set(advice)) terminal.line(`- ${sentence}`);
  if (advice.length === 0) terminal.line("Every edge is seen from both sides, but for declared parties.");
}
