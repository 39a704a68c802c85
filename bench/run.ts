/** `npm run bench -- NAME [options]`: one figure a command, JSON on standard output, progress on standard error. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PARTS = new Set(["run", "generator", "load", "loader", "measure"]);
const names = readdirSync(HERE)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -3))
  .filter((name) => !PARTS.has(name));
const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- NAME [options]\n  NAME: ${names.join(", ")}\n`);
  process.exit(2);
}
const tsx = fileURLToPath(new URL("../node_modules/.bin/tsx", import.meta.url));
const done = spawnSync(tsx, ["--conditions=tallystick-source", `${HERE}${name}.ts`, ...rest], { stdio: "inherit" });
process.exit(done.status ?? 1);
