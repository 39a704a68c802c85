/**
 * `npm run integrity -- [NAME …] [--small]`: whole-system properties against the built server; the last line is the
 * count.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROPERTIES = [
  "no-acked-record-lost",
  "tamper",
  "fuzz",
  "tally-survives",
  "alerts-survive",
  "detectors-fire",
  "erasure",
  "roles",
  "key-rotation-under-load",
  "retention-crash",
  "backup-under-load",
  "full-disk",
] as const;
const HERE = fileURLToPath(new URL(".", import.meta.url));
const TSX = fileURLToPath(new URL("../node_modules/.bin/tsx", import.meta.url));

const asked = process.argv.slice(2);
const named = asked.filter((arg) => PROPERTIES.some((property) => property === arg));
const rest = asked.filter((arg) => !named.includes(arg));
/** What a property's script ends with when this machine cannot show it; counted, never hidden. */
const NOT_HERE = 77;
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const property of named.length > 0 ? named : PROPERTIES) {
  process.stdout.write(`\n▸ ${property}\n`);
  const args = ["--conditions=tallystick-source", `${HERE}${property}.ts`, ...rest];
  const done = spawnSync(TSX, args, { stdio: "inherit" });
  counts[done.status === 0 ? "passed" : done.status === NOT_HERE ? "skipped" : "failed"] += 1;
}
process.stdout.write(`\nintegrity: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
process.exit(counts.failed === 0 ? 0 : 1);
