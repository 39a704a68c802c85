import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";

import type { Config } from "../config/schema.ts";
import { MIN_FREE_BYTES } from "../journal/limits.ts";
import { connectTo } from "./client.ts";
import { asCommandError } from "./command-error.ts";
import { bad, good, warning } from "./doctor-checks.ts";
import type { Check } from "./doctor-checks.ts";
import { backupCheck, clockCheck, modeChecks, peopleChecks, retiredKeyChecks, tlsCheck } from "./doctor-weaknesses.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { secureFetch } from "./secure-fetch.ts";
import { DEFAULT_DATA_FOLDER, runFileOf } from "./target.ts";
import type { Running } from "./target.ts";
import type { Style } from "./terminal.ts";

interface DoctorOptions {
  readonly data: string;
  readonly config?: string;
  readonly backup?: string;
  readonly json?: boolean;
}

export function doctorCommand(parts: CliParts, run: Run): Command {
  return new Command("doctor")
    .description("look at the machine, the configuration, the data folder and the running server")
    .option("--data <folder>", "data folder", DEFAULT_DATA_FOLDER)
    .option("--config <file>", "configuration file")
    .option("--backup <folder>", "where a copy of the data folder should be")
    .option("--json", "as JSON")
    .action((options: DoctorOptions) =>
      run(async () => {
        const { config, base } = await loadConfig(parts, options.config);
        const folder = resolve(options.data);
        const checks = [
          ...machineChecks(),
          good(
            "configuration",
            options.config === undefined ? "defaults and environment" : `${options.config} is valid`,
          ),
          ...(await parts.folder.examine({ folder, config, base })),
          ...(await modeChecks(folder, config.config, base)),
          ...(await retiredKeyChecks(kmsFileOf(folder, config.config, base))),
          tlsCheck(config.config),
          await clockCheck(),
          await backupCheck(folder, options.backup, Date.now()),
          ...(await serverChecks(parts, folder, config.config)),
        ];
        const isBad = checks.some((check) => check.state === "bad");
        if (options.json === true) parts.terminal.json({ healthy: !isBad, checks });
        else for (const check of checks) show(parts, check);
        return isBad ? EXIT.negative : EXIT.ok;
      }),
    );
}

const MARKS: Readonly<Record<Check["state"], readonly [mark: string, style: Style]>> = {
  good: ["✓", "green"],
  warning: ["!", "yellow"],
  bad: ["✗", "red"],
};

function show({ terminal }: CliParts, { name, state, says, hint }: Check): void {
  const [mark, style] = MARKS[state];
  terminal.line(`${terminal.paint(style, mark)} ${name}: ${says}`);
  if (hint !== undefined) terminal.line(`    ${terminal.paint("dim", hint)}`);
}

function machineChecks(): readonly Check[] {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNew = major > 20 || (major === 20 && minor >= 19);
  const node = isNew
    ? good("node", process.version)
    : bad("node", `${process.version} is too old`, "Install Node 20.19 or newer.");
  const { glibcVersionRuntime: glibc } = (
    process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } }
  ).header;
  const hasEngine = process.platform === "darwin" || (process.platform === "linux" && glibc !== undefined);
  const says = `${process.platform} ${process.arch}${glibc === undefined ? "" : `, glibc ${glibc}`}`;
  const engine = hasEngine
    ? good("machine", says)
    : bad("machine", says, "The embedded engine needs Linux with glibc or macOS; name a ClickHouse with index.url.");
  return [node, engine];
}

function kmsFileOf(folder: string, { kms }: Config, base: string): string {
  return kms.file === "" ? join(folder, "kms.key") : resolve(base, kms.file);
}

