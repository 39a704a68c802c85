/**
 * What a green build means: build, lint, format, dead code, then every test. The last line is the count.
 * Installs what the tests need beyond npm (a browser, curl, an HSM in software) when it may; says which command to run
 * when it may not.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHROMIUM, CURL, ensurePrograms, OPENSC, SOFTHSM } from "./ensure-programs.ts";
import { installed, ROOT, runStep } from "./run-step.ts";

interface Counts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

ensurePrograms(CHROMIUM, CURL, SOFTHSM, OPENSC);
runStep("build", installed("tsx"), ["scripts/build.ts"]);
runStep("type-check tests and scripts", installed("tsc"), ["-p", "tsconfig.json"]);
runStep("type-check the dashboard", installed("tsc"), ["-p", "packages/dashboard"]);
runStep("lint", installed("oxlint"), ["--type-aware"]);
runStep("format", installed("oxfmt"), ["--check"]);
runStep("dead code", installed("knip"), []);

const folder = mkdtempSync(join(tmpdir(), "tallystick-test-"));
const report = join(folder, "report.json");
const asked = process.argv.slice(2);
const tests = spawnSync(
  installed("vitest"),
  ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...asked],
  { cwd: ROOT, stdio: "inherit" },
);
const counts: Counts = existsSync(report)
  ? (JSON.parse(readFileSync(report, "utf8")) as Counts)
  : { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
rmSync(folder, { recursive: true, force: true });
process.stdout.write(
  `\ntests: ${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests} skipped\n`,
);
process.exit(tests.status ?? 1);
