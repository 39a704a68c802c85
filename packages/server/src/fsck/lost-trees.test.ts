import { beforeAll, describe, expect, it } from "vitest";
import { DATA, FolderBench } from "./folder-bench.contract.ts";

const JOURNALED = /^\/data\/(?:journal|ledger|head)\//;
const TREE = "default/2026-11";
const KEY = "keys/epoch.default.2026-11.json";

let bench: FolderBench;
beforeAll(async () => {
  bench = new FolderBench();
  await bench.start();
  await bench.append("control", 1);
  await bench.append("default", 20);
  await bench.stop();
});

async function lostIn(folder: FolderBench, changes = {}) {
  const { faults } = await folder.verify(changes);
  return faults.filter(({ code }) => code === "tree_missing").map(({ tree, file }) => [tree, file]);
}

describe("a tree that was deleted whole is missed", () => {
  it("when all trees are gone, by their keys", async () => {
    const copy = await bench.copy((path) => !JOURNALED.test(path));
    const lost = [
      ["control/2026-11", "keys/epoch.control.2026-11.json"],
      [TREE, KEY],
    ];
    expect(await lostIn(copy)).toEqual(lost);
    expect(await lostIn(copy, { kms: null, inUse: true })).toEqual(lost);
    await expect(copy.start()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
    expect([...copy.disk.files().keys()].filter((path) => JOURNALED.test(path))).toEqual([]);
  });

  it("when one is gone and others are there", async () => {
    const copy = await bench.copy((path) => !JOURNALED.test(path) || !path.includes("/default/"));
    expect(await lostIn(copy)).toEqual([[TREE, KEY]]);
    await expect(copy.start()).rejects.toMatchObject({ code: "ledger_rollback", at: { tree: TREE } });
  });

  it.each(["ledger", "head"])("when only its %s is left, or its folder in `ledger/`", async (kept) => {
    const copy = await bench.copy((path) => !JOURNALED.test(path) || path.startsWith(`${DATA}/${kept}/`));
    expect((await lostIn(copy)).map(([tree]) => tree)).toContain(TREE);
    await expect(copy.start()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });

  it("when its key is gone as well, by who remembers a checkpoint of it", async () => {
    const since = bench.disk.files().get(`${DATA}/ledger/${TREE}/checkpoint`)!;
    const copy = await bench.copy((path) => !path.includes("default"));
    expect(await lostIn(copy)).toEqual([]);
    expect(await lostIn(copy, { since })).toEqual([[TREE, `journal/${TREE}`]]);
  });

  it("when its files are gone and the empty folders are left", async () => {
    const copy = await bench.copy();
    for (const path of copy.disk.files().keys()) if (JOURNALED.test(path)) copy.disk.tamper(path, null);
    expect((await lostIn(copy)).map(([tree]) => tree)).toContain(TREE);
    await expect(copy.start()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });
});

describe("a tree that never began is not missed", () => {
  it("in a folder that never took a record", async () => {
    const fresh = new FolderBench();
    await fresh.start();
    await fresh.stop();
    expect((await fresh.verify()).faults).toEqual([]);
    await fresh.start();
    await fresh.stop();
  });

  it.each([0, 1, 2, 3])("after a crash at write %i of its beginning", async (skip) => {
    const fresh = new FolderBench();
    await fresh.start();
    fresh.faults.inject({ kind: "not persisted", skip, stays: true, fatal: true });
    await fresh.offer("default", 1).catch(() => []);
    fresh.kill();
    expect((await fresh.verify()).faults).toEqual([]);
    await fresh.start();
    await fresh.stop();
    expect((await fresh.verify()).faults).toEqual([]);
    await fresh.start();
    await fresh.append("default", 1);
    await fresh.stop();
    expect((await fresh.verify()).faults).toEqual([]);
  });
});