interface Status {
  readonly version: string;
  readonly trees: readonly {
    readonly tree: string;
    readonly journaled: number;
    readonly published: number;
    readonly indexed: number;
  }[];
  readonly index: { readonly state: string; readonly trouble?: string | null };
  readonly checkpoints?: { readonly troubles: readonly CheckpointTrouble[] };
  readonly intake?: { readonly refused: readonly RefusedLog[] };
  readonly disk: { readonly free_bytes: number; readonly days_until_full: number | null };
}

interface RefusedLog {
  readonly log: string;
  readonly reason: string;
  readonly says: string;
}

const FEW_DAYS = 14;
const MUCH_LAG = 1_000_000;

async function serverChecks(parts: CliParts, folder: string, config: Config): Promise<readonly Check[]> {
  const running = await runFileOf(folder);
  if (running === null) return [good("server", "does not run on this folder")];
  const { url, certificate_sha256: certificate = null } = JSON.parse(running) as Running;
  const ownFetch = (await secureFetch(parts, {}, certificate)) ?? undefined;
  const token = await readFile(join(folder, "admin.token"), "utf8").catch(() => "");
  try {
    const client = connectTo({ url, token: token.trim(), fetch: ownFetch }, parts.fetch);
    return [...statusChecks(url, await client.get<Status>("/api/status")), ...(await peopleChecks(client, config))];
  } catch (error) {
    const { message, hint } = asCommandError(error);
    return [
      bad("server", `run.json names ${url}: ${message}`, hint ?? "The server was killed or hangs; start it again."),
    ];
  }
}

interface CheckpointTrouble {
  readonly step: string;
  readonly since: string;
  readonly reason: string;
}

function checkpointChecks({ checkpoints }: Status): readonly Check[] {
  return (checkpoints?.troubles ?? []).map(({ step, since, reason }) =>
    step === "publish"
      ? bad("checkpoints", `none is published since ${since}: ${reason}`, "Records are kept meanwhile; see the log.")
      : bad(
          "witness",
          `no checkpoint reaches ${step} since ${since}: ${reason}`,
          "Start what is to take it, or name another place in ledger.copies; the newest is sent once it answers.",
        ),
  );
}

function indexCheck({ state, trouble = null }: Status["index"]): Check {
  if (trouble !== null)
    return bad("index", `${state}: ${trouble}`, "Records are taken and kept; they are searchable once it answers.");
  return state === "ready"
    ? good("index", "ready")
    : warning("index", state, "It comes by itself; `tallystick reindex` rebuilds it.");
}

function statusChecks(url: string, status: Status): readonly Check[] {
  const { version, trees, index, disk } = status;
  const lag = Math.max(
    0,
    ...trees.map(({ journaled, indexed, published }) => journaled - Math.min(indexed, published)),
  );
  return [
    good("server", `${version} answers at ${url}`),
    indexCheck(index),
    ...intakeChecks(status),
    ...checkpointChecks(status),
    lag < MUCH_LAG
      ? good("followers", `at most ${lag} records behind`)
      : warning(
          "followers",
          `${lag} records behind`,
          "More comes in than ledger or index take; look at the server's log.",
        ),
    diskCheck(disk),
  ];
}

const MAKE_ROOM = "Make room; the server goes on by itself within seconds.";
const REFUSAL_HINTS: Readonly<Record<string, string>> = {
  full: MAKE_ROOM,
  locked: "Make the KMS answer; the next record is taken then.",
};

function intakeChecks({ intake }: Status): readonly Check[] {
  return (intake?.refused ?? []).map(({ log, reason, says }) =>
    bad("intake", `the log ${log} takes no records: ${says}`, REFUSAL_HINTS[reason] ?? "The server's log says why."),
  );
}

function diskCheck({ free_bytes: freeBytes, days_until_full: days }: Status["disk"]): Check {
  if (freeBytes < MIN_FREE_BYTES) return bad("disk", "full: producers get 503", MAKE_ROOM);
  if (days === null || days > FEW_DAYS) return good("disk", "not filling up soon");
  return warning("disk", `full in ${days} days at this rate`, "Make room, or let less be kept.");
}
