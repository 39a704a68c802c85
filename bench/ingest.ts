/**
 * Records a second, end to end: acknowledged after fsync, and at the end integrated, published, indexed and
 * searchable. The loader runs on the same cores. `npm run bench -- ingest --records 2000000 [--batch 1000]
 * [--connections 4] [--keep DIR]`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { caughtUp, startServer } from "../integrity/running-server.ts";
import { generator, RECORD_BYTES } from "./generator.ts";
import { runLoader } from "./load.ts";
import type { LoadOrder } from "./loader.ts";
import { cpuSeconds, folderBytes, quantile, residentBytes, rounded } from "./measure.ts";

const CATCH_UP_TIMEOUT_MS = 600_000;

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "2000000" },
    batch: { type: "string", default: "1000" },
    connections: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    "step-us": { type: "string", default: "20" },
    keep: { type: "string" },
  },
});

async function main(): Promise<void> {
  const records = Number(options.records);
  const data = options.keep ?? mkdtempSync(join(tmpdir(), "tallystick-bench-"));
  const server = await startServer(data);
  const startMs = Date.now() - (records * Number(options["step-us"])) / 1_000;
  const order: LoadOrder = {
    url: server.url,
    token: server.token,
    what: "records",
    records,
    batch: Number(options.batch),
    connections: Number(options.connections),
    seed: Number(options.seed),
    startMs,
    stepUs: Number(options["step-us"]),
  };
  const engine = server.children()[0] ?? 0;
  const before = { server: cpuSeconds(server.pid), engine: cpuSeconds(engine) };
  const started = performance.now();
  const report = await runLoader(order, (n) => process.stderr.write(`\r${n} acknowledged`));
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  const last = generator(order.seed, startMs, order.stepUs).requestId(records - 1);
  const found = await server.json<{ readonly records: readonly unknown[] }>(`/api/search?q=request_id:${last}`);
  const elapsedMs = performance.now() - started;
  process.stderr.write("\n");
  const memory = residentBytes(server.pid);
  const cpu = { server: cpuSeconds(server.pid) - before.server, engine: cpuSeconds(engine) - before.engine };
  const metrics = await (await server.fetch("/metrics")).text();
  const exitCode = await server.stop();
  const kept = (part: string): number => rounded(folderBytes(join(data, part)) / records);
  const disk = { journal: kept("journal"), ledger: kept("ledger"), index: kept("index") };
  const millions = records / 1e6;
  const result = {
    bench: "ingest",
    records,
    last_record_found: found.records.length === 1,
    records_per_second: Math.round(records / (elapsedMs / 1_000)),
    acknowledged_per_second: Math.round(records / (report.elapsedMs / 1_000)),
    ack_ms: {
      p50: rounded(quantile(report.latenciesMs, 0.5)),
      p99: rounded(quantile(report.latenciesMs, 0.99)),
      max: rounded(report.latenciesMs.at(-1) ?? 0),
    },
    pushbacks: report.pushbacks,
    catch_up_ms: Math.round(elapsedMs - report.elapsedMs),
    resident_mib: { now: Math.round(memory.now / 2 ** 20), peak: Math.round(memory.peak / 2 ** 20) },
    disk_bytes_per_record: disk,
    disk_share_of_raw: rounded((disk.journal + disk.ledger + disk.index) / RECORD_BYTES, 3),
    cpu_seconds_per_million: {
      server: rounded(cpu.server / millions),
      engine: rounded(cpu.engine / millions),
      loader: rounded(report.cpuSeconds / millions),
      by_task: taskSeconds(metrics, millions),
    },
    raw_bytes_per_record: rounded(report.rawBytes / records),
    exit_code: exitCode,
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  if (options.keep === undefined) rmSync(data, { recursive: true, force: true });
}

/** Seconds each compute task took, from the server's own metrics. */
function taskSeconds(metrics: string, millions: number): Readonly<Record<string, number>> {
  const found = [...metrics.matchAll(/^tallystick_task_seconds_total\{task="([^"]+)"\} (\S+)/gm)];
  return Object.fromEntries(found.map(([, task = "", seconds]) => [task, rounded(Number(seconds) / millions, 2)]));
}

await main();
