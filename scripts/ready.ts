/** Refuses a dirty tree, then runs exactly what CI runs. */
import { spawnSync } from "node:child_process";
import { ROOT, runStep } from "./run-step.ts";

const status = spawnSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" });
if (status.status !== 0 || status.stdout.trim() !== "") {
  process.stderr.write("The tree has uncommitted changes; commit or put them aside first.\n");
  process.exit(1);
}
runStep("what CI runs", "bash", [".ci/run"]);
