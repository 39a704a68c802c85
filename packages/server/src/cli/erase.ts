import { Command, Option } from "commander";

import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { counted } from "./terminal.ts";

interface Answer {
  readonly records: number;
  readonly bodies: number;
  readonly leaves: number;
  readonly already_erased: number;
  readonly own_records: number;
  readonly own_kept: readonly string[];
  readonly first_received_at: string | null;
  readonly last_received_at: string | null;
  readonly approval: string | null;
  readonly state: string;
  readonly outcome: string | null;
  readonly backups: readonly string[];
}

interface Options extends TargetOptions {
  readonly subject?: string;
  readonly record?: readonly string[];
  readonly part?: string;
  readonly leaf?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function eraseCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("erase").description("erase sealed bodies; without --yes it only says which"))
    .option("--subject <ref>", "all bodies of records about this person (subject_refs)")
    .option("--record <tree/index...>", "bodies of these records, as default/2026-11/17")
    .addOption(new Option("--part <part>", "only this body of the records").choices(["request", "response"]))
    .option("--leaf", "the records themselves, with their bodies; hash and place of each stay")
    .option("--reason <text>", "why; it stands in the log for ever")
    .option("--yes", "erase, or propose it where a second person must agree")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const { subject, record, part, leaf, reason, yes = false } = options;
        if (yes && reason === undefined)
          throw new CommandError("An erasure needs a reason.", { code: "bad_request", hint: "Give --reason." });
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const answer = await client.send<Answer>("POST", "/api/erasures", {
          ...(subject === undefined ? {} : { subject }),
          ...(record === undefined ? {} : { records: record }),
          ...(part === undefined ? {} : { parts: [part] }),
          ...(leaf === undefined ? {} : { leaf }),
          reason: reason ?? "dry run",
          dry_run: !yes,
        });
        if (options.json === true) parts.terminal.json(answer);
        else show(parts, answer);
        return answer.state === "failed" ? EXIT.failed : EXIT.ok;
      }),
    );
}

function show({ terminal }: CliParts, answer: Answer): void {
  const leaves = answer.leaves === 0 ? "" : ` and ${counted(answer.leaves, "leaf", "leaves")}`;
  const what = `${counted(answer.bodies, "body", "bodies")}${leaves} of ${counted(answer.records, "record")}`;
  const period = answer.records === 0 ? "" : `, received ${answer.first_received_at} to ${answer.last_received_at}`;
  const before = answer.already_erased === 0 ? "" : `; ${answer.already_erased} were erased before`;
  terminal.line(`${what}${period}${before}`);
  if (answer.own_records > 0)
    terminal.line(`and ${answer.own_records} of Tallystick's own records that say what only these leaves said`);
  if (answer.own_kept.length > 0)
    terminal.note(`It stays in what people decided: ${answer.own_kept.join(", ")}. Change or end that yourself.`);
  for (const backup of answer.backups)
    terminal.note(`A backup still holds the bytes: ${backup}. Make a new one there; a restore applies the erasure.`);
  switch (answer.state) {
    case "dry_run":
      return terminal.note("Nothing was erased. Repeat it with --reason and --yes to erase.");
    case "pending":
      return terminal.note(`A second person must agree: tallystick approvals approve ${answer.approval}`);
    case "approved":
      return terminal.note(`It is approved and will be carried out (${answer.approval}).`);
    default:
      return terminal.note(`${answer.state}: ${answer.outcome ?? ""} (${answer.approval})`);
  }
}
