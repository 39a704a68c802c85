import { resolve } from "node:path";
import { Command } from "commander";

import type { Rewrapped } from "../kms/kms.ts";
import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, DEFAULT_DATA_FOLDER, findTarget, isRunning } from "./target.ts";
import type { TargetOptions } from "./target.ts";

interface RotateOptions extends TargetOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** A running server rotates beside its work; a stopped one's folder is worked on from here. */
export function rotateCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("rotate").description("make a new KMS key and wrap every data key with it; no segment is rewritten"),
  )
    .option("--config <file>", "for a stopped server: its configuration file")
    .option("--json", "as JSON")
    .action((options: RotateOptions) =>
      run(async () => {
        const rotated = (await isRunning(parts, options))
          ? await connectTo(await findTarget(parts, options), parts.fetch).send<Rewrapped>("POST", "/api/kms/rotate")
          : await parts.folder.rotate(await folderOf(parts, options.data, options.config));
        show(parts, rotated, options.json === true);
        return EXIT.ok;
      }),
    );
}

interface RewrapOptions {
  readonly data?: string;
  readonly config?: string;
  readonly to: string;
  readonly json?: boolean;
}

export function rewrapCommand(parts: CliParts, run: Run): Command {
  return new Command("rewrap")
    .description("move every data key to another KMS, while no server runs; no segment is rewritten")
    .requiredOption("--to <file>", "configuration file whose `kms` the keys go to")
    .option("--data <folder>", "the data folder", DEFAULT_DATA_FOLDER)
    .option("--config <file>", "configuration file whose `kms` the keys are under now")
    .option("--json", "as JSON")
    .action((options: RewrapOptions) =>
      run(async () => {
        const from = await folderOf(parts, options.data, options.config);
        const rewrapped = await parts.folder.rewrap(from, await folderOf(parts, options.data, options.to));
        show(parts, rewrapped, options.json === true);
        return EXIT.ok;
      }),
    );
}

async function folderOf(parts: CliParts, data: string | undefined, file: string | undefined) {
  const { config, base } = await loadConfig(parts, file);
  return { folder: resolve(data ?? DEFAULT_DATA_FOLDER), config, base };
}

function show({ terminal }: CliParts, { before, kms, keys }: Rewrapped, asJson: boolean): void {
  if (asJson) return terminal.json({ before, kms, keys });
  terminal.line(`${keys} keys are wrapped under ${kms}`);
  if (before === kms) return;
  terminal.note(`${before} is no longer used. Backups made until now need it: keep it away from the data, or destroy`);
  terminal.note("it when no such backup is left. Make a backup now.");
}
