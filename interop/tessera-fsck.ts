/**
 * A stranger's verifier: Tessera's own `fsck` rebuilds every tile and root from the entry bundles and checks the
 * signature. Needs Go.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generator } from "../bench/generator.ts";
import { startServer } from "../integrity/running-server.ts";

const CACHE = fileURLToPath(new URL("../.cache/interop/", import.meta.url));
const VERSION = "v1.0.4";
const NOT_HERE = 77;
const BATCHES = 71;

function fsckBinary(): string {
  const folder = join(CACHE, `tessera-${VERSION}`);
  const binary = join(folder, "fsck");
  if (existsSync(binary)) return binary;
  if (spawnSync("go", ["version"]).status !== 0) {
    process.stdout.write("not run: building Tessera's fsck needs Go 1.25 or newer\n");
    process.exit(NOT_HERE);
  }
  mkdirSync(folder, { recursive: true });
  const built = spawnSync("go", ["install", `github.com/transparency-dev/tessera/cmd/fsck@${VERSION}`], {
    stdio: "inherit",
    env: { ...process.env, GOBIN: folder },
  });
  if (built.status !== 0) throw new Error(`go install ended with ${built.status}`);
  return binary;
}

async function main(): Promise<void> {
  const binary = fsckBinary();
  const work = mkdtempSync(join(tmpdir(), "tallystick-tessera-"));
  const server = await startServer(join(work, "data"));
  try {
    const source = generator(11, Date.now(), 20);
    for (let i = 0; i < BATCHES; i += 1) {
      const headers = { "content-type": "application/x-ndjson" };
      const wait = i === BATCHES - 1 ? "?wait=published" : "";
      const answer = await server.fetch(`/v1/records${wait}`, { method: "POST", headers, body: source.batch(1_000) });
      if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
    }
    const trees =
      await server.json<readonly { tree: string; origin: string; vkey: string; size: number }[]>("/api/trees");
    for (const tree of trees.filter((one) => one.size > 0)) {
      const key = join(work, "vkey");
      writeFileSync(key, `${tree.vkey}\n`);
      const args = [
        `--storage_url=${server.url}/trees/${tree.tree}/`,
        `--public_key=${key}`,
        `--origin=${tree.origin}`,
      ];
      const done = spawnSync(binary, [...args, `--bearer_token=${server.token}`, "--ui=false", "--N=2"], {
        encoding: "utf8",
      });
      if (done.status !== 0) throw new Error(`fsck of ${tree.tree} ended with ${done.status}:\n${done.stderr}`);
      process.stdout.write(
        `${JSON.stringify({ program: `tessera fsck ${VERSION}`, tree: tree.tree, leaves: tree.size })}\n`,
      );
    }
  } finally {
    await server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

await main();
