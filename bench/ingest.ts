/**
 * Records a second, end to end: acknowledged after fsync, and at the end integrated, published, indexed and
 * searchable. The loader runs on the same cores. `npm run bench -- ingest --records 2000000 [--only spine|everything]
 * [--batch 1000] [--connections 4] [--keep DIR]`
 *
 * Two loads, one after the other: of the spine (intake, journal, ledger, index) by itself, whose figures come first,
 * and of everything that a server does unless it is told otherwise, with tally, rules, detectors and baselines. `keep`:
 * where the data folder of the last load stays.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { caughtUp, startServer } from "../integrity/running-server.ts";
import { generator, RECORD_BYTES } from "./generator.ts";
import { measuring } from "./load-figures.ts";
import { runLoader } from "./load.ts";
import type { LoadOrder } from "./loader.ts";
import { folderBytes, quantile, rounded } from "./measure.ts";

const CATCH_UP_TIMEOUT_MS = 600_000;

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "2000000" },
    batch: { type: "string", default: "1000" },
    connections: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    "step-us": { type: "string", default: "20" },
    only: { type: "string" },
    keep: { type: "string" },
  },
});
const RECORDS = Number(options.records);
const MILLIONS = RECORDS / 1e6;

type What = "spine" | "everything";

const OFF = {
  TALLYSTICK_TALLY_ENABLED: "false",
  TALLYSTICK_RULES_ENABLED: "false",
  TALLYSTICK_DETECTORS_ENABLED: "false",
};

async function main(): Promise<void> {
  const { only, keep } = options;
  assert(only === undefined || only === "spine" || only === "everything", "--only is `spine` or `everything`");
  const spine = only === "everything" ? null : await inFolder("spine", only === "spine" ? keep : undefined);
  const everything = only === "spine" ? null : await inFolder("everything", keep);
  const result = { bench: "ingest", records: RECORDS, ...spine, ...(everything === null ? {} : { everything }) };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

async function inFolder(what: What, keep: string | undefined) {
  const data = keep ?? mkdtempSync(join(tmpdir(), "tallystick-bench-"));
  try {
    return await measure(what, data);
  } finally {
    if (keep === undefined) rmSync(data, { recursive: true, force: true });
  }
}

async function measure(what: What, data: string) {
  const server = await startServer(data, { env: what === "spine" ? OFF : {} });
  const stepUs = Number(options["step-us"]);
  const order: LoadOrder = {
    url: server.url,
    token: server.token,
    what: "records",
    records: RECORDS,
    batch: Number(options.batch),
    connections: Number(options.connections),
    seed: Number(options.seed),
    startMs: Date.now() - (RECORDS * stepUs) / 1_000,
    stepUs,
  };
  const loadFigures = measuring(server);
  const report = await runLoader(order, (n) => process.stderr.write(`\r${n} acknowledged, ${what}`));
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const last = generator(order.seed, order.startMs, stepUs).requestId(RECORDS - 1);
  const found = await server.json<{ readonly records: readonly unknown[] }>(`/api/search?q=request_id:${last}`);
  const { ack_p99_ms: p99, ...load } = loadFigures(report);
  process.stderr.write("\n");
  const metrics = await (await server.fetch("/metrics")).text();
  const exitCode = await server.stop();
  const kept = (part: string): number => rounded(folderBytes(join(data, part)) / RECORDS);
  const disk = { journal: kept("journal"), ledger: kept("ledger"), index: kept("index") };
  return {
    last_record_found: found.records.length === 1,
    ...load,
    ack_ms: {
      p50: rounded(quantile(report.latenciesMs, 0.5)),
      p99,
      max: rounded(report.latenciesMs.at(-1) ?? 0),
    },
    pushbacks: report.pushbacks,
    disk_bytes_per_record: disk,
    disk_share_of_raw: rounded((disk.journal + disk.ledger + disk.index) / RECORD_BYTES, 3),
    cpu_seconds_per_million: {
      ...load.cpu_seconds_per_million,
      loader: rounded(report.cpuSeconds / MILLIONS),
      by_task: taskSeconds(metrics),
    },
    raw_bytes_per_record: rounded(report.rawBytes / RECORDS),
    exit_code: exitCode,
  };
}

/** Seconds each compute task took, from the server's own metrics. */
function taskSeconds(metrics: string): Readonly<Record<string, number>> {
  const found = [...metrics.matchAll(/^tallystick_task_seconds_total\{task="([^"]+)"\} (\S+)/gm)];
  return Object.fromEntries(found.map(([, task = "", seconds]) => [task, rounded(Number(seconds) / MILLIONS, 2)]));
}

await main();
