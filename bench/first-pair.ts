/**
 * From a fresh clone to the first pair that is proven, as a newcomer has it: clone, `npm ci`, `npm start`, both sides
 * of one call found, both proofs checked. Says what the download took apart. `npm run bench -- first-pair`
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "../integrity/running-server.ts";
import { rounded } from "./measure.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const START_TIMEOUT_MS = 300_000;

interface Side {
  readonly tree: string;
  readonly leaf_index: number;
  readonly call_id: string;
  readonly record: { readonly side: string };
}

function run(command: string, args: readonly string[], cwd: string): number {
  const started = performance.now();
  const done = spawnSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${done.status}`);
  return (performance.now() - started) / 1_000;
}

async function main(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "tallystick-clone-"));
  const clone = join(work, "tallystick");
  const cloneSeconds = run("git", ["clone", "--quiet", ROOT, clone], work);
  const downloadSeconds = run("npm", ["ci", "--silent"], clone);
  const started = performance.now();
  const data = join(work, "data");
  const demo = spawn("npm", ["start", "--silent", "--", "--data", data, "--listen", "127.0.0.1:0"], {
    cwd: clone,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  let out = "";
  demo.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  try {
    const url = await until(START_TIMEOUT_MS, "the server", () => /listening on (http:\/\/\S+)/.exec(out)?.[1]);
    const token = readFileSync(join(data, "admin.token"), "utf8").trim();
    const get = async <T>(path: string): Promise<T | undefined> => {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } }).catch(() => null);
      return answer?.ok === true ? ((await answer.json()) as T) : undefined;
    };
    const pair = await until(START_TIMEOUT_MS, "both sides of a call", async () =>
      firstPair(await get("/api/search?limit=200")),
    );
    for (const side of pair) {
      await until(30_000, "a proof", async () => {
        const found = await get<{ readonly proof: string | null }>(`/api/records/${side.tree}/${side.leaf_index}`);
        return found?.proof ?? undefined;
      });
    }
    const seconds = (performance.now() - started) / 1_000;
    const result = {
      bench: "first-pair",
      clone_seconds: rounded(cloneSeconds),
      download_seconds: rounded(downloadSeconds),
      start_to_proven_pair_seconds: rounded(seconds),
      call_id: pair[0]?.call_id,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    if (demo.pid !== undefined && demo.exitCode === null) process.kill(-demo.pid, "SIGTERM");
    await until(30_000, "the demo to end", () =>
      demo.exitCode === null && demo.signalCode === null ? undefined : true,
    );
    rmSync(work, { recursive: true, force: true });
  }
}

function firstPair(page: { readonly records: readonly Side[] } | undefined): readonly Side[] | undefined {
  const records = page?.records ?? [];
  for (const { call_id } of records) {
    const sides = records.filter((side) => side.call_id === call_id);
    if (sides.some(({ record }) => record.side === "caller") && sides.some(({ record }) => record.side === "callee"))
      return sides;
  }
  return undefined;
}

await main();
