import { Command, InvalidArgumentError, Option } from "commander";

import { VERDICT_KINDS } from "../tally/verdict.ts";
import type { BreakFound, BreaksAnswer } from "../tally/breaks.ts";
import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { count } from "./search.ts";
import { table } from "./table.ts";
import type { Column } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { grouped, printable } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface TallyOptions extends TargetOptions {
  readonly edge?: string;
  readonly since?: string;
  readonly from?: string;
  readonly to?: string;
  readonly kind?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly history?: boolean;
  readonly local?: boolean;
  readonly json?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "due" },
  { title: "kind" },
  { title: "edge", shrinks: true },
  { title: "field" },
  { title: "caller", shrinks: true },
  { title: "callee", shrinks: true },
  { title: "call_id", shrinks: true },
];

export function tallyCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("tally").description("calls whose two halves disagree, or of which one is missing"),
  )
    .option("--edge <caller:callee>", "of one edge, as orders:payments")
    .option("--since <duration>", "of the last 15m, 1h, 7d …", duration)
    .option("--from <time>", "from this time on: RFC 3339, a date, or now-15m")
    .option("--to <time>", "before this time")
    .addOption(new Option("--kind <kind>", "of one kind").choices([...VERDICT_KINDS]))
    .option("--limit <count>", "breaks at most, 1 to 1,000", count, 50)
    .option("--cursor <cursor>", "go on after an earlier answer's `next`")
    .option("--history", "with breaks that a later half resolved")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "the server's answer as JSON")
    .action((options: TallyOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { edge, since, from, to, kind, limit, cursor, history } = options;
        const start = since === undefined ? from : `now-${since}`;
        const question = { edge, from: start, to, kind, limit, cursor, history };
        const answer = await client.get<BreaksAnswer>("/api/tally", question);
        if (options.json === true) parts.terminal.json(answer);
        else show(parts.terminal, answer, options.local === true);
        return EXIT.ok;
      }),
    );
}

function duration(text: string): string {
  if (/^\d{1,9}(ms|[smhdw])$/.test(text)) return text;
  throw new InvalidArgumentError("Give a duration as 15m, 1h or 7d.");
}

function show(terminal: Terminal, answer: BreaksAnswer, local: boolean): void {
  const { breaks, counts, next, settled_through: settledThrough } = answer;
  const rows = breaks.map((found) => cells(found, local));
  if (rows.length > 0) for (const line of table(COLUMNS, rows, terminal.width)) terminal.line(line);
  const { calls = 0, ...states } = counts;
  const told = Object.entries(states)
    .filter(([, calls]) => calls > 0)
    .map(([state, calls]) => `${grouped(calls)} ${state}`);
  terminal.note(`${grouped(calls)} calls${told.length === 0 ? "" : `: ${told.join(", ")}`}`);
  if (settledThrough === null) terminal.note("Nothing is settled yet.");
  else terminal.note(`Settled are calls that came due before ${timeText(settledThrough, local)}.`);
  if (next !== null) terminal.note(`More with --cursor ${next}`);
}

function cells(found: BreakFound, local: boolean): readonly string[] {
  const { kind, field, caller, callee, caller_value: callerValue, callee_value: calleeValue } = found;
  return [
    timeText(found.timestamp, local),
    found.holds ? kind : `${kind} (resolved)`,
    printable(`${caller} → ${callee}`),
    field ?? "",
    printable(callerValue ?? ""),
    printable(calleeValue ?? ""),
    printable(found.call_id ?? ""),
  ];
}
