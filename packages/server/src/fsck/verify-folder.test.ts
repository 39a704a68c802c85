import { summarise } from "@tallystick/verify";
import { beforeAll, describe, expect, it } from "vitest";
import { openFileKms } from "../kms/file-kms.ts";
import { DATA, FolderBench } from "./folder-bench.contract.ts";
import type { FolderVerifyResult } from "./verify-folder.ts";

async function stopped(): Promise<FolderBench> {
  const bench = new FolderBench({ journal: { segmentBytes: 2_000 } });
  await bench.start();
  await bench.append("control", 2);
  for (let batch = 0; batch < 6; batch += 1) await bench.append("default", 60);
  await bench.publish();
  await bench.append("default", 30);
  await bench.stop();
  return bench;
}

/** A log of several ten-second epochs. */
async function withEpochs(): Promise<FolderBench> {
  const bench = new FolderBench({ epoch: { kind: "duration", seconds: 10 } });
  await bench.start();
  for (let epoch = 0; epoch < 3; epoch += 1) {
    await bench.append("default", 5);
    await bench.publish();
    bench.clock.advance(10_000);
  }
  await bench.append("default", 5);
  await bench.stop();
  return bench;
}

const codes = ({ faults }: FolderVerifyResult): readonly string[] => faults.map(({ code }) => code);

async function integrityKey(bench: FolderBench): Promise<Uint8Array> {
  const kms = await openFileKms(bench.disk, `${DATA}/kms.key`, (size) => bench.randomBytes(size));
  return bench.keyring(kms!).key("integrity");
}

