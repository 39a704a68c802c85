/**
 * What a green build means: build, lint, format, dead code, then every test. The last line is the count.
 * Installs what the tests need beyond npm (a browser, curl, an HSM in software) when it may; says which command to run
 * when it may not.
 */
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureHsmModule } from "./ensure-hsm-module.ts";
import { CHROMIUM, CURL, ensurePrograms, OPENSC, SOFTHSM } from "./ensure-programs.ts";
import { installed, ROOT, runStep } from "./run-step.ts";
import { scanForSecrets } from "./secret-scan.ts";

interface Counts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

ensurePrograms(CHROMIUM, CURL, SOFTHSM, OPENSC);
ensureHsmModule();
runStep("build", installed("tsx"), ["scripts/build.ts"]);
runStep("type-check tests and scripts", installed("tsc"), ["-p", "tsconfig.json"]);
runStep("type-check the dashboard", installed("tsc"), ["-p", "packages/dashboard"]);
runStep("lint", installed("oxlint"), ["--type-aware"]);
runStep("format", installed("oxfmt"), ["--check"]);
runStep("dead code", installed("knip"), []);

const folder = mkdtempSync(join(tmpdir(), "tallystick-test-"));
const report = join(folder, "report.json");
const asked = process.argv.slice(2);
const watched = mkdtempSync(join(tmpdir(), "tallystick-secrets-"));
const tests = spawn(
  installed("vitest"),
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...asked],
  { cwd: ROOT, stdio: ["inherit", "pipe", "pipe"], env: { ...process.env, TALLYSTICK_SECRET_SCAN: watched } },
);
const output = createWriteStream(join(watched, "output-vitest.txt"));
for (const [from, to] of [
  [tests.stdout, process.stdout],
  [tests.stderr, process.stderr],
] as const) {
  from.pipe(to, { end: false });
  from.pipe(output, { end: false });
}
const [status] = (await once(tests, "close")) as [number | null];
await new Promise<void>((resolve) => output.end(resolve));
const scan = scanForSecrets(watched);
for (const place of scan.found) process.stderr.write(`a secret of the tests was found ${place}\n`);
process.stdout.write(`secret scan: ${scan.secrets} secrets, ${scan.bytes} bytes, ${scan.found.length} found\n`);
rmSync(watched, { recursive: true, force: true });
const counts: Counts = existsSync(report)
  ? (JSON.parse(readFileSync(report, "utf8")) as Counts)
  : { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
rmSync(folder, { recursive: true, force: true });
process.stdout.write(
  `\ntests: ${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped\n`,
);
process.exit(scan.found.length > 0 ? 1 : (status ?? 1));
