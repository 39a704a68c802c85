import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { counted, grouped } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface PlannedTree {
  readonly tree: string;
  readonly records: number;
  readonly bytes: number;
  readonly keep: string;
  readonly asked_keep: string | null;
  readonly clause: string | null;
  readonly due_at: string | null;
  readonly state: "open" | "kept" | "held" | "waiting" | "due";
  readonly why: string | null;
  readonly holds: readonly { readonly name: string; readonly records: number | null; readonly others: number | null }[];
  readonly indexed: boolean;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

export function retainCommand(parts: CliParts, run: Run): Command {
  return new Command("retain")
    .description("how long records are kept: what goes when, and a pass of the clean-up")
    .addCommand(planCommand(parts, run))
    .addCommand(runCommand(parts, run));
}

function planCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("plan").description("a dry run: what the clean-up would delete now, and when the rest is due"),
  )
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { trees } = await client.get<{ readonly trees: readonly PlannedTree[] }>("/api/retention/plan");
        const { terminal } = parts;
        if (options.json === true) terminal.json({ trees });
        else for (const line of planLines(trees, options.local === true)) terminal.line(line);
        return EXIT.ok;
      }),
    );
}

function planLines(trees: readonly PlannedTree[], local: boolean): readonly string[] {
  const columns = [
    { title: "tree" },
    { title: "records", right: true },
    { title: "MiB", right: true },
    { title: "keep" },
    { title: "due" },
    { title: "state" },
    { title: "index" },
  ];
  const rows = trees.map((one) => [
    one.tree,
    grouped(one.records),
    (one.bytes / 2 ** 20).toFixed(1),
    one.keep,
    one.due_at === null ? "" : timeText(one.due_at, local),
    stateText(one),
    one.indexed ? "yes" : "no",
  ]);
  const due = trees.filter(({ state }) => state === "due");
  const records = due.reduce((sum, one) => sum + one.records, 0);
  const total =
    due.length === 0 ? "Nothing is due." : `Due: ${counted(due.length, "tree")}, ${counted(records, "record")}.`;
  const asked = trees.flatMap((one) => (one.asked_keep === null ? [] : [askedText(one, one.asked_keep)]));
  const clauses = [...new Set(trees.flatMap(({ clause }) => (clause === null ? [] : [clause])))];
  return [...table(columns, rows, null), "", total, ...new Set(asked), ...clauses];
}

function askedText({ tree, keep }: PlannedTree, asked: string): string {
  const log = tree.split("/")[0];
  return `The configuration says ${asked} for log ${log}: ${keep} holds until it is approved (\`tallystick approvals list\`).`;
}

function stateText({ state, why, holds }: PlannedTree): string {
  if (state === "waiting") return `waiting: ${why ?? ""}`;
  if (state !== "held") return state;
  const named = holds.map(
    ({ name, records, others }) =>
      `${name} (${grouped(records ?? 0)} records, ${grouped(others ?? 0)} others stay for it)`,
  );
  return `held: ${named.join(", ")}`;
}

function runCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("run").description("start a pass of the clean-up now"))
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const answer = await client.send<{ readonly status: string }>("POST", "/api/retention/run");
        if (options.json === true) parts.terminal.json(answer);
        else parts.terminal.line("A pass was started; `tallystick retain plan` shows what is left.");
        return EXIT.ok;
      }),
    );
}
