import { describe, expect, it } from "vitest";
import { LedgerBench, testSigner, walkServedTree } from "./ledger-bench.contract.ts";
import { MemoryHeadStore } from "./memory-head-store.ts";

const TREE = "default/2026-11";
const CHECKPOINT = `/ledger/${TREE}/checkpoint`;

async function stopped(leaves = 700): Promise<LedgerBench> {
  const bench = new LedgerBench();
  bench.journal.openTree(TREE);
  bench.journal.addLeaves(TREE, leaves - 1);
  await (await bench.open()).close();
  return bench;
}

async function headAt(leaves: number): Promise<{ heads: MemoryHeadStore; note: Uint8Array }> {
  const other = await stopped(leaves);
  return { heads: other.heads as MemoryHeadStore, note: other.files.files().get(CHECKPOINT)! };
}

describe("at its start the ledger refuses", () => {
  it("a checkpoint that is ahead of the head", async () => {
    const bench = await stopped(700);
    bench.heads = (await headAt(600)).heads;
    await expect(bench.open()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });

  it("a checkpoint without any head", async () => {
    const bench = await stopped();
    bench.heads = new MemoryHeadStore();
    await expect(bench.open()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });

  it("a checkpoint of the same size and another root", async () => {
    const bench = await stopped();
    const other = new LedgerBench();
    other.journal.openTree(TREE);
    other.journal.addLeaves(TREE, 699);
    other.journal.change(TREE, 3, Buffer.from("another leaf"));
    await (await other.open()).close();
    bench.files.tamper(CHECKPOINT, other.files.files().get(CHECKPOINT)!);
    await expect(bench.open()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });

  it("a journal that is shorter than the head", async () => {
    const bench = await stopped();
    bench.journal.cut(TREE, 650);
    await expect(bench.open()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });

  it("a journal that lost the tree", async () => {
    const bench = await stopped();
    bench.journal.forget(TREE);
    await expect(bench.open()).rejects.toMatchObject({ code: "ledger_rollback", fatal: true });
  });

  it("a journal that gives another root when rebuilt, and leaves the tiles that prove it alone", async () => {
    const bench = await stopped();
    const before = bench.files.files();
    bench.journal.change(TREE, 3, Buffer.from("another leaf"));
    bench.files.tamper(`/ledger/${TREE}/tile/1/000.p/2`, null);
    await expect(bench.open()).rejects.toMatchObject({ code: "ledger_mismatch", fatal: true });
    expect(bench.files.files().get(`/ledger/${TREE}/tile/0/000`)).toEqual(before.get(`/ledger/${TREE}/tile/0/000`));
  });

  it("a head that its key did not sign", async () => {
    const bench = await stopped();
    await expect(bench.open({ signer: testSigner(8) })).rejects.toMatchObject({ code: "ledger_mismatch", fatal: true });
    await expect(bench.open({ serverOrigin: "other.example" })).rejects.toMatchObject({
      code: "ledger_mismatch",
      fatal: true,
    });
  });
});

describe("at its start the ledger puts right", () => {
  it.each(["older", "missing", "damaged"])("a checkpoint that is %s: the head is published again", async (what) => {
    const bench = await stopped(700);
    const good = bench.files.files().get(CHECKPOINT)!;
    const bytes = what === "older" ? (await headAt(600)).note : what === "missing" ? null : good.with(9, good[9]! ^ 1);
    bench.files.tamper(CHECKPOINT, bytes);
    await bench.open();
    expect(bench.files.files().get(CHECKPOINT)).toEqual(good);
  });

  it("a ledger folder that was deleted whole", async () => {
    const bench = await stopped(700);
    const before = bench.files.files();
    for (const path of before.keys()) if (path.startsWith("/ledger/")) bench.files.tamper(path, null);
    const ledger = await bench.open();
    expect(bench.files.files()).toEqual(before);
    expect(bench.notices).toEqual([{ kind: "tiles_rebuilt", tree: TREE, tiles: 4 }]);
    expect(await walkServedTree(ledger, TREE)).toBe(700);
  });

  it.each(["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"])("a missing %s", async (path) => {
    const bench = await stopped(700);
    const before = bench.files.files();
    bench.files.tamper(`/ledger/${TREE}/${path}`, null);
    await bench.open();
    expect(bench.files.files()).toEqual(before);
  });

  it("a changed tile of the right edge", async () => {
    const bench = await stopped(700);
    const before = bench.files.files();
    bench.files.tamper(`/ledger/${TREE}/tile/1/000.p/2`, Buffer.alloc(64, 1));
    await bench.open();
    expect(bench.files.files()).toEqual(before);
  });

  it("tiles of sizes that were never published, and what a killed write left", async () => {
    const bench = await stopped(700);
    const before = bench.files.files();
    for (const path of ["tile/0/002", "tile/0/001.p/7", "tile/0/002.p/200", "tile/0/003.tmp", "tile/2/000.p/1"]) {
      await bench.files.makeFolder(`/ledger/${TREE}/${path.slice(0, path.lastIndexOf("/"))}`);
      bench.files.tamper(`/ledger/${TREE}/${path}`, Buffer.alloc(32));
    }
    await bench.open();
    expect(bench.files.files()).toEqual(before);
  });
});
