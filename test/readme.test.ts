/** The README's first ten minutes, run to the letter. */
import { expect, test } from "vitest";
import { runReadme } from "./readme-shell.ts";

const TIMEOUT_MS = 120_000;

test("the README's snippets do what they say", { timeout: TIMEOUT_MS }, async () => {
  const { blocks, stdout, stderr } = await runReadme("README.md", TIMEOUT_MS - 10_000);
  expect(blocks).toBeGreaterThanOrEqual(5);
  expect(stderr).toContain("exit 0");
  expect(stdout).toContain('"count":1');
  expect(stdout).toContain("xyz-123");
  expect(stdout.trimEnd()).toMatch(/found$/);
});
