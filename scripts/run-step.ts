import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs one command from the project's root with its output shown; ends this process with its exit code when it fails.
 */
export function runStep(title: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const started = performance.now();
  process.stdout.write(`\n▸ ${title}\n`);
  const done = spawnSync(command, args, { cwd: ROOT, stdio: "inherit", env: { ...process.env, ...env } });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) {
    process.stdout.write(`✗ ${title} failed (exit ${done.status ?? done.signal})\n`);
    process.exit(done.status ?? 1);
  }
  process.stdout.write(`✓ ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
}

/** Path of a command that npm installed. */
export function installed(name: string): string {
  return `${ROOT}node_modules/.bin/${name}`;
}
