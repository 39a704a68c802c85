import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as TlogModule from "./index.ts";
import { vectors } from "./vectors.contract.ts";

type Tlog = typeof TlogModule;

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tallystick-tlog-"));
  file = join(folder, "tlog.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("index.ts", import.meta.url))],
    bundle: true,
    platform: "browser",
    format: "esm",
    conditions: ["tallystick-source"],
    outfile: file,
    logLevel: "error",
  });
});
afterAll(() => rm(folder, { recursive: true }));

describe("the browser's build", () => {
  test("takes nothing from Node and checks a proof with WebCrypto", async () => {
    expect(await readFile(file, "utf8")).not.toMatch(/["']node:/);
    const tlog = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Tlog;
    const known = vectors<{ vkey: string; leaf: string; accepted: { text: string }[] }>("log-proof");
    const key = tlog.parseVerifierKey(known.vkey);
    const proof = tlog.parseProof(known.accepted[0]!.text);
    if (key.kind === "refused" || proof.kind === "refused") throw new Error("the vector is refused");
    const { index, hashes, checkpoint: note } = proof.value;
    const opened = await tlog.openNote(note, [key.value]);
    const checkpoint = opened.kind === "ok" ? tlog.parseCheckpoint(opened.value.text) : opened;
    if (checkpoint.kind === "refused") throw new Error(checkpoint.reason);
    const { size, root } = checkpoint.value;
    const leaf = tlog.leafHash(tlog.parseHex(known.leaf)!);
    expect(tlog.verifyInclusion(leaf, index, size, hashes, root)).toBe(true);
    expect(tlog.verifyInclusion(leaf, index + 1, size, hashes, root)).toBe(false);
    expect((await tlog.openNote(note.replace("8", "9"), [key.value])).kind).toBe("refused");
  });
});
