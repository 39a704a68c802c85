import { describe, expect, it } from "vitest";
import { faultDisk, FAULT_KINDS } from "../disk/fault-disk.ts";
import { FaultHeadStore } from "./fault-head-store.ts";
import { fsHeadStore } from "./fs-head-store.ts";
import { LedgerBench, settle, walkServedTree } from "./ledger-bench.contract.ts";

const TREE = "default/2026-11";
/** Every file the ledger writes, by a part of its path. */
const WRITES = [
  { name: "a full tile", write: "replaceFile", path: "tile/0/000" },
  { name: "a tile of level 1", write: "replaceFile", path: "tile/1/" },
  { name: "a partial tile", write: "replaceFile", path: ".p/" },
  { name: "the head", write: "replaceFile", path: "/head/" },
  { name: "the checkpoint", write: "replaceFile", path: "/checkpoint" },
  { name: "the removal of a partial tile", write: "remove", path: ".p/" },
  { name: "a folder", write: "makeFolder", path: "/tile/" },
] as const;

async function benchWithFiles(): Promise<{ bench: LedgerBench; faults: ReturnType<typeof faultDisk> }> {
  const bench = new LedgerBench();
  const faults = faultDisk(bench.files);
  bench.disk = faults;
  bench.heads = fsHeadStore(faults, "/head");
  bench.journal.openTree(TREE);
  bench.journal.addLeaves(TREE, 99);
  const ledger = await bench.open();
  await bench.untilPublished(TREE);
  bench.journal.addLeaves(TREE, 300);
  expect(bench.publishedSize(TREE)).toBe(100);
  void ledger;
  return { bench, faults };
}

describe.each(WRITES)("when $name fails", ({ write, path }) => {
  it.each(FAULT_KINDS)("%s: the running ledger tries again and publishes", async (kind) => {
    const { bench, faults } = await benchWithFiles();
    faults.inject({ kind, write, path });
    await bench.untilPublished(TREE);
    await bench.until(() => faults.struck());
    const ledger = await bench.open();
    expect(await walkServedTree(ledger, TREE)).toBe(400);
    expect(bench.fatal).toEqual([]);
  });

  it.each(FAULT_KINDS)("%s and the process dies there: the next start goes on from the head", async (kind) => {
    const { bench, faults } = await benchWithFiles();
    faults.inject({ kind, write, path, fatal: true });
    for (let turn = 0; turn < 40 && !faults.struck(); turn += 1) {
      bench.clock.advance(100);
      await settle();
    }
    expect(faults.struck()).toBe(true);
    await settle();
    bench.files.crash();
    faults.lift();
    bench.clock.advance(0);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    expect(await walkServedTree(ledger, TREE)).toBe(400);
    await ledger.close();
    expect([...bench.tileFiles(TREE)].sort()).toEqual(["tile/0/000", "tile/0/001.p/144", "tile/1/000.p/1"]);
    expect(bench.fatal).toEqual([]);
  });
});

describe("when the head store fails", () => {
  it.each(["lost", "done-but-error"] as const)("%s: the head is read before anything else is signed", async (fault) => {
    const bench = new LedgerBench();
    const heads = new FaultHeadStore(bench.heads);
    bench.heads = heads;
    bench.journal.openTree(TREE);
    const ledger = await bench.open();
    heads.failNext(fault);
    await bench.until(() => heads.swaps === 1);
    bench.journal.addLeaves(TREE, 500);
    heads.failNext("read-error");
    await bench.untilPublished(TREE);
    expect(await walkServedTree(ledger, TREE)).toBe(501);
    expect(bench.notices.map(({ kind }) => kind)).toEqual(["retry", "retry", "recovered"]);
  });

  it("stops when somebody else swapped the head", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    await bench.heads.swap(TREE, await bench.heads.read(TREE), Buffer.from("another note"));
    bench.journal.addLeaves(TREE, 1);
    const waiting = expect(ledger.published(TREE, 2, 60_000)).rejects.toMatchObject({ code: "shutting_down" });
    await bench.until(() => bench.fatal.length > 0);
    await waiting;
    expect(bench.fatal).toMatchObject([{ code: "ledger_rollback", fatal: true }]);
    expect(bench.publishedSize(TREE)).toBe(1);
  });

  it("goes on by itself when a full disk has space again", async () => {
    const { bench, faults } = await benchWithFiles();
    faults.inject({ kind: "no space", stays: true });
    for (let turn = 0; turn < 50; turn += 1) {
      bench.clock.advance(500);
      await settle();
    }
    expect(bench.publishedSize(TREE)).toBe(100);
    expect(bench.notices.length).toBeLessThan(15);
    faults.lift();
    await bench.untilPublished(TREE);
    expect(bench.fatal).toEqual([]);
  });
});
