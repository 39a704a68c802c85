import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";

import type { SigningRotation } from "../control/signing-rotation.ts";
import type { Rewrapped } from "../kms/kms.ts";
import { connectTo } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, DEFAULT_DATA_FOLDER, findTarget, isRunning } from "./target.ts";
import type { TargetOptions } from "./target.ts";

interface RotateOptions extends TargetOptions {
  readonly signing?: boolean;
  readonly overlap: number;
  readonly config?: string;
  readonly json?: boolean;
}

/** A running server rotates beside its work; a stopped one's folder is worked on from here. */
export function rotateCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("rotate").description("make a new KMS key and wrap every data key with it; no segment is rewritten"),
  )
    .option("--signing", "instead: a new key for checkpoints; both sign for a while, and the log tells strangers")
    .option("--overlap <days>", "with --signing: days for which both keys sign, 0 to 366", days, DEFAULT_OVERLAP_DAYS)
    .option("--config <file>", "for a stopped server: its configuration file")
    .option("--json", "as JSON")
    .action((options: RotateOptions) =>
      run(async () => {
        if (options.signing === true) return rotateSigning(parts, options);
        const rotated = (await isRunning(parts, options))
          ? await connectTo(await findTarget(parts, options), parts.fetch).send<Rewrapped>("POST", "/api/kms/rotate")
          : await parts.folder.rotate(await folderOf(parts, options.data, options.config));
        show(parts, rotated, options.json === true);
        return EXIT.ok;
      }),
    );
}

const DEFAULT_OVERLAP_DAYS = 30;
const MAX_OVERLAP_DAYS = 366;
const DAY_S = 86_400;

function days(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0 || value > MAX_OVERLAP_DAYS)
    throw new InvalidArgumentError(`Give a number of days from 0 to ${MAX_OVERLAP_DAYS}.`);
  return value;
}

interface Succession {
  readonly before: string;
  readonly after: string;
  readonly until: string;
}

async function rotateSigning(parts: CliParts, options: RotateOptions): Promise<Outcome> {
  const overlapS = Math.round(options.overlap * DAY_S);
  const { before, after, until } = (await isRunning(parts, options))
    ? await connectTo(await findTarget(parts, options), parts.fetch).send<Succession>(
        "POST",
        "/api/signing-key/rotate",
        {
          overlap_s: overlapS,
        },
      )
    : asText(await parts.folder.rotateSigning(await folderOf(parts, options.data, options.config), overlapS * 1_000));
  const { terminal } = parts;
  if (options.json === true) terminal.json({ before, after, until });
  else {
    terminal.line(after);
    terminal.note(`Checkpoints are signed by this key (public half, base64), and by ${before} until ${until}.`);
    terminal.note("Who knows the old key follows by itself; give new verifiers the key that /api/trees names.");
  }
  return EXIT.ok;
}

function asText({ before, after, until }: SigningRotation): Succession {
  return { before: Buffer.from(before).toString("base64"), after: Buffer.from(after).toString("base64"), until };
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
