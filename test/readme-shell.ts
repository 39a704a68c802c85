/** Runs a README's ```sh blocks as somebody who types them in would, in one shell, in a folder like a fresh checkout. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { statFields, until } from "../integrity/running-server.ts";
import { freePort } from "./free-port.ts";

/** A server has ten seconds to stop. */
const STOP_TIMEOUT_MS = 20_000;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface Transcript {
  readonly blocks: number;
  readonly stdout: string;
  /** Standard error, and `exit <code>` (or the signal) in the last line. */
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
  const shell = spawn("bash", ["-c", frame], { cwd: folder, timeout: timeoutMs, detached: true });
  let stdout = "";
  let stderr = "";
  shell.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  shell.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code, signal] = (await once(shell, "close")) as [number | null, string | null];
  // A job is over when its first process is; a server that this one started may still be writing its last.
  await until(
    STOP_TIMEOUT_MS,
    "the README's processes to end",
    () => sessionOf(shell.pid ?? 0).length === 0 || undefined,
  ).catch(() => sessionOf(shell.pid ?? 0).forEach((pid) => process.kill(pid, "SIGKILL")));
  rmSync(folder, { recursive: true, force: true });
  return { blocks: blocks.length, stdout, stderr: `${stderr}\nexit ${code ?? signal}` };
}

/** Processes that were started from the shell, whatever groups they are in. */
function sessionOf(shell: number): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const fields = statFields(pid);
    return fields !== null && fields[0] !== "Z" && fields[3] === String(shell);
  });
}
