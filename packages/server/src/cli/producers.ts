import { Command, Option } from "commander";

import { PRODUCER_STATES } from "../tally/producer-runs.ts";
import type { ProducerRun, ProducersAnswer } from "../tally/producer-list.ts";
import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { count } from "./search.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { counted, grouped, printable } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface ProducersOptions extends TargetOptions {
  readonly state?: string;
  readonly producer?: string;
  readonly principal?: string;
  readonly service?: string;
  readonly log?: string;
  readonly history?: boolean;
  readonly gaps: number;
  readonly limit: number;
  readonly cursor?: string;
  readonly local?: boolean;
  readonly json?: boolean;
}

export function producersCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("producers").description("what is missing of each producer, and who is silent"))
    .addOption(new Option("--state <state>", "only runs of which this holds").choices(PRODUCER_STATES))
    .option("--producer <id>", "only this producer_id")
    .option("--principal <name>", "only who authenticated so, as key:orders")
    .option("--service <name>", "only whose newest record this service wrote")
    .option("--log <log>", "only this log")
    .option("--history", "superseded runs that are whole, and producers long unheard of, too")
    .option("--gaps <count>", "gaps shown of a run", count, 3)
    .option("--limit <count>", "runs at most, 1 to 1,000", count, 100)
    .option("--cursor <cursor>", "go on after an earlier answer's `next`")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "the server's answer as JSON")
    .action((options: ProducersOptions) =>
      run(async () => {
        const { state, producer, principal, service, log, history, gaps, limit, cursor } = options;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const answer = await client.get<ProducersAnswer>("/api/producers", {
          state,
          principal,
          log,
          history,
          gaps,
          limit,
          cursor,
          producer_id: producer,
          recorder_id: service,
        });
        if (options.json === true) parts.terminal.json(answer);
        else show(parts.terminal, answer, options.local === true);
        return EXIT.ok;
      }),
    );
}

const COLUMNS = [
  { title: "producer", shrinks: true },
  { title: "epoch", shrinks: true },
  { title: "principal" },
  { title: "state" },
  { title: "first", right: true },
  { title: "last", right: true },
  { title: "count", right: true },
  { title: "twice", right: true },
  { title: "restarts", right: true },
  { title: "last seen" },
  { title: "missing" },
];

function show(terminal: Terminal, answer: ProducersAnswer, local: boolean): void {
  const rows = answer.producers.map((run) => [
    printable(run.producer_id),
    printable(run.producer_epoch),
    printable(run.principal),
    stateText(terminal, run),
    numberText(run.first_seq),
    numberText(run.last_seq),
    grouped(run.count),
    grouped(run.duplicates),
    grouped(run.restarts),
    timeText(run.last_seen, local),
    missingText(run),
  ]);
  if (rows.length > 0) for (const line of table(COLUMNS, rows, terminal.width)) terminal.line(line);
  const runs = `${counted(rows.length, "run")} of producers`;
  const stale = answer.partial ? "; what came since is not counted yet" : "";
  const more = answer.next === null ? "" : `; more with --cursor ${answer.next}`;
  terminal.note(`${runs} as of ${timeText(answer.as_of, local)}${stale}${more}`);
}

function stateText(terminal: Terminal, { state, silent, superseded }: ProducerRun): string {
  const also = state === "gap" && silent ? ", silent" : superseded ? ", superseded" : "";
  const colour = state === "gap" ? "red" : state === "silent" ? "yellow" : "green";
  return terminal.paint(colour, `${state}${also}`);
}

const numberText = (seq: number | null): string => (seq === null ? "" : String(seq));

function missingText({ missing, gaps, more_gaps: more }: ProducerRun): string {
  if (missing === 0) return "";
  const ranges = gaps.map(({ from, to }) => (from === to ? String(from) : `${from}–${to}`));
  return `${grouped(missing)}: ${ranges.join(", ")}${more ? ", …" : ""}`;
}
