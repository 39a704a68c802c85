import { Command, CommanderError } from "commander";

import { alertsCommand } from "./alerts.ts";
import { aliasesCommand } from "./aliases.ts";
import { approvalsCommand } from "./approvals.ts";
import { asCommandError } from "./command-error.ts";
import { backupCommand, restoreCommand } from "./backup.ts";
import { bottlenecksCommand } from "./bottlenecks.ts";
import { certsCommand } from "./certs.ts";
import { configCommand } from "./config.ts";
import { coverageCommand } from "./coverage.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { eraseCommand } from "./erase.ts";
import { EXIT, EXIT_CODES_TEXT } from "./exit-codes.ts";
import { exportCommand } from "./export.ts";
import { fsckCommand } from "./fsck.ts";
import { graphCommand } from "./graph.ts";
import { holdCommand } from "./hold.ts";
import { credentialsCommand } from "./credentials.ts";
import { keysCommand } from "./keys.ts";
import { loginCommand, logoutCommand } from "./login.ts";
import { loginLinkCommand } from "./login-link.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { producersCommand } from "./producers.ts";
import { partiesCommand } from "./parties.ts";
import { proveCommand } from "./prove.ts";
import { reindexCommand } from "./reindex.ts";
import { respondCommand } from "./respond.ts";
import { retainCommand } from "./retain.ts";
import { rulesCommand } from "./rules.ts";
import { searchCommand } from "./search.ts";
import { secretsCommand } from "./secrets.ts";
import { serveCommand } from "./serve.ts";
import { silenceCommand } from "./silence.ts";
import { tailCommand } from "./tail.ts";
import { tallyCommand } from "./tally.ts";
import { timelineCommand } from "./timeline.ts";
import { traceCommand } from "./trace.ts";
import { detectorsCommand } from "./detectors.ts";
import { usersCommand } from "./users.ts";
import { verifyCommand } from "./verify.ts";
import { versionCommand } from "./version.ts";

const COMMANDS = [
  serveCommand,
  demoCommand,
  searchCommand,
  tailCommand,
  tallyCommand,
  traceCommand,
  timelineCommand,
  bottlenecksCommand,
  exportCommand,
  producersCommand,
  alertsCommand,
  silenceCommand,
  respondCommand,
  detectorsCommand,
  graphCommand,
  proveCommand,
  verifyCommand,
  fsckCommand,
  reindexCommand,
  retainCommand,
  backupCommand,
  restoreCommand,
  holdCommand,
  rulesCommand,
  coverageCommand,
  aliasesCommand,
  partiesCommand,
  eraseCommand,
  keysCommand,
  credentialsCommand,
  secretsCommand,
  usersCommand,
  approvalsCommand,
  loginCommand,
  logoutCommand,
  certsCommand,
  loginLinkCommand,
  doctorCommand,
  configCommand,
  versionCommand,
];

/** Runs one command line; the exit code. Nothing is thrown. */
export async function runCommandLine(parts: CliParts, words: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const asJson = words.includes("--json");
  const run: Run = async (work) => {
    try {
      exitCode = await work();
    } catch (error) {
      exitCode = report(parts, error, asJson);
    }
  };
  const program = buildProgram(parts, run);
  for (const command of allOf(program)) {
    command
      .exitOverride()
      .showSuggestionAfterError()
      .configureOutput({
        writeOut: (text) => parts.terminal.line(text.trimEnd()),
        writeErr: (text) => parts.terminal.note(text.trimEnd()),
      });
  }
  try {
    await program.parseAsync([...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(parts, error, asJson);
    return error.exitCode === 0 ? EXIT.ok : EXIT.failed;
  }
  return exitCode;
}

/** Every command there is, not run yet. */
export function buildProgram(parts: CliParts, run: Run): Command {
  const program = new Command("tallystick")
    .description("The audit log for machine-to-machine traffic.")
    .version(parts.version)
    .addHelpText("after", `\n${EXIT_CODES_TEXT}`);
  for (const make of COMMANDS) program.addCommand(make(parts, run));
  return program;
}

function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

function report({ terminal }: CliParts, error: unknown, asJson: boolean): number {
  const { message, hint, code, exitCode } = asCommandError(error);
  terminal.progressDone();
  if (asJson) terminal.json({ error: { code, message, hint } });
  else {
    terminal.note(`${terminal.paint("red", "tallystick:")} ${message}`);
    if (hint !== null) terminal.note(`  ${hint}`);
  }
  return exitCode;
}
