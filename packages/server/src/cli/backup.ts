import { resolve } from "node:path";
import { summarise } from "@tallystick/verify";
import { Command } from "commander";

import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Run } from "./outcome.ts";
import type { CliParts, FolderRequest } from "./parts.ts";
import { DEFAULT_DATA_FOLDER } from "./target.ts";
import { counted, grouped, progressBar } from "./terminal.ts";

interface Options {
  readonly data?: string;
  readonly config?: string;
  readonly json?: boolean;
}

interface RestoreOptions extends Options {
  readonly erasures?: string;
  readonly acceptLoss?: boolean;
}

export function backupCommand(parts: CliParts, run: Run): Command {
  return folderOptions(
    new Command("backup")
      .description(
        "copy a data folder as it lies, sealed, beside a running server; again into the same folder: what is new",
      )
      .argument("<folder>", "where it goes: an empty folder, or the backup before"),
  ).action((target: string, options: Options) =>
    run(async () => {
      const { terminal } = parts;
      const show = (files: number, bytes: number): void =>
        terminal.progress(`${grouped(files)} files, ${mib(bytes)} MiB copied`);
      const request = await requestOf(parts, options);
      const made = await parts.folder.backup(request, resolve(target), show);
      terminal.progressDone();
      if (options.json === true) terminal.json(made);
      else {
        const leaves = made.trees.reduce((sum, { size }) => sum + size, 0);
        terminal.line(`${counted(made.files, "file")}, ${mib(made.bytes)} MiB; ${mib(made.copiedBytes)} MiB were new`);
        const [trees, records] = [counted(made.trees.length, "tree"), counted(leaves, "record")];
        terminal.line(`${trees} with ${records} under checkpoints`);
        terminal.note("The KMS key is not in it: without that key nobody reads the backup. Keep it elsewhere.");
      }
      return EXIT.ok;
    }),
  );
}

export function restoreCommand(parts: CliParts, run: Run): Command {
  return folderOptions(
    new Command("restore")
      .description("make a data folder of a backup: its trees are closed where the backup ends, and new ones follow")
      .argument("<folder>", "the backup"),
  )
    .option("--accept-loss", "also when the head store elsewhere knows records that the backup does not have")
    .option(
      "--erasures <folder>",
      "signed erasures that were made after the backup, beside those in the backup's folder",
    )
    .action((source: string, options: RestoreOptions) =>
      run(async () => {
        const { terminal } = parts;
        const request = await requestOf(parts, options);
        const { erasures, acceptLoss } = options;
        const wishes = {
          source: resolve(source),
          erasures: erasures === undefined ? null : resolve(erasures),
          acceptLoss: acceptLoss === true,
        };
        const show = (done: number, total: number): void => terminal.progress(progressBar(done, total, "files"));
        const restored = await parts.folder.restore(request, wishes, show);
        terminal.progressDone();
        const known = { vkey: null, since: null, integrityKey: null };
        const verified = await parts.folder.verify(request, known, () => undefined);
        if (options.json === true) terminal.json({ ...restored, verify: verified });
        else {
          for (const { closed, size, next, lost } of restored.logs) {
            const gone = lost > 0 ? `, ${grouped(lost)} records are known to be lost` : "";
            const was = closed === null ? "nothing was backed up" : `${closed} is closed with ${grouped(size)} records`;
            terminal.line(`${was}${gone}; ${next} follows`);
          }
          if (restored.erasures > 0) terminal.line(`${grouped(restored.erasures)} later erasures are carried out`);
          for (const line of summarise(verified)) terminal.line(line);
        }
        return verified.clean ? EXIT.ok : EXIT.negative;
      }),
    );
}

function folderOptions(command: Command): Command {
  return command
    .option("--data <folder>", `the data folder (default: ${DEFAULT_DATA_FOLDER})`)
    .option("--config <file>", "its configuration file")
    .option("--json", "as JSON");
}

async function requestOf(parts: CliParts, { data, config: file }: Options): Promise<FolderRequest> {
  const { config, base } = await loadConfig(parts, file);
  return { folder: resolve(data ?? DEFAULT_DATA_FOLDER), config, base };
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
