/**
 * The README's first ten minutes, run to the letter: every ```sh block, in order, in one shell, from a folder like a
 * fresh checkout.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TIMEOUT_MS = 120_000;

test("the README's snippets do what they say", { timeout: TIMEOUT_MS }, async () => {
  const port = await freePort();
  const blocks = [...readFileSync(join(ROOT, "README.md"), "utf8").matchAll(/^```sh\n(.*?)^```$/gms)].map(
    ([, text]) => text,
  );
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  const script = blocks.join("\n").replaceAll("127.0.0.1:7070", `127.0.0.1:${port}`);
  const folder = mkdtempSync(join(tmpdir(), "tallystick-readme-"));
  for (const name of readdirSync(ROOT)) {
    if (!name.startsWith(".") && name !== "tallystick-data") symlinkSync(join(ROOT, name), join(folder, name));
  }
  // Job control as in a terminal, and no server left behind whatever fails.
  const frame = `set -eum\ntrap 'for p in $(jobs -p); do kill -- -$p; done 2>/dev/null || true' EXIT\n${script}`;
  const done = spawnSync("bash", ["-c", frame], { cwd: folder, encoding: "utf8", timeout: TIMEOUT_MS - 10_000 });
  rmSync(folder, { recursive: true, force: true });
  expect(`${done.stderr}\nexit ${done.status}`).toContain("exit 0");
  expect(done.stdout).toContain('"count":1');
  expect(done.stdout).toContain("xyz-123");
  expect(done.stdout.trimEnd()).toMatch(/found$/);
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
