import { decodeLeaf } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { describe, expect, it } from "vitest";
import { FAULT_KINDS } from "../disk/fault-disk.ts";
import type { FaultKind } from "../disk/fault-disk.ts";
import { DATA } from "../fsck/folder-bench.contract.ts";
import { leafAt } from "../journal/entries.ts";
import { KEEP, RetentionBench } from "./retention-bench.contract.ts";

const codes = async (bench: RetentionBench): Promise<readonly string[]> =>
  (await bench.folder.verify()).faults.map(({ code, tree, file }) => `${code} ${tree ?? file}`);

async function opened(epochs: number): Promise<RetentionBench> {
  const bench = new RetentionBench();
  await bench.start();
  await bench.epochs(epochs);
  return bench;
}

/** Own records of the log, in the trees that are left. */
async function lifecycle(bench: RetentionBench): Promise<readonly AuditRecord[]> {
  const found: AuditRecord[] = [];
  for (const { tree, size } of bench.folder.journal.trees()) {
    for (let index = 0; index < size; index += 1) {
      const range = await bench.folder.journal.read(tree, index, 1);
      const { record } = decodeLeaf(leafAt(range!.entries, 0));
      if (record.event_type === "LOG_LIFECYCLE") found.push(record);
    }
  }
  return found;
}

describe("the clean-up", () => {
  it("deletes whole trees once their time is over, leaves nothing of them, and the chain still verifies", async () => {
    const bench = await opened(6);
    const before = bench.trees();
    await bench.pass();
    expect(bench.troubles).toEqual([]);
    expect(bench.deleted.length).toBeGreaterThan(1);
    expect(bench.deleted).toEqual(before.slice(0, bench.deleted.length));
    expect(bench.forgotten).toEqual(bench.deleted);
    expect(bench.trees()).not.toContain(bench.deleted.at(-1));
    for (const tree of bench.deleted) expect(bench.left(tree)).toEqual([]);
    expect(await codes(bench)).toEqual([]);
    await bench.stop();
    const result = await bench.folder.verify();
    expect(result.faults).toEqual([]);
    expect(result.deleted.map(({ tree }) => tree)).toEqual(bench.deleted);
    expect((await bench.folder.verify({ kms: null })).faults).toEqual([]);
  });

  it("says in the log why a tree goes, before it goes, and that it is gone", async () => {
    const bench = await opened(4);
    await bench.pass();
    const tree = bench.deleted[0]!;
    const said = (await lifecycle(bench)).filter(({ attributes }) => attributes?.["tallystick.tree"] === tree);
    expect(said.map(({ operation, phase }) => [operation, phase])).toEqual([
      ["epoch deletion", "intent"],
      ["epoch deleted", "outcome"],
    ]);
    expect(said[0]?.attributes).toMatchObject({ "tallystick.reason": "retention: keep 20 seconds" });
    await bench.stop();
  });

  it("goes on when the tree that held a deletion's record is deleted in its turn", async () => {
    const bench = await opened(4);
    for (let round = 0; round < 4; round += 1) {
      await bench.epochs(2);
      await bench.pass();
    }
    expect(bench.deleted.length).toBeGreaterThan(8);
    await bench.stop();
    await bench.start();
    expect(await codes(bench)).toEqual([]);
    await bench.stop();
    expect(await codes(bench)).toEqual([]);
  });

  it("closes a tree that nobody writes to any more, so that its records go too", async () => {
    const bench = await opened(1);
    bench.folder.clock.advance(60_000);
    await bench.pass();
    await bench.folder.publish();
    await bench.pass();
    expect(bench.deleted).toHaveLength(1);
    expect(bench.trees()).toHaveLength(1);
    await bench.stop();
    expect(await codes(bench)).toEqual([]);
  });

  it("keeps what a hold keeps, what cannot be asked, and a control log without a snapshot", async () => {
    const bench = await opened(5);
    await bench.epochs(5, "control");
    const [held, unknown] = bench.trees().filter((tree) => tree.startsWith("default/")) as [string, string];
    bench.hasSnapshot = async (_, log) => log !== "control";
    bench.holds = async (tree) => {
      if (tree === unknown) return [{ id: "hold_2", name: "other", records: null }];
      return tree === held ? [{ id: "hold_1", name: "case", records: 2 }] : [];
    };
    await bench.pass();
    expect(bench.trees()).toEqual(expect.arrayContaining([held, unknown]));
    expect(bench.deleted.length).toBeGreaterThan(0);
    expect(bench.deleted.filter((tree) => tree.startsWith("control/"))).toEqual([]);
    const planned = await bench.cleanUp.plan();
    expect(planned.find(({ facts }) => facts.tree === held)?.fate).toMatchObject({ kind: "held" });
    expect(planned.find(({ facts }) => facts.tree === unknown)?.fate).toMatchObject({ kind: "waiting" });
    bench.holds = async () => [];
    bench.hasSnapshot = async () => true;
    await bench.pass();
    expect(bench.deleted).toEqual(expect.arrayContaining([held, unknown]));
    expect(bench.deleted.some((tree) => tree.startsWith("control/"))).toBe(true);
    await bench.stop();
    expect(await codes(bench)).toEqual([]);
  });

  it("deletes nothing because a disk is full", async () => {
    const bench = await opened(5);
    bench.retention = { ...KEEP, keep: { count: 1, unit: "years" } };
    bench.folder.faults.inject({ kind: "no space", write: "append", stays: true });
    await bench.pass();
    expect(bench.deleted).toEqual([]);
    bench.folder.faults.lift();
    bench.retention = KEEP;
    bench.folder.faults.inject({ kind: "no space", write: "append", stays: true });
    await bench.pass();
    expect(bench.deleted).toEqual([]);
    expect(bench.troubles).not.toEqual([]);
    bench.folder.faults.lift();
    await bench.cleanUp.close();
  });

  it("takes a closed tree out of the index when its time there is over", async () => {
    const bench = await opened(1);
    await bench.folder.offer("default", 1);
    const [old, current] = bench.trees() as [string, string];
    expect(await bench.indexKeep.refresh()).toBe(false);
    expect(bench.indexKeep.holds(old)).toBe(true);
    bench.folder.clock.advance(5_000);
    expect(await bench.indexKeep.refresh()).toBe(true);
    expect([old, current].map((tree) => bench.indexKeep.holds(tree))).toEqual([false, true]);
    bench.wanted.set(old, bench.folder.clock.nowUs() + 60_000_000);
    expect([await bench.indexKeep.refresh(), bench.indexKeep.holds(old)]).toEqual([true, true]);
    bench.folder.clock.advance(60_000);
    expect([await bench.indexKeep.refresh(), bench.indexKeep.holds(old)]).toEqual([true, false]);
    await bench.stop();
  });
});

