import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensurePrograms, PYTHON_VENV } from "../scripts/ensure-programs.ts";

const CACHE = fileURLToPath(new URL("../.cache/interop/", import.meta.url));

function run(command: string, args: readonly string[]): void {
  const done = spawnSync(command, args, { stdio: "inherit" });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${done.status}`);
}

/** The interpreter of a virtual environment that has these packages, `name==version`; made once, as `name`. */
export function pythonWith(name: string, packages: readonly string[]): string {
  const home = join(CACHE, name);
  const bin = join(home, "bin", "python");
  if (existsSync(join(home, "ready"))) return bin;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  if (spawnSync("python3", ["-m", "ensurepip", "--version"]).status !== 0) ensurePrograms(PYTHON_VENV);
  run("python3", ["-m", "venv", home]);
  run(bin, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  mkdirSync(join(home, "ready"));
  return bin;
}

/** Runs a script beside this file and gives what it printed. */
export function runPython(bin: string, script: string, env: Readonly<Record<string, string>>): string {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const done = spawnSync(bin, [path], { encoding: "utf8", env: { ...process.env, ...env } });
  process.stderr.write(done.stderr);
  if (done.status !== 0) throw new Error(`${script} ended with ${done.status}`);
  return done.stdout;
}
