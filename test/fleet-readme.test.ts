/** The README of the example fleet, run to the letter: it finds the impostor. */
import { expect, test } from "vitest";
import { runReadme } from "./readme-shell.ts";

/** A fleet, a server and a command a second, beside whatever else is tested: slow where there are few cores. */
const TIMEOUT_MS = 420_000;

test("the fleet's README finds the impostor", { timeout: TIMEOUT_MS }, async () => {
  const { blocks, stdout, stderr } = await runReadme("examples/fleet/README.md", TIMEOUT_MS - 10_000);
  expect(blocks).toBeGreaterThanOrEqual(3);
  expect(stderr).toContain("exit 0");
  expect(stdout).toContain("unpaired_callee");
  expect(stdout).toContain("credential_id");
});