describe("a deletion that the log did not make", () => {
  it("is a fault, whatever is taken away or put in its place", async () => {
    const bench = await opened(5);
    await bench.pass();
    await bench.stop();
    const [gone, later] = bench.deleted as [string, string];
    const file = (tree: string): string => `${DATA}/deleted/${tree}.json`;
    const bytes = bench.folder.disk.files().get(file(later))!;
    const faultsAfter = async (path: string, to: Uint8Array | null): Promise<readonly string[]> => {
      const before = bench.folder.disk.files().get(path) ?? null;
      bench.folder.disk.tamper(path, to);
      const found = await codes(bench);
      bench.folder.disk.tamper(path, before);
      return found;
    };
    expect(await faultsAfter(file(gone), null)).toEqual([expect.stringContaining("tree_opening")]);
    expect(await faultsAfter(file(later), null)).toEqual(expect.arrayContaining([expect.stringContaining("tree_")]));
    expect(await faultsAfter(file(gone), bytes)).toEqual(expect.arrayContaining([`deletion_record ${gone}`]));
    const text = Buffer.from(bytes).toString("utf8");
    const flipped = Buffer.from(
      text.replace(/(root\\":\\")(.)/, (_, name: string, one: string) => name + (one === "A" ? "B" : "A")),
    );
    expect(await faultsAfter(file(later), flipped)).toEqual(expect.arrayContaining([`deletion_record ${later}`]));
    expect(await faultsAfter(`${DATA}/deleted/default/x`, bytes)).toEqual(["unknown_file deleted/default/x"]);
    await bench.folder.disk.makeFolder(`${DATA}/journal/${gone}`);
    expect(await codes(bench)).toEqual([`deletion_unfinished ${gone}`]);
  });

  it("is not finished at a start: a file that proves nothing stops it, and nothing is removed", async () => {
    const bench = await opened(5);
    await bench.stop();
    const tree = bench.trees()[0]!;
    await bench.folder.disk.makeFolder(`${DATA}/deleted/default`);
    bench.folder.disk.tamper(`${DATA}/deleted/${tree}.json`, Buffer.from("{}"));
    bench.folder.disk.tamper(`${DATA}/deleted/${tree}.removing`, new Uint8Array());
    const before = bench.left(tree).length;
    await expect(bench.start()).rejects.toMatchObject({ code: "ledger_mismatch", fatal: true });
    expect(bench.left(tree)).toHaveLength(before);
  });
});

async function dieAt(write: number, kind: FaultKind): Promise<"died" | "lived"> {
  const bench = await opened(4);
  bench.folder.faults.inject({ kind, skip: write, fatal: true });
  await bench.pass();
  const struck = bench.folder.faults.struck();
  bench.folder.kill();
  expect(await codes(bench)).toEqual([]);
  // Once more, somewhere in the recovery and what follows it.
  bench.folder.faults.inject({ kind, skip: write % 13, fatal: true });
  await bench.start().then(
    () => bench.pass(),
    () => undefined,
  );
  bench.folder.kill();
  expect(await codes(bench)).toEqual([]);
  await bench.start();
  await bench.folder.publish();
  await bench.pass();
  const isDone = bench.trees().length;
  await bench.folder.publish();
  expect(await bench.cleanUp.plan()).toHaveLength(isDone);
  const ended = (await lifecycle(bench)).filter(({ operation }) => operation === "epoch deleted");
  expect(new Set(ended.map(({ id }) => id)).size).toBe(ended.length);
  await bench.stop();
  expect([...bench.folder.disk.files().keys()].filter((path) => path.endsWith(".removing"))).toEqual([]);
  expect(await codes(bench)).toEqual([]);
  return struck ? "died" : "lived";
}

describe.each(FAULT_KINDS.slice(0, 3))("a clean-up whose write is %s when the server dies", (kind) => {
  it("is ended by the next one, wherever it was, and the folder is clean at every moment", async () => {
    let write = FAULT_KINDS.indexOf(kind) % 2;
    for (; (await dieAt(write, kind)) === "died"; write += 2) expect(write).toBeLessThan(1_000);
    expect(write).toBeGreaterThan(40);
  });
});
