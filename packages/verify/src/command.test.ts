import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCommand } from "./command.ts";
import type { Platform } from "./command.ts";
import { formatDeletion } from "./deletion.ts";
import { answer, deleteTree, foreignVkeyOf, keptLog, proofOf, publish, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import type { VerifyResult } from "./result.ts";

/** The command from its arguments to its exit code, against a real HTTP server and files in memory. */

let trees: KeptTree[];
let server: Server;
let url: string;
const files = new Map<string, Uint8Array>();
/** Answers to give before the right one. */
let busy: number[];
let asked: { readonly path: string; readonly authorized: boolean }[];

beforeEach(async () => {
  trees = [...keptLog("default", [300, 5, 260]), ...keptLog("control", [3])];
  busy = [];
  asked = [];
  server = createServer((request, response) => {
    const token = request.headers.authorization?.replace("Bearer ", "") ?? null;
    asked.push({ path: request.url!, authorized: token !== null });
    const status = busy.shift();
    if (status !== undefined) {
      response.writeHead(status, { "retry-after": "0" }).end();
      return;
    }
    const { status: code, body } = answer(trees, request.url!, token);
    response.writeHead(code).end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(...args: string[]): Promise<Ran> {
  return runIn({}, ...args);
}

async function runIn(environment: Record<string, string>, ...args: string[]): Promise<Ran> {
  let [out, err] = ["", ""];
  const platform: Platform = {
    environment,
    isTerminal: false,
    readFile: (path) => {
      const bytes = files.get(path);
      return bytes === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(bytes);
    },
    print: (text) => (out += text),
    warn: (text) => (err += text),
    http: { fetch, wait: () => Promise.resolve() },
  };
  const code = await runCommand(args, platform);
  return { code, out, err };
}

async function runJson(...args: string[]): Promise<VerifyResult & { code: number }> {
  const { code, out } = await run(...args, "--json");
  return { ...(JSON.parse(out) as VerifyResult), code };
}

describe("a proof", () => {
  beforeAll(async () => {
    const [tree] = keptLog("default", [300]) as [KeptTree];
    files.set("r.tlog-proof", new TextEncoder().encode(await proofOf(tree, 42)));
    files.set("r.json", tree.leaves[42]!);
    files.set("other.json", tree.leaves[43]!);
  });

  test("is clean with exit code 0, and not with 1", async () => {
    const key = vkeyOf("default/2026-01");
    const clean = await run("r.tlog-proof", "--leaf", "r.json", "--vkey", key);
    expect(clean).toEqual({ code: 0, out: "clean: 1 tree, 300 leaves; contents checked; anchored\n", err: "" });
    const wrong = await run("r.tlog-proof", "--leaf", "other.json", "--vkey", key);
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain("NOT CLEAN, 1 fault");
    expect(wrong.out).toContain("proof_mismatch");
  });
});

describe("a server", () => {
  test("is clean with a token: contents checked, not anchored", async () => {
    const { code, out } = await run(url, "--token", "right");
    expect(code).toBe(0);
    expect(out).toContain("clean: 4 trees, 568 leaves; contents checked; not anchored (");
  });

  test("takes the token from the environment and a slash at the URL's end", async () => {
    expect((await runIn({ TALLYSTICK_TOKEN: "right" }, `${url}/`)).code).toBe(0);
  });

  test("is checked by a stranger with a key alone, back along the chain: no contents, and no token sent", async () => {
    const { code, out } = await run(url, "--vkey", vkeyOf("default/2026-03"));
    expect([code, out]).toEqual([0, "clean: 3 trees, 565 leaves; contents not checked; anchored\n"]);
    expect(asked.some(({ authorized, path }) => authorized || path.includes("entries"))).toBe(false);
  });

  test("shows a stranger that an older tree was cut short, and that the chain is hidden", async () => {
    publish(trees[0]!, 200);
    const cut = await runJson(url, "--vkey", vkeyOf("default/2026-03"));
    expect([cut.code, cut.faults.map(({ code, tree }) => [code, tree])]).toEqual([
      1,
      [
        ["tree_opening", "default/2026-02"],
        ["epoch_link", "default/2026-02"],
      ],
    ]);
    trees[2]!.files.delete("chain");
    const hidden = await runJson(url, "--vkey", vkeyOf("default/2026-03"));
    expect(hidden.faults).toEqual([
      expect.objectContaining({ code: "chain_missing", tree: "default/2026-03", file: "chain" }),
    ]);
  });

  test("is checked by a stranger as far back as retention left it", async () => {
    const deletion = formatDeletion(await deleteTree(trees[0]!, trees[2]!, 7));
    trees[0]!.files.clear();
    const missing = await runJson(url, "--vkey", vkeyOf("default/2026-03"));
    expect(missing).toMatchObject({ code: 1, faults: [{ code: "tree_missing", tree: "default/2026-01" }] });
    trees[0]!.files.set("deletion", deletion);
    const result = await runJson(url, "--vkey", vkeyOf("default/2026-03"));
    expect(result).toMatchObject({ code: 0, clean: true, trees: [{ tree: "default/2026-02" }, { size: 260 }] });
    expect(result).toMatchObject({ deleted: [{ tree: "default/2026-01", size: 300 }] });
    trees[0]!.files.set("deletion", deletion.subarray(1));
    const broken = await runJson(url, "--vkey", vkeyOf("default/2026-03"));
    expect(broken).toMatchObject({ code: 1, faults: [{ code: "deletion_record" }, { code: "tree_missing" }] });
  });

  test("is checked by the URL of one tree", async () => {
    const result = await runJson(`${url}/trees/default/2026-02`, "--token", "right");
    expect(result).toMatchObject({ code: 0, clean: true, trees: [{ tree: "default/2026-02", size: 5 }] });
    const stranger = await runJson(`${url}/trees/default/2026-02/`, "--vkey", vkeyOf("default/2026-01"));
    expect(stranger).toMatchObject({ code: 0, clean: true, anchored: true, contents: "not checked" });
  });

  test("with another key than the known one is not clean", async () => {
    const result = await runJson(url, "--token", "right", "--vkey", foreignVkeyOf("default/2026-01"));
    expect(result).toMatchObject({ code: 1, clean: false, anchored: true });
    expect(result.faults.filter(({ code }) => code === "checkpoint_signature").length).toBe(4);
  });

  test("with an edited record, a flipped tile and a missing tree names each with its place", async () => {
    const bundle = trees[0]!.files.get("tile/entries/000")!;
    bundle[1_000]! ^= 1;
    trees[2]!.files.get("tile/0/000")![100]! ^= 1;
    trees.splice(1, 1);
    const { faults, code } = await runJson(url, "--token", "right");
    expect(code).toBe(1);
    expect(faults).toContainEqual(expect.objectContaining({ code: "entry_mismatch", tree: "default/2026-01" }));
    expect(faults).toContainEqual(
      expect.objectContaining({
        code: "tile_mismatch",
        tree: "default/2026-03",
        file: "tile/0/000",
        offset: 96,
        index: 3,
      }),
    );
    expect(faults).toContainEqual(expect.objectContaining({ code: "tree_missing", tree: "default/2026-02" }));
  });

  test("that was put back to an earlier day is found with --since, and only with it", async () => {
    files.set("kept", trees[2]!.files.get("checkpoint")!.slice());
    const kept = await runJson(url, "--token", "right", "--since", "kept");
    expect(kept).toMatchObject({ code: 0, anchored: false });
    expect(kept.trees.map(({ tree, anchored }) => [tree, anchored])).toEqual([
      ["default/2026-01", true],
      ["default/2026-02", true],
      ["default/2026-03", true],
      ["control/2026-01", false],
    ]);
    expect((await run(url, "--token", "right", "--since", "kept")).out).toContain(
      "anchored only in part: NOT control/2026-01 (",
    );
    publish(trees[2]!, 200);
    expect(await runJson(url, "--token", "right")).toMatchObject({ code: 0, anchored: false });
    const { code, faults } = await runJson(url, "--token", "right", "--since", "kept");
    expect([code, faults[0]?.code]).toEqual([1, "rollback"]);
    trees.splice(2, 1);
    const gone = await runJson(url, "--token", "right", "--since", "kept");
    expect(gone.faults).toEqual([expect.objectContaining({ code: "tree_missing", tree: "default/2026-03" })]);
  });

  test("is asked again when it is busy", async () => {
    busy = [503, 429, 500];
    expect((await run(url, "--token", "right")).code).toBe(0);
    busy = [503, 503, 503, 503, 503];
    const { code, err } = await run(url, "--token", "right");
    expect([code, err]).toEqual([2, `tallystick-verify: ${url}/api/trees: the server answers 503\n`]);
  });
});

describe("exit code 2 says that nothing was checked", () => {
  test.each([
    [[], "give one proof file or one URL"],
    [["a", "b"], "give one proof file or one URL"],
    [["--nonsense"], "Unknown option"],
    [["absent", "--leaf", "absent", "--vkey", "k"], "absent: no such file"],
    [["r.tlog-proof", "--vkey", "k"], "give --leaf FILE"],
    [["r.tlog-proof", "--leaf", "r.json"], "give --vkey KEY"],
    [["r.tlog-proof", "--leaf", "r.json", "--vkey", "k"], "a verifier key is"],
    [["r.tlog-proof", "--leaf", "r.json", "--vkey", "k", "--since", "f"], "go with a URL"],
    [["http://127.0.0.1:1/", "--token", "right"], "http://127.0.0.1:1/api/trees"],
    [["http://", "--token", "right"], "not a URL"],
  ])("%j: %s", async (args, message) => {
    const { code, out, err } = await run(...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(message);
  });

  test("for a stranger without a key, a wrong token, a checkpoint that is none", async () => {
    expect(await run(url)).toMatchObject({
      code: 2,
      err: expect.stringContaining("give --token, or --vkey") as string,
    });
    expect(await run(url, "--token", "wrong")).toMatchObject({
      code: 2,
      err: expect.stringContaining("refuses") as string,
    });
    files.set("nonsense", new Uint8Array(3));
    expect(await run(url, "--token", "right", "--since", "nonsense")).toMatchObject({ code: 2 });
  });

  test("but help is an answer", async () => {
    const { code, out } = await run("--help");
    expect(code).toBe(0);
    expect(out).toContain("Exit codes: 0 clean, 1 a fault was found, 2 could not run.");
  });
});
