import { resolve } from "node:path";
import type { Fault } from "@tallystick/verify";
import { Command } from "commander";

import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts, FolderCheck } from "./parts.ts";
import { DEFAULT_DATA_FOLDER } from "./target.ts";
import { grouped } from "./terminal.ts";
import { showResult } from "./verify.ts";

interface FsckOptions {
  readonly data: string;
  readonly config?: string;
  readonly repair?: boolean;
  readonly json?: boolean;
}

export function fsckCommand(parts: CliParts, run: Run): Command {
  return new Command("fsck")
    .description("verify a local data folder, compare the index with the journal, and repair what is derived")
    .option("--data <folder>", "data folder", DEFAULT_DATA_FOLDER)
    .option("--config <file>", "configuration file")
    .option("--repair", "write derived files again that are wrong; the server must be stopped")
    .option("--json", "the result as JSON")
    .action((options: FsckOptions) =>
      run(async () => {
        const { config, base } = await loadConfig(parts, options.config);
        const { terminal } = parts;
        try {
          const request = { folder: resolve(options.data), config, base };
          const check = await parts.folder.check(request, options.repair === true, (tree, leaves) =>
            terminal.progress(`${grouped(leaves)} leaves checked, in ${tree}`),
          );
          terminal.progressDone();
          return show(parts, check, options.json === true);
        } finally {
          terminal.progressDone();
        }
      }),
    );
}

function show({ terminal }: CliParts, { verify, index, repaired }: FolderCheck, asJson: boolean): Outcome {
  const isClean = verify.clean && index.faults.length === 0;
  const outcome = isClean ? EXIT.ok : EXIT.negative;
  if (asJson) {
    terminal.json({ clean: isClean, verify, index, repaired });
    return outcome;
  }
  showResult(terminal, verify, false);
  for (const tree of repaired) terminal.line(`repaired: tiles of ${tree}`);
  terminal.line(
    index.compared ? indexLine(index.faults) : "index not compared: there is none here, or a server has it open",
  );
  for (const { tree, message } of index.faults) terminal.line(`  ${tree ?? ""}: ${message}`);
  if (index.faults.length > 0) terminal.note("`tallystick reindex` builds the index anew from the journal.");
  return outcome;
}

function indexLine(faults: readonly Fault[]): string {
  return faults.length === 0
    ? "index: holds exactly what the journal holds"
    : `index: ${grouped(faults.length)} differences from the journal`;
}
