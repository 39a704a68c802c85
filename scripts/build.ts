/**
 * Builds everything: the packages (tsc project references), the one-file verifier, the dashboard and the example
 * fleet.
 */
import { installed, runStep } from "./run-step.ts";

runStep("compile the packages", installed("tsc"), ["-b", "packages/server", "packages/verify", "examples/fleet"]);
runStep("bundle the verifier", installed("esbuild"), [
  "packages/verify/src/cli.ts",
  "--bundle",
  "--platform=node",
  "--target=node20",
  "--format=esm",
  "--conditions=tallystick-source",
  "--outfile=packages/verify/dist/tallystick-verify.mjs",
  "--log-level=warning",
]);
runStep("build the dashboard", installed("vite"), ["build", "--logLevel", "warn", "packages/dashboard"]);
