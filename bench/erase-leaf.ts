/**
 * What it costs to take single records out of a large log: the time from asking to `done`, beside what building the
 * index anew costs; and the bytes a record that the log takes. `npm run bench -- erase-leaf --records 1000000
 * [--leaves 3] [--reindex] [--keep DIR]`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { caughtUp, startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { runLoader } from "./load.ts";
import { folderBytes, rounded } from "./measure.ts";

const WAIT_MS = 900_000;
const BATCH = 1_000;
const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    leaves: { type: "string", default: "3" },
    reindex: { type: "boolean", default: false },
    keep: { type: "string" },
  },
});

interface Approvals {
  readonly approvals: readonly { readonly action: string; readonly state: string }[];
}

/** Milliseconds until the row is gone, and whether the record is still found. */
async function erase(server: RunningServer, place: string): Promise<number> {
  const began = performance.now();
  const response = await server.fetch("/api/erasures", {
    method: "POST",
    body: JSON.stringify({ records: [place], leaf: true, reason: "bench" }),
    headers: { "content-type": "application/json" },
  });
  if (![200, 202].includes(response.status)) throw new Error(`${place}: ${response.status} ${await response.text()}`);
  await until(WAIT_MS, `${place} to be erased`, async () => {
    const { approvals } = await server.json<Approvals>("/api/approvals");
    return approvals.every(({ action, state }) => action !== "erase" || state !== "approved") ? true : undefined;
  });
  return performance.now() - began;
}

async function main(): Promise<void> {
  const records = Number(options.records);
  const data = options.keep ?? mkdtempSync(join(tmpdir(), "tallystick-bench-"));
  const server = await startServer(data);
  await runLoader(
    {
      url: server.url,
      token: server.token,
      what: "records",
      records,
      batch: BATCH,
      connections: 4,
      seed: 1,
      startMs: Date.now() - records / 50,
      stepUs: 20,
    },
    (n) => process.stderr.write(`\r${n} acknowledged`),
  );
  await caughtUp(server, WAIT_MS);
  const tree = `default/${new Date().toISOString().slice(0, 7)}`;
  const kept = (part: string): number => rounded(folderBytes(join(data, part)) / records);
  const disk = { journal: kept("journal"), ledger: kept("ledger"), index: kept("index") };
  const eraseMs: number[] = [];
  for (let at = 1; at <= Number(options.leaves); at += 1)
    eraseMs.push(
      Math.round(await erase(server, `${tree}/${Math.floor((records * at) / (Number(options.leaves) + 1))}`)),
    );
  const erased = await server.json<{ readonly records: readonly unknown[] }>(
    "/api/search?q=event_type:ERASED&own=true&limit=100",
  );
  let reindexMs: number | null = null;
  if (options.reindex) {
    const began = performance.now();
    await server.fetch("/api/reindex", { method: "POST" });
    await until(WAIT_MS, "the index to be built anew", async () => {
      const { index } = await server.json<{ readonly index: { readonly state: string } }>("/api/status");
      return index.state === "ready" && performance.now() - began > 1_000 ? true : undefined;
    });
    await caughtUp(server, WAIT_MS);
    reindexMs = Math.round(performance.now() - began);
  }
  const exitCode = await server.stop();
  const result = {
    bench: "erase-leaf",
    records,
    erase_ms: eraseMs,
    erased_found: erased.records.length,
    disk_bytes_per_record: disk,
    reindex_ms: reindexMs,
    exit_code: exitCode,
  };
  process.stdout.write(`\n${JSON.stringify(result, null, 2)}\n`);
  if (options.keep === undefined) rmSync(data, { recursive: true, force: true });
}

await main();
