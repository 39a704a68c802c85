/** Runs a README's ```sh blocks as somebody who types them in would, in one shell, in a folder like a fresh checkout. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface Transcript {
  readonly blocks: number;
  readonly stdout: string;
  /** Standard error, and `exit <code>` in the last line. */
  readonly stderr: string;
}

/** `readme`: its path from the project's root. The port in it is replaced by a free one. */
export async function runReadme(readme: string, timeoutMs: number): Promise<Transcript> {
  const port = await freePort();
  const text = readFileSync(join(ROOT, readme), "utf8");
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
  const script = blocks.join("\n").replaceAll("127.0.0.1:7070", `127.0.0.1:${port}`);
  const folder = mkdtempSync(join(tmpdir(), "tallystick-readme-"));
  for (const name of readdirSync(ROOT)) {
    if (!name.startsWith(".") && !name.endsWith("-data")) symlinkSync(join(ROOT, name), join(folder, name));
  }
  // Job control as in a terminal, and no server left behind whatever fails.
  const frame = `set -eum\ntrap 'for p in $(jobs -p); do kill -- -$p; done 2>/dev/null || true' EXIT\n${script}`;
  const done = spawnSync("bash", ["-c", frame], { cwd: folder, encoding: "utf8", timeout: timeoutMs });
  // What was ended above may still be writing its last.
  rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  return { blocks: blocks.length, stdout: done.stdout, stderr: `${done.stderr}\nexit ${done.status}` };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
