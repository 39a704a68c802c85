/** Builds, then shows the product with its example fleet. */
import { spawn } from "node:child_process";
import { installed, ROOT, runStep } from "./run-step.ts";

runStep("build", installed("tsx"), ["scripts/build.ts"]);
const demo = spawn(installed("tallystick"), ["demo", ...process.argv.slice(2)], { cwd: ROOT, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => demo.kill(signal));
demo.on("exit", (code) => process.exit(code ?? 1));
