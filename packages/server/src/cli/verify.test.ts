/** What `verify` says of a stopped folder, beyond the verdict. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { nodeDisk } from "../disk/node-disk.ts";
import { folderWork } from "../folder-work.ts";
import { countLeftIndex } from "../index-home.ts";
import type { IndexPlace } from "../machine.ts";
import { startTestServer, temporaryFolder, testMachine, withEngine } from "../machine.contract.ts";
import { realClock } from "../real-clock.ts";
import { runLine } from "./command-line.contract.ts";

const parts = { folder: folderWork(testMachine()) };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  const server = await startTestServer(data);
  const named = { service_id: "a", status: "success", request_id: "xyz" };
  await server.fetch("/v1/records?wait=published", {
    method: "POST",
    body: JSON.stringify({ timestamp: "2023-10-05T08:20:43Z", event_type: "API_CALL", ...named }),
    headers: { "content-type": "application/json" },
  });
  await server.close();
});
afterAll(() => folder.remove());

describe("verify of a stopped folder", () => {
  it("says that the segments' HMACs were checked with the integrity key, and when they were not", async () => {
    const key = join(folder.path, "integrity.hex");
    await writeFile(key, (await runLine(["keys", "export-integrity", "--data", data], parts)).out);
    const kms = await readFile(join(data, "kms.key"));
    await rm(join(data, "kms.key"));
    const withKey = await runLine(["verify", data, "--integrity-key", key], parts);
    const without = await runLine(["verify", data], parts);
    await writeFile(join(data, "kms.key"), kms, { mode: 0o600 });
    expect([withKey.exitCode, withKey.out]).toEqual([0, expect.stringContaining("segment HMACs: checked\n")]);
    expect([without.exitCode, without.out]).toEqual([0, expect.stringContaining("segment HMACs: not all checked")]);
  });

  it("takes the folder by --data too, as other commands do, and one only", async () => {
    expect((await runLine(["verify", "--data", data], parts)).exitCode).toBe(0);
    const two = await runLine(["verify", data, "--data", data], parts);
    expect([two.exitCode, two.err]).toEqual([2, expect.stringContaining("Two things are named.")]);
    const none = await runLine(["verify"], parts);
    expect([none.exitCode, none.err]).toEqual([2, expect.stringContaining("Name one data folder or URL")]);
  });

  it.each([
    ["--vkey", "no key and no file", "--vkey takes a key"],
    ["--since", "server.json", "--since takes a file of checkpoints"],
  ])("ends with 2 for a %s that is none, names it and says what one is", async (option, given, hint) => {
    const named = given === "server.json" ? join(data, given) : given;
    const { exitCode, err } = await runLine(["verify", data, option, named], parts);
    expect([exitCode, err]).toEqual([2, expect.stringContaining(named)]);
    expect(err).toContain(hint);
  });

  it.each([
    ["verify", ["verify"]],
    ["fsck", ["fsck", "--data"]],
    ["reindex", ["reindex", "--data"]],
    ["keys export-integrity", ["keys", "export-integrity", "--data"]],
  ])("%s ends with 2 for a folder of a newer format, by name", async (_, command) => {
    const file = join(data, "server.json");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace('"format":1', '"format":2'));
    const { exitCode, out, err } = await runLine([...command, data], parts);
    await writeFile(file, text);
    expect([exitCode, out]).toEqual([2, ""]);
    expect(err).toContain("has format 2; this version reads format 1");
  });

  it("fsck --repair builds an index that is not there anew, and compares it then", async () => {
    const disk = nodeDisk();
    const engine = {
      ...withEngine(),
      countIndex: (place: IndexPlace) => countLeftIndex(place, realClock(), disk, process.env),
    };
    const withIndex = { folder: folderWork(testMachine(engine)) };
    await rm(join(data, "index"), { recursive: true, force: true });
    const looked = await runLine(["fsck", "--data", data], withIndex);
    expect([looked.exitCode, looked.out]).toEqual([0, expect.stringContaining("index not compared: there is none")]);
    const repaired = await runLine(["fsck", "--data", data, "--repair"], withIndex);
    expect([repaired.exitCode, repaired.out]).toEqual([0, expect.stringContaining("repaired: the index\n")]);
    const after = await runLine(["fsck", "--data", data], withIndex);
    expect([after.exitCode, after.out]).toEqual([0, expect.stringContaining("index: holds exactly what")]);
  });

  it("ends with 1 when all trees were deleted, and the server does not start", async () => {
    for (const name of ["journal", "ledger", "head"]) await rm(join(data, name), { recursive: true });
    const { exitCode, out } = await runLine(["verify", data], parts);
    expect([exitCode, out]).toEqual([1, expect.stringContaining("tree_missing")]);
    await expect(startTestServer(data)).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });
});
