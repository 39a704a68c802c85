/**
 * Search over many records: by request_id, error count by service over the last hour, three words newest first.
 * Medians, warm: of an index that is being filled no more, and under `right_after_load` of one whose merges, tally and
 * detection still have the load to work off.
 * `npm run bench -- search [--records 10000000] [--runs 15] [--data DIR]` (DIR: a folder kept by an earlier run)
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { caughtUp, startServer, type RunningServer } from "../integrity/running-server.ts";
import { generator } from "./generator.ts";
import { runLoader } from "./load.ts";
import { cpuSeconds, folderBytes, quantile, residentBytes, rounded } from "./measure.ts";

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "10000000" },
    runs: { type: "string", default: "15" },
    data: { type: "string" },
  },
});
const RECORDS = Number(options.records);
const SEED = 3;
const CATCH_UP_TIMEOUT_MS = 1_800_000;
/** Records lie this far apart, so that ten million of them span 28 hours and an hour holds 360,000. */
const STEP_US = 10_000;
/** The engine works nothing off when it takes less of a core than this for so long. */
const QUIET_CORES = 0.3;
const LOOK_S = 10;
const MAX_LOOKS = 60;

async function load(server: RunningServer, startMs: number): Promise<void> {
  const order = { url: server.url, token: server.token, records: RECORDS };
  const pace = { what: "records", batch: 1_000, connections: 8, seed: SEED, startMs, stepUs: STEP_US } as const;
  await runLoader({ ...order, ...pace }, (n) => process.stderr.write(`\r${n} loaded`));
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  process.stderr.write("\n");
}

async function timed(runs: number, ask: (run: number) => Promise<number>) {
  const ms: number[] = [];
  let rows = 0;
  for (let run = -2; run < runs; run += 1) {
    const started = performance.now();
    rows = await ask(run + 2);
    if (run >= 0) ms.push(performance.now() - started);
  }
  ms.sort((a, b) => a - b);
  return { median_ms: rounded(quantile(ms, 0.5)), max_ms: rounded(ms.at(-1) ?? 0), rows };
}

/** Seconds until the engine has nothing more to work off. */
async function untilQuiet(server: RunningServer): Promise<number> {
  for (let looks = 1; looks <= MAX_LOOKS; looks += 1) {
    const before = engineSeconds(server);
    await pause(LOOK_S * 1_000);
    if ((engineSeconds(server) - before) / LOOK_S < QUIET_CORES) return looks * LOOK_S;
  }
  throw new Error(`the engine still had much to do after ${MAX_LOOKS * LOOK_S} s`);
}

const engineSeconds = (server: RunningServer) => server.children().reduce((sum, pid) => sum + cpuSeconds(pid), 0);

interface Asked {
  readonly startMs: number;
  readonly endMs: number;
  readonly runs: number;
}

async function measure(server: RunningServer, { startMs, endMs, runs }: Asked) {
  const ids = generator(SEED, startMs, STEP_US);
  const search = async (query: string): Promise<number> => {
    const path = `/api/search?limit=50&q=${encodeURIComponent(query)}`;
    return (await server.json<{ readonly records: readonly unknown[] }>(path)).records.length;
  };
  const from = new Date(endMs - 3_600_000).toISOString();
  const errors = `/api/facets?fields=service_id&q=status:error&from=${from}&to=${new Date(endMs).toISOString()}`;
  return {
    by_request_id: await timed(runs, (run) => search(`request_id:${ids.requestId((run * 611_953) % RECORDS)}`)),
    errors_by_service_last_hour: await timed(runs, async () => {
      return Object.keys(await server.json<object>(errors)).length;
    }),
    three_words_newest_first: await timed(runs, () => search("carts canary denied")),
  };
}

async function main(): Promise<void> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "tallystick-search-"));
  const loaded = existsSync(join(data, "server.json"));
  const server = await startServer(data);
  const endMs = Date.now();
  const startMs = endMs - (RECORDS * STEP_US) / 1_000;
  if (!loaded) await load(server, startMs);
  const asked = { startMs, endMs, runs: Number(options.runs) };
  const after = loaded ? null : await measure(server, asked);
  const quietAfter = await untilQuiet(server);
  const result = {
    bench: "search",
    records: RECORDS,
    ...(await measure(server, asked)),
    quiet_after_s: quietAfter,
    right_after_load: after,
    resident_mib: Math.round(residentBytes(server.pid).now / 2 ** 20),
    index_bytes_per_record: rounded(folderBytes(join(data, "index")) / RECORDS),
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  await server.stop();
  if (options.data === undefined) rmSync(data, { recursive: true, force: true });
}

await main();
