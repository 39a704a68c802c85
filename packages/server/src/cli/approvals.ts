import { Command } from "commander";

import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { printable } from "./terminal.ts";
import { timeText } from "./time-text.ts";

interface Approval {
  readonly id: string;
  readonly action: string;
  readonly target: string;
  readonly reason: string;
  readonly state: string;
  readonly proposed_by: string;
  readonly proposed_at: string;
  readonly decided_by: string | null;
  readonly outcome: string | null;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

export function approvalsCommand(parts: CliParts, run: Run): Command {
  return new Command("approvals")
    .description(
      "see, approve and reject what needs a second administrator: erasures, released holds, retention, responses",
    )
    .addCommand(listCommand(parts, run))
    .addCommand(decisionCommand(parts, run, "approve", "approve what somebody else proposed, and have it carried out"))
    .addCommand(decisionCommand(parts, run, "reject", "reject a proposal, or take your own back"));
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list what was proposed, and what became of it"))
    .option("--pending", "only what waits")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options & { pending?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const found = await client.get<{
          readonly approvals: readonly Approval[];
          readonly approvers: readonly string[];
        }>("/api/approvals", options.pending === true ? { state: "pending" } : {});
        if (options.json === true) parts.terminal.json(found);
        else show(parts, found.approvals, found.approvers, options.local === true);
        return EXIT.ok;
      }),
    );
}

function show(
  { terminal }: CliParts,
  approvals: readonly Approval[],
  approvers: readonly string[],
  local: boolean,
): void {
  const columns = ["id", "action", "of", "proposed", "by", "reason", "state"].map((title) => ({ title }));
  const rows = approvals.map((one) => [
    one.id,
    one.action,
    printable(one.target),
    timeText(one.proposed_at, local),
    printable(one.proposed_by),
    printable(one.reason),
    one.outcome === null ? one.state : `${one.state}: ${printable(one.outcome)}`,
  ]);
  for (const line of table(columns, rows, null)) terminal.line(line);
  terminal.note(`Approved by: ${approvers.map(printable).join(", ")}`);
}

function decisionCommand(parts: CliParts, run: Run, word: "approve" | "reject", description: string): Command {
  return addTargetOptions(new Command(word).description(description).argument("<id>", "the proposal's id"))
    .option("--json", "as JSON")
    .action((id: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const approval = await client.send<Approval>("POST", `/api/approvals/${encodeURIComponent(id)}/${word}`);
        if (options.json === true) parts.terminal.json(approval);
        else
          parts.terminal.line(
            `${approval.id} is ${approval.state}${approval.outcome === null ? "" : `: ${printable(approval.outcome)}`}`,
          );
        return EXIT.ok;
      }),
    );
}
