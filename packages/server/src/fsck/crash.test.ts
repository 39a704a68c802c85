import { decodeLeaf } from "@tallystick/record";
import { describe, expect, it } from "vitest";
import { FAULT_KINDS } from "../disk/fault-disk.ts";
import type { FaultKind } from "../disk/fault-disk.ts";
import { countEntries, leafAt } from "../journal/entries.ts";
import { settle } from "../ledger/ledger-bench.contract.ts";
import { FolderBench } from "./folder-bench.contract.ts";

const EPOCHS = { epoch: { kind: "duration", seconds: 10 }, journal: { segmentBytes: 700 } } as const;

/** A short life over several epochs, with a clean stop unless it dies; what was acknowledged is added to the list. */
async function live(bench: FolderBench, acknowledged: string[]): Promise<void> {
  await bench.start();
  for (let step = 0; step < 4; step += 1) {
    acknowledged.push(...(await bench.offer("default", 7)));
    for (let turn = 0; turn < 3; turn += 1) {
      bench.clock.advance(1_100);
      await settle();
    }
  }
  await bench.stop();
}

async function storedIds(bench: FolderBench): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const { tree, size } of bench.journal.trees()) {
    for (let index = 0; index < size;) {
      const range = await bench.journal.read(tree, index, 1_000_000);
      if (range === null) break;
      for (let place = 0; place < countEntries(range.entries); place += 1) {
        const { record } = decodeLeaf(leafAt(range.entries, place));
        if (record.event_type === "API_CALL") ids.push(record.id);
      }
      index += range.count;
    }
  }
  return ids;
}

async function dieAt(write: number, kind: FaultKind): Promise<"died" | "lived"> {
  const bench = new FolderBench(EPOCHS);
  const acknowledged: string[] = [];
  await bench.start();
  acknowledged.push(...(await bench.offer("default", 3)));
  await bench.stop();
  bench.faults.inject({ kind, skip: write, fatal: true });
  await live(bench, acknowledged).catch(() => undefined);
  const struck = bench.faults.struck();
  bench.kill((_path, unsynced) => Math.floor(unsynced / 2));
  expect((await bench.verify()).faults).toEqual([]);
  expect((await bench.verify({ kms: null })).faults).toEqual([]);
  // Once more, somewhere in the recovery.
  bench.faults.inject({ kind, skip: write % 11, fatal: true });
  await live(bench, acknowledged).catch(() => undefined);
  bench.kill();
  expect((await bench.verify()).faults).toEqual([]);
  await bench.start();
  await bench.offer("default", 1);
  await bench.publish();
  const ids = await storedIds(bench);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining(acknowledged));
  await bench.stop();
  expect((await bench.verify()).faults).toEqual([]);
  return struck ? "died" : "lived";
}

describe.each(FAULT_KINDS.slice(0, 3))("a server whose write is %s when it dies", (kind) => {
  it("leaves a clean folder wherever it dies, loses nothing acknowledged and goes on", async () => {
    let write = FAULT_KINDS.indexOf(kind) % 2;
    for (; (await dieAt(write, kind)) === "died"; write += 2) expect(write).toBeLessThan(1_000);
    expect(write).toBeGreaterThan(40);
  });
});
