import { afterEach, describe, expect, test } from "vitest";

import type { Disk } from "../disk/disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { allLeaves, closeAll, openOn, range, stored } from "./journal.contract.ts";
import type { AppendOutcome } from "./journal.ts";
import type { JournalSettings } from "./limits.ts";
import { batchOf } from "./memory-journal.ts";

afterEach(closeAll);

/** A disk whose syncs wait for the test. */
function gatedDisk(inner: Disk): { disk: Disk; syncs(): number; close(): void; release(): void } {
  let waiting: (() => void)[] = [];
  let closed = false;
  let syncs = 0;
  const disk: Disk = {
    ...inner,
    async createAppend(path) {
      const file = await inner.createAppend(path);
      return {
        ...file,
        async sync() {
          syncs += 1;
          if (closed) await new Promise<void>((resolve) => waiting.push(resolve));
          await file.sync();
        },
      };
    },
  };
  return {
    disk,
    syncs: () => syncs,
    close: () => void (closed = true),
    release() {
      closed = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

async function gated(settings: Partial<JournalSettings> = {}) {
  const gate = gatedDisk(memoryDisk());
  const clock = manualClock();
  const { journal } = await openOn(gate.disk, clock, { settings });
  stored(await journal.append("default", batchOf(range(0, 1))));
  gate.close();
  const send = (from: number, to = from + 1): Promise<AppendOutcome> =>
    journal.append("default", batchOf(range(from, to)));
  return { gate, clock, journal, send };
}

describe("group commit", () => {
  test("nothing is acknowledged, listed or readable before it is synced", async () => {
    const { gate, journal, send } = await gated();
    let done = false;
    const sent = send(1).then(() => (done = true));
    await turns();
    expect(done).toBe(false);
    expect(journal.trees()[0]!.size).toBe(2);
    expect(await journal.read("default/2026-11", 2, 1_000)).toBeNull();
    gate.release();
    await sent;
    expect(journal.trees()[0]!.size).toBe(3);
  });

  test("a copy of a record in flight is acknowledged only with it", async () => {
    const { gate, clock, send } = await gated();
    const outcomes: string[] = [];
    const first = send(1).then(() => outcomes.push("record"));
    await turns();
    const copy = send(1).then((outcome) => outcomes.push(`copy ${stored(outcome).duplicates}`));
    clock.advance(10);
    await turns();
    expect(outcomes).toEqual([]);
    gate.release();
    await Promise.all([first, copy]);
    expect(outcomes).toEqual(["record", "copy 1"]);
  });

  test("batches that come while one is being written share one sync", async () => {
    const { gate, journal, send } = await gated();
    const first = send(1);
    await turns();
    const others = Array.from({ length: 50 }, (_, place) => send(2 + place));
    await turns();
    const before = gate.syncs();
    gate.release();
    await Promise.all([first, ...others]);
    expect(gate.syncs() - before).toBe(1);
    expect((await allLeaves(journal)).slice(1).map(({ record }) => record)).toEqual(range(0, 52));
  });

  test("the next group is sealed while one is being written: after the window, or when it is full", async () => {
    for (const settings of [{ windowMs: 5 }, { windowMs: 1_000_000, groupBytes: 1_500 }]) {
      const { gate, clock, send } = await gated(settings);
      const first = send(1);
      await turns();
      const second = [send(2), send(3)];
      await turns();
      clock.advance(settings.windowMs === 5 ? 5 : 0);
      await turns();
      const third = send(4);
      await turns();
      const before = gate.syncs();
      gate.release();
      await Promise.all([first, ...second, third]);
      // The second group was taken before the third came.
      expect(gate.syncs() - before).toBe(2);
    }
  });

  test("too much waiting is pushed back as busy, and taken again later", async () => {
    const { gate, send } = await gated({ maxWaitingBytes: 4_000 });
    const taken = [send(1), send(2), send(3)];
    await turns();
    const refused = await send(4, 8);
    expect(refused).toEqual({ kind: "pushback", reason: "busy", retryAfterS: 1 });
    gate.release();
    await Promise.all(taken);
    expect(stored(await send(4, 8)).count).toBe(4);
  });

  test("segments roll at their size, and reading goes through all of them", async () => {
    const disk = memoryDisk();
    const clock = manualClock();
    const settings = { segmentBytes: 1_500, tailCacheBytes: 1 };
    const { journal } = await openOn(disk, clock, { settings });
    for (let from = 0; from < 30; from += 2) await journal.append("default", batchOf(range(from, from + 2)));
    const segments = (await disk.list("/tallystick/journal/default/2026-11")).length;
    expect(segments).toBeGreaterThan(3);
    expect((await allLeaves(journal)).slice(1).map(({ record }) => record)).toEqual(range(0, 30));
    expect(await journal.read("default/2026-11", 17, 1)).toMatchObject({ firstIndex: 17, count: 1 });
    await journal.close({ seal: true });
    const again = await openOn(disk, clock, { settings });
    expect((await allLeaves(again.journal)).slice(1).map(({ record }) => record)).toEqual(range(0, 30));
    expect(stored(await again.journal.append("default", batchOf(range(0, 31))))).toMatchObject({
      duplicates: 30,
      count: 1,
    });
    expect(await disk.list("/tallystick/journal/default/2026-11")).toHaveLength(segments + 1);
  });

  test("the window of duplicates covers the last stored records and no more", async () => {
    const { journal } = await openOn(memoryDisk(), manualClock(), { settings: { dedupWindowRecords: 10 } });
    await journal.append("default", batchOf(range(0, 5)));
    await journal.append("default", batchOf(range(5, 15)));
    expect(stored(await journal.append("default", batchOf(range(5, 15)))).duplicates).toBe(10);
    expect(stored(await journal.append("default", batchOf(range(0, 5)))).count).toBe(5);
  });

  test("a journal that is left alone at its stop adds nothing", async () => {
    const disk = memoryDisk();
    const clock = manualClock();
    const first = await openOn(disk, clock);
    await first.journal.append("default", batchOf(range(0, 1)));
    await first.journal.close({ seal: true });
    const before = [...disk.files().keys()];
    const again = await openOn(disk, clock);
    await again.journal.close({ seal: true });
    expect([...disk.files().keys()]).toEqual(before);
  });
});
