/**
 * `npm run interop -- [NAME …]`: third-party programs against the built server; versions pinned, builds cached in
 * .cache/interop.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAMS = ["otel-python", "prometheus-python", "tessera-fsck", "nginx", "envoy", "alertmanager"] as const;
/** What a program's script ends with when this machine cannot have it (no Go, say); counted, never hidden. */
const NOT_HERE = 77;
const HERE = fileURLToPath(new URL(".", import.meta.url));
const TSX = fileURLToPath(new URL("../node_modules/.bin/tsx", import.meta.url));

const asked = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const program of PROGRAMS.filter((name) => asked.length === 0 || asked.includes(name))) {
  process.stdout.write(`\n▸ ${program}\n`);
  const done = spawnSync(TSX, ["--conditions=tallystick-source", `${HERE}${program}.ts`], { stdio: "inherit" });
  counts[done.status === 0 ? "passed" : done.status === NOT_HERE ? "skipped" : "failed"] += 1;
}
process.stdout.write(`\ninterop: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exit(counts.failed === 0 ? 0 : 1);
