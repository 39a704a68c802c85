import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keptLog, proofOf, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";

let folder: string;
const [tree] = keptLog("default", [300]) as [KeptTree];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tallystick-verify-"));
  await build({
    entryPoints: [fileURLToPath(new URL("cli.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    conditions: ["tallystick-source"],
    outfile: join(folder, "tallystick-verify.mjs"),
    logLevel: "error",
  });
  await writeFile(join(folder, "r.tlog-proof"), await proofOf(tree, 42));
  await writeFile(join(folder, "r.json"), tree.leaves[42]!);
  await writeFile(join(folder, "edited.json"), new TextDecoder().decode(tree.leaves[42]).replace("success", "failure"));
});
afterAll(() => rm(folder, { recursive: true }));

/** In the folder, with nothing but Node and the file. */
function run(...args: string[]): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["tallystick-verify.mjs", ...args], { cwd: folder, env: {} });
    let out = "";
    child.stdout.on("data", (text: Buffer) => (out += text.toString()));
    child.stderr.on("data", (text: Buffer) => (out += text.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out }));
  });
}

describe("the verifier in one file", () => {
  test("runs with Node alone and tells by its exit code", async () => {
    const key = vkeyOf(tree.tree);
    const clean = await run("r.tlog-proof", "--leaf", "r.json", "--vkey", key);
    expect(clean).toEqual({ code: 0, out: "clean: 1 tree, 300 leaves; contents checked; anchored\n" });
    const edited = await run("r.tlog-proof", "--leaf", "edited.json", "--vkey", key);
    expect([edited.code, edited.out]).toEqual([1, expect.stringContaining("proof_mismatch")]);
    expect((await run("absent.tlog-proof", "--leaf", "r.json", "--vkey", key)).code).toBe(2);
  });
});
