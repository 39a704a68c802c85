import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Fault } from "@tallystick/verify";
import { Command } from "commander";

import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts, FolderCheck, FolderRequest } from "./parts.ts";
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
    .option("--repair", "write again what is derived and wrong or missing; the server must be stopped")
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
          const absence = check.index.compared ? null : await whyNotCompared(request);
          return show(parts, check, absence, options.json === true);
        } finally {
          terminal.progressDone();
        }
      }),
    );
}

async function whyNotCompared({ folder, config }: FolderRequest): Promise<string> {
  if (config.config.index.url !== "")
    return "no ClickHouse server at index.url can be asked, or a server runs on the folder";
  const files = await readdir(join(folder, "index")).catch(() => []);
  return files.length === 0 ? "there is none here" : "a server has it open; stop the server first";
}

function show(
  { terminal }: CliParts,
  { verify, index, repaired }: FolderCheck,
  absence: string | null,
  asJson: boolean,
): Outcome {
  const isClean = verify.clean && index.faults.length === 0;
  const outcome = isClean ? EXIT.ok : EXIT.negative;
  if (asJson) {
    const why = absence === null ? {} : { not_compared: absence };
    terminal.json({ clean: isClean, verify, index: { ...index, ...why }, repaired });
    return outcome;
  }
  showResult(terminal, verify, false);
  for (const what of repaired) terminal.line(`repaired: ${what === "index" ? "the index" : `tiles of ${what}`}`);
  terminal.line(absence === null ? indexLine(index.faults) : `index not compared: ${absence}`);
  for (const { tree, message } of index.faults) terminal.line(`  ${tree ?? ""}: ${message}`);
  if (index.faults.length > 0) terminal.note("`tallystick reindex` builds the index anew from the journal.");
  return outcome;
}

function indexLine(faults: readonly Fault[]): string {
  return faults.length === 0
    ? "index: holds exactly what the journal holds"
    : `index: ${grouped(faults.length)} differences from the journal`;
}
