/** Leaves verified a second, everything checked. `npm run bench -- verify [--records 1000000] [--data DIR]` */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BIN, startServer } from "../integrity/running-server.ts";
import { runLoader } from "./load.ts";
import { rounded } from "./measure.ts";

const { values: options } = parseArgs({
  options: { records: { type: "string", default: "1000000" }, data: { type: "string" } },
});

async function main(): Promise<void> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "tallystick-verify-"));
  if (!existsSync(join(data, "server.json"))) {
    const server = await startServer(data);
    const order = { url: server.url, token: server.token, records: Number(options.records) };
    const pace = { what: "records", batch: 1_000, connections: 8, seed: 5, startMs: Date.now(), stepUs: 20 } as const;
    await runLoader({ ...order, ...pace }, () => {});
    await server.stop();
  }
  const started = performance.now();
  const done = spawnSync(process.execPath, [BIN, "verify", data, "--json"], { encoding: "utf8", maxBuffer: 2 ** 26 });
  const seconds = (performance.now() - started) / 1_000;
  const verdict = JSON.parse(done.stdout) as { readonly trees: readonly { readonly size: number }[] };
  const leaves = verdict.trees.reduce((sum, tree) => sum + tree.size, 0);
  const result = { bench: "verify", exit: done.status, leaves, seconds: rounded(seconds) };
  process.stdout.write(`${JSON.stringify({ ...result, leaves_per_second: Math.round(leaves / seconds) }, null, 2)}\n`);
  if (options.data === undefined) rmSync(data, { recursive: true, force: true });
}

await main();
