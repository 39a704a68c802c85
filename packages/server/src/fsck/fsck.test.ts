import { describe, expect, it } from "vitest";
import { bulkOver } from "../disk/bulk-disk.ts";
import { openFileKms } from "../kms/file-kms.ts";
import { DATA, FolderBench } from "./folder-bench.contract.ts";
import { fsck } from "./fsck.ts";
import type { FsckOptions, FsckResult, IndexDayCount } from "./fsck.ts";

const TREE = "default/2026-11";

async function stopped(): Promise<FolderBench> {
  const bench = new FolderBench({ journal: { segmentBytes: 2_000 } });
  await bench.start();
  for (let batch = 0; batch < 5; batch += 1) await bench.append("default", 100);
  bench.clock.advance(24 * 3_600_000);
  await bench.append("default", 30);
  await bench.stop();
  return bench;
}

async function run(bench: FolderBench, changes: Partial<FsckOptions> = {}): Promise<FsckResult> {
  const kms = await openFileKms(bench.disk, `${DATA}/kms.key`, (size) => bench.randomBytes(size));
  const verify = { dataFolder: DATA, disk: bench.disk, clock: bench.clock, kms, integrityKey: null };
  return fsck({ verify, bulk: bulkOver(bench.disk), repair: false, indexCounts: null, ...changes });
}

const COUNTS: readonly IndexDayCount[] = [
  { tree: TREE, day: "2026-11-25", count: 501, min: 0, max: 500 },
  { tree: TREE, day: "2026-11-26", count: 30, min: 501, max: 530 },
];

describe("fsck", () => {
  it("finds a good folder and a good index clean", async () => {
    const result = await run(await stopped(), { indexCounts: async () => COUNTS });
    expect(result.verify.faults).toEqual([]);
    expect(result.index).toEqual({ compared: true, faults: [] });
    expect((await run(await stopped())).index.compared).toBe(false);
  });

  it("finds rows that are missing, doubled or nobody's", async () => {
    const bench = await stopped();
    const [day, next] = COUNTS as [IndexDayCount, IndexDayCount];
    const faults = async (counts: readonly IndexDayCount[]): Promise<readonly (number | undefined)[]> =>
      (await run(bench, { indexCounts: async () => counts })).index.faults.map(({ index }) => index);
    expect(await faults([day])).toEqual([501]);
    expect(await faults([{ ...day, count: 502 }, next])).toEqual([0]);
    expect(await faults([{ ...day, count: 401, max: 400 }, next])).toEqual([401]);
    expect(await faults([day, next, { ...next, tree: "control/2026-11" }])).toEqual([501]);
  });

  it.each([
    ["a changed tile", "tile/0/001", Buffer.alloc(8_192, 1)],
    ["a missing tile", "tile/1/000.p/2", null],
    ["a missing checkpoint", "checkpoint", null],
    ["a changed checkpoint", "checkpoint", Buffer.from("nothing")],
    ["missing chain leaves", "chain", null],
    ["changed chain leaves", "chain", Buffer.from("0 {}\n")],
    ["a stray tile", "tile/0/000.p/9", Buffer.alloc(288)],
  ])("repairs %s from the journal and the head", async (_what, path, bytes) => {
    const bench = await stopped();
    const before = bench.disk.files();
    await bench.disk.makeFolder(`${DATA}/ledger/${TREE}/${path}`.replace(/\/[^/]*$/, ""));
    bench.disk.tamper(`${DATA}/ledger/${TREE}/${path}`, bytes);
    const looked = await run(bench);
    expect(looked.verify.clean).toBe(false);
    expect(looked.repaired).toEqual([]);
    const result = await run(bench, { repair: true });
    expect(result.repaired).toEqual([TREE]);
    expect(result.verify.faults).toEqual([]);
    expect(bench.disk.files()).toEqual(before);
  });

  it("rebuilds a ledger folder that was deleted whole", async () => {
    const bench = await stopped();
    const before = bench.disk.files();
    for (const path of before.keys()) if (path.startsWith(`${DATA}/ledger/`)) bench.disk.tamper(path, null);
    expect((await run(bench, { repair: true })).verify.clean).toBe(true);
    expect(bench.disk.files()).toEqual(before);
  });

  it("writes nothing when the journal is damaged, or the head, or the KMS key is away", async () => {
    for (const path of ["journal/default/2026-11/00000000000000000000.seg", "head/default/2026-11.note"]) {
      const bench = await stopped();
      bench.disk.tamper(`${DATA}/ledger/${TREE}/tile/0/001`, null);
      const good = bench.disk.files().get(`${DATA}/${path}`)!;
      bench.disk.tamper(`${DATA}/${path}`, good.with(120, good[120]! ^ 1));
      const before = bench.disk.files();
      const result = await run(bench, { repair: true });
      expect(result.repaired).toEqual([]);
      expect(result.verify.clean).toBe(false);
      expect(bench.disk.files()).toEqual(before);
    }
    const bench = await stopped();
    bench.disk.tamper(`${DATA}/ledger/${TREE}/tile/0/001`, null);
    const verify = { dataFolder: DATA, disk: bench.disk, clock: bench.clock, kms: null, integrityKey: null };
    await expect(run(bench, { repair: true, verify })).rejects.toMatchObject({ code: "key_unavailable" });
  });
});
