import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";

import { connectTo } from "./client.ts";
import type { Client } from "./client.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, DEFAULT_DATA_FOLDER, findTarget, isRunning } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { grouped, progressBar } from "./terminal.ts";

const POLL_MS = 250;

interface ReindexOptions extends TargetOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly epoch?: string;
  readonly for?: string;
}

type Show = (done: number, total: number) => void;

/** A running server builds it anew beside its work; a stopped one's folder is worked on from here. */
export function reindexCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("reindex").description("drop the search index and build it anew from the journal"),
  )
    .option("--config <file>", "for a stopped server: its configuration file")
    .option("--epoch <tree>", "instead: bring an epoch that left the index back for a time, as default/2026-01")
    .option("--for <period>", "with --epoch: how long, as 30 days; a week by default")
    .option("--json", "the result as JSON")
    .action((options: ReindexOptions) =>
      run(async () => {
        const { terminal } = parts;
        if (options.epoch !== undefined) return bringBack(parts, options, options.epoch);
        const show: Show = (done, total) => terminal.progress(progressBar(done, total, "records"));
        try {
          const indexed = (await isRunning(parts, options))
            ? await reindexServer(connectTo(await findTarget(parts, options), parts.fetch), show)
            : await reindexFolder(parts, options, show);
          terminal.progressDone();
          if (options.json === true) terminal.json({ indexed });
          else terminal.line(`indexed ${grouped(indexed)} records`);
          return EXIT.ok;
        } finally {
          terminal.progressDone();
        }
      }),
    );
}

async function bringBack(parts: CliParts, options: ReindexOptions, tree: string): Promise<Outcome> {
  const client = connectTo(await findTarget(parts, options), parts.fetch);
  const body = { tree, ...(options.for && { for: options.for }) };
  const answer = await client.send<{ readonly tree: string; readonly until: string }>(
    "POST",
    "/api/retention/index",
    body,
  );
  if (options.json === true) parts.terminal.json(answer);
  else parts.terminal.line(`${answer.tree} is indexed again, until ${answer.until}`);
  return EXIT.ok;
}

async function reindexFolder(parts: CliParts, { data, config: file }: ReindexOptions, show: Show): Promise<number> {
  const { config, base } = await loadConfig(parts, file);
  return parts.folder.reindex({ folder: resolve(data ?? DEFAULT_DATA_FOLDER), config, base }, show);
}

interface Status {
  readonly trees: readonly { readonly tree: string; readonly journaled: number; readonly indexed: number }[];
  readonly index: { readonly state: string };
}

/** Until the index holds what was journaled when it was asked for. */
async function reindexServer(client: Client, show: Show): Promise<number> {
  const { trees: wanted } = await client.get<Status>("/api/status");
  const total = wanted.reduce((sum, { journaled }) => sum + journaled, 0);
  await client.send("POST", "/api/reindex");
  for (;;) {
    await sleep(POLL_MS);
    const { trees, index } = await client.get<Status>("/api/status");
    const held = new Map(trees.map(({ tree, indexed }) => [tree, indexed]));
    const done = wanted.reduce((sum, { tree, journaled }) => sum + Math.min(journaled, held.get(tree) ?? 0), 0);
    show(done, total);
    if (index.state === "ready" && done === total) return total;
  }
}