describe("verification of a data folder", () => {
  it("finds a cleanly stopped folder clean, contents and MACs checked", async () => {
    const bench = await stopped();
    const result = await bench.verify();
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({
      clean: true,
      anchored: false,
      contents: "checked",
      macs: "checked",
      tails: [],
      leavesChecked: 394,
    });
    expect(result.trees.map(({ tree, size }) => `${tree} ${size}`)).toEqual([
      "control/2026-11 3",
      "default/2026-11 391",
    ]);
    expect([...bench.disk.files().keys()].filter((path) => path.includes("/journal/default/")).length).toBeGreaterThan(
      1,
    );
  });

  it("without the KMS key checks all but the contents, and says so", async () => {
    const bench = await stopped();
    const result = await bench.verify({ kms: null });
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ clean: true, contents: "not checked", macs: "not checked" });
    const withMac = await bench.verify({ kms: null, integrityKey: await integrityKey(bench) });
    expect(withMac.faults).toEqual([]);
    expect(withMac).toMatchObject({ clean: true, contents: "not checked", macs: "checked" });
  });

  it("with the integrity key alone finds a flipped bit in every segment", async () => {
    const bench = await stopped();
    const key = await integrityKey(bench);
    for (const [path, bytes] of bench.disk.files()) {
      if (!path.endsWith(".seg")) continue;
      for (let at = 0; at < bytes.length; at += 7) {
        bench.disk.tamper(path, bytes.with(at, bytes[at]! ^ (1 << (at % 8))));
        const result = await bench.verify({ kms: null, integrityKey: key });
        expect(result.faults.map(({ file }) => file)).toContain(path.slice(DATA.length + 1));
        const isMacWrong = result.faults.some(({ code }) => code === "segment_mac");
        if (isMacWrong) expect(result.macs).toBe("checked");
      }
      bench.disk.tamper(path, bytes);
    }
  });

  it("without the KMS key lays a flipped bit of a tile at that tile's door, and at no other's", async () => {
    const bench = await stopped();
    const paths = [...bench.disk.files().keys()].filter((path) => path.includes("/tile/"));
    expect(paths.some((path) => path.includes("/tile/1/"))).toBe(true);
    for (const path of paths) {
      const bytes = bench.disk.files().get(path)!;
      for (const at of [0, bytes.length >> 1, bytes.length - 1]) {
        bench.disk.tamper(path, bytes.with(at, bytes[at]! ^ 4));
        const { faults } = await bench.verify({ kms: null });
        // The hash of a leaf that chains the epochs is also held against that leaf, which lies in clear.
        const ofTiles = faults.filter(({ file }) => file !== undefined && !/chain$|^journal/.test(file));
        expect(ofTiles.map(({ code, file }) => [code, file])).toEqual([["tile_mismatch", path.slice(DATA.length + 1)]]);
      }
      bench.disk.tamper(path, null);
      const { faults } = await bench.verify({ kms: null });
      expect(faults.map(({ code, file }) => [code, file])).toContainEqual([
        "tile_missing",
        path.slice(DATA.length + 1),
      ]);
      bench.disk.tamper(path, bytes);
    }
  });

  it("finds epochs clean, with leaf 0 and the link of each tree", async () => {
    const bench = await withEpochs();
    const result = await bench.verify();
    expect(result.faults).toEqual([]);
    expect(result.trees.map(({ size }) => size)).toEqual([6, 7, 7, 7]);
  });

  it("finds a tree that was taken out of the middle or from the beginning", async () => {
    const bench = await withEpochs();
    const trees = (await bench.verify()).trees.map(({ tree }) => tree);
    for (const tree of trees.slice(0, -1)) {
      const copy = await bench.copy();
      for (const path of copy.disk.files().keys()) if (path.includes(tree)) copy.disk.tamper(path, null);
      expect((await copy.verify()).clean).toBe(false);
    }
  });

  it("refuses a folder of a newer format by name, and reads nothing on", async () => {
    const bench = await stopped();
    const path = `${DATA}/server.json`;
    const text = Buffer.from(bench.disk.files().get(path)!).toString("utf8");
    bench.disk.tamper(path, Buffer.from(text.replace('"format":1', '"format":2')));
    await expect(bench.verify()).rejects.toMatchObject({
      code: "folder_format",
      message: expect.stringContaining("has format 2; this version reads format 1") as string,
    });
  });

  it("needs a data folder", async () => {
    await expect(new FolderBench().verify()).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("what the verifier knew before", () => {
  let bench: FolderBench;
  let checkpoint: Uint8Array;
  let vkey: string;
  beforeAll(async () => {
    bench = await stopped();
    checkpoint = bench.disk.files().get(`${DATA}/ledger/default/2026-11/checkpoint`)!;
    vkey = bench.ledger.verifierKey("default/2026-11");
  });

  it("anchors the result", async () => {
    expect(await bench.verify({ vkey })).toMatchObject({ clean: true, anchored: true });
    const control = bench.disk.files().get(`${DATA}/ledger/control/2026-11/checkpoint`)!;
    const both = Buffer.concat([checkpoint, Buffer.from("\n"), control]);
    expect(await bench.verify({ since: both })).toMatchObject({ clean: true, anchored: true });
    expect(await bench.verify({ since: both, kms: null })).toMatchObject({ clean: true, anchored: true });
  });

  it("anchors no other log's trees than those of which a checkpoint was given, and says which", async () => {
    const result = await bench.verify({ since: checkpoint });
    expect(result).toMatchObject({ clean: true, anchored: false });
    expect(result.trees.map(({ tree, anchored }) => [tree, anchored])).toEqual([
      ["control/2026-11", false],
      ["default/2026-11", true],
    ]);
    expect(summarise(result)[0]).toContain("anchored only in part: NOT control/2026-11");
  });

  it.each([0, 2, 3])("anchors a log's trees along the epoch chain from tree %i", async (at) => {
    const epochs = await withEpochs();
    const { tree } = (await epochs.verify()).trees[at]!;
    const since = epochs.disk.files().get(`${DATA}/ledger/${tree}/checkpoint`)!;
    for (const changes of [{}, { kms: null }])
      expect(await epochs.verify({ since, ...changes })).toMatchObject({ clean: true, anchored: true });
  });

  it("finds a folder that was put back whole to an earlier day", async () => {
    const younger = await bench.copy();
    await younger.start();
    await younger.append("default", 40);
    await younger.stop();
    const later = younger.disk.files().get(`${DATA}/ledger/default/2026-11/checkpoint`)!;
    const notes = Buffer.concat([checkpoint, Buffer.from("\n"), later]);
    expect(await younger.verify({ since: notes })).toMatchObject({ clean: true });
    expect(codes(await bench.verify({ since: later }))).toEqual(["rollback"]);
    expect(codes(await bench.verify({ since: notes, kms: null }))).toEqual(["rollback"]);
    expect((await bench.verify()).clean).toBe(true);
  });

  it("finds another key and another history", async () => {
    const other = new FolderBench();
    other.randomBytes(32);
    await other.start();
    await other.append("default", 500);
    await other.stop();
    expect(codes(await other.verify({ vkey }))).toContain("key_mismatch");
    expect(codes(await other.verify({ since: checkpoint }))).toContain("since_signature");
    expect(
      codes(await bench.verify({ vkey: vkey.replace("default", "defaults") }).catch(() => other.verify({ vkey }))),
    ).not.toEqual([]);
  });

  it("must be readable", async () => {
    await expect(bench.verify({ since: Buffer.from("nothing") })).rejects.toMatchObject({ code: "bad_request" });
    await expect(bench.verify({ vkey: "nothing" })).rejects.toMatchObject({ code: "bad_request" });
  });
});

describe("a folder in use", () => {
  it("is clean at every moment of its life", async () => {
    const bench = new FolderBench({ epoch: { kind: "duration", seconds: 10 }, journal: { segmentBytes: 1_500 } });
    await bench.start();
    for (let step = 0; step < 30; step += 1) {
      await bench.append("default", 37);
      bench.clock.advance(step % 3 === 0 ? 1_100 : 90);
      for (let turn = 0; turn < step % 7; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      for (const changes of [{}, { kms: null }]) expect((await bench.verify(changes)).faults).toEqual([]);
    }
    await bench.stop();
    expect((await bench.verify()).faults).toEqual([]);
  });

  it("is checked up to what is published while it grows", async () => {
    const bench = new FolderBench({ journal: { segmentBytes: 3_000 } });
    await bench.start();
    await bench.append("default", 300);
    await bench.publish();
    const stop = new AbortController();
    const growing = (async () => {
      while (!stop.signal.aborted) {
        await bench.append("default", 20);
        bench.clock.advance(250);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let round = 0; round < 10; round += 1) expect((await bench.verify()).faults).toEqual([]);
    stop.abort();
    await growing;
    await bench.stop();
  });

  it("that was killed is clean, with what was torn reported as a tail", async () => {
    for (const kept of [0, 1, 30, 100, 1_000_000]) {
      const bench = new FolderBench();
      await bench.start();
      await bench.append("default", 20);
      await bench.publish();
      const path = `${DATA}/journal/default/2026-11/00000000000000000000.seg`;
      const whole = bench.disk.files().get(path)!.length;
      await bench.append("default", 20);
      bench.kill();
      const written = bench.disk.files().get(path)!;
      bench.disk.tamper(path, written.subarray(0, Math.min(written.length, whole + kept)));
      const result = await bench.verify();
      expect(result.faults).toEqual([]);
      const isTorn = kept > 0 && whole + kept < written.length;
      expect(result.tails.map(({ offset, index }) => [offset, index])).toEqual(isTorn ? [[whole, 21]] : []);
      await bench.start();
      await bench.publish();
      await bench.stop();
      expect((await bench.verify()).faults).toEqual([]);
    }
  });

  it("that was killed and cut within what was signed is not clean", async () => {
    const bench = new FolderBench();
    await bench.start();
    await bench.append("default", 20);
    await bench.publish();
    bench.kill();
    const path = `${DATA}/journal/default/2026-11/00000000000000000000.seg`;
    const bytes = bench.disk.files().get(path)!;
    for (const length of [0, 10, 200, bytes.length - 1]) {
      bench.disk.tamper(path, bytes.subarray(0, length));
      const result = await bench.verify();
      expect(result.clean).toBe(false);
      expect(result.faults.map(({ tree }) => tree)).toContain("default/2026-11");
    }
  });
});
