import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { faultDisk } from "../disk/fault-disk.ts";
import type { Fault, FaultDisk, FaultKind } from "../disk/fault-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { MemoryDisk } from "../disk/memory-disk.ts";
import { isTallystickError } from "../errors.ts";
import { manualClock } from "../manual-clock.ts";
import type { ManualClock } from "../manual-clock.ts";
import { allLeaves, keyringOf, openOn, range } from "./journal.contract.ts";
import type { LocalJournal } from "./local-journal.ts";
import { batchOf } from "./memory-journal.ts";
import { readSegment } from "./read-segment.ts";
import { scanJournal } from "./scan.ts";
import { diskSource } from "./segment-source.ts";

const FOLDER = "/tallystick/journal";
const KINDS: readonly FaultKind[] = ["not persisted", "persisted but error returned", "torn"];
const DECEMBER_US = Date.UTC(2026, 11, 1) * 1_000;

interface Life {
  readonly inner: MemoryDisk;
  /** Another one after each crash; what still runs on the old one is dead. */
  disk: FaultDisk;
  readonly clock: ManualClock;
  /** Numbers of records that were acknowledged. */
  readonly acknowledged: Set<number>;
  /** What a ledger may have integrated: every acknowledged leaf. */
  readonly integrated: Map<string, number>;
}

const newLife = (): Life => {
  const inner = memoryDisk();
  return { inner, disk: faultDisk(inner), clock: manualClock(), acknowledged: new Set(), integrated: new Map() };
};

const start = async (life: Life): Promise<LocalJournal> => {
  const integratedSize = async (tree: string) => life.integrated.get(tree) ?? 0;
  const opened = await openOn(life.disk, life.clock, {
    integratedSize,
    settings: { segmentBytes: 2_000, dedupWindowRecords: 1_000 },
  });
  return opened.journal;
};

async function send(life: Life, journal: LocalJournal, from: number, to: number): Promise<boolean> {
  const outcome = await journal.append("default", batchOf(range(from, to)));
  if (outcome.kind !== "stored") return false;
  for (let number = from; number < to; number++) life.acknowledged.add(number);
  for (const { tree, size } of journal.trees()) life.integrated.set(tree, size);
  return true;
}

/** The same work in every row of the table: several segments, two trees, a clean stop. */
async function work(life: Life): Promise<void> {
  const journal = await start(life);
  for (let from = 0; from < 12; from += 3) await send(life, journal, from, from + 3);
  life.clock.set(DECEMBER_US);
  await send(life, journal, 12, 15);
  await journal.close({ seal: true });
}

/**
 * Every acknowledged record is there once, every other at most once; sent again, each is there once; nothing is wrong
 * on disk.
 */
async function checkAfter(life: Life): Promise<void> {
  const journal = await start(life);
  const count = async (): Promise<Map<string, number>> => {
    const counts = new Map<string, number>();
    for (const { record } of await allLeaves(journal)) counts.set(record.id, (counts.get(record.id) ?? 0) + 1);
    return counts;
  };
  const found = await count();
  expect([...found.values()].every((times) => times === 1)).toBe(true);
  const all = range(0, 15);
  for (const [number, { id }] of all.entries()) if (life.acknowledged.has(number)) expect(found.get(id), id).toBe(1);
  for (let from = 0; from < 15; from += 3) expect(await send(life, journal, from, from + 3)).toBe(true);
  const afterwards = await count();
  for (const { id } of all) expect(afterwards.get(id), id).toBe(1);
  await journal.close({ seal: true });
  await checkFolder(life);
}

async function checkFolder(life: Life): Promise<void> {
  const scan = await scanJournal(life.inner, FOLDER);
  expect([...scan.strangers, ...scan.leftovers]).toEqual([]);
  const keyring = keyringOf(life.inner, life.clock);
  for (const { log, epoch, segments } of scan.trees) {
    const epochKey = (await keyring.existing(`epoch.${log}.${epoch}`))!;
    const integrityKey = (await keyring.existing("integrity"))!;
    for (const { path } of segments) {
      const report = await readSegment(await diskSource(life.inner, path), {
        contents: "leaves",
        epochKey,
        integrityKey,
      });
      expect(report).toMatchObject({ faults: [], sealed: true, mac: "good", tail: null });
    }
  }
}

/** How many writes the work makes when nothing fails. */
async function countWrites(): Promise<number> {
  const life = newLife();
  await work(life);
  expect(life.acknowledged.size).toBe(15);
  return life.disk.writes();
}

describe("crash table: the process dies at a write", () => {
  test.each(KINDS)("every write, %s", async (kind) => {
    const writes = await countWrites();
    expect(writes).toBeGreaterThan(20);
    for (let skip = 0; skip < writes; skip++) {
      for (const share of [0, 0.5, 1]) {
        const life = newLife();
        life.disk.inject({ kind, skip, fatal: true });
        await work(life).catch((error: unknown) => expect(isTallystickError(error)).toBe(true));
        expect(life.disk.struck()).toBe(true);
        life.disk.lift();
        life.inner.crash((_, unsynced) => Math.floor(unsynced * share));
        await checkAfter(life);
      }
    }
  });

  // 5: a frame after others in its segment; 7: the only one in its segment, which is then set aside whole.
  test.each([5, 7])("and dies again at any write of the recovery, append %i torn", async (torn) => {
    const tornAt = async (skip: number): Promise<Life> => {
      const life = newLife();
      life.disk.inject({ kind: "torn", write: "append", skip: torn, fatal: true });
      await work(life).catch(() => {});
      life.disk.lift();
      life.inner.crash((_, unsynced) => unsynced);
      life.disk.inject({ kind: "persisted but error returned", skip, fatal: true });
      return life;
    };
    for (let skip = 0; ; skip++) {
      const life = await tornAt(skip);
      const journal = await start(life).catch(() => null);
      if (!life.disk.struck()) throw new Error("the first fault did not strike");
      const recovered = journal !== null;
      life.disk.lift();
      life.inner.crash();
      await checkAfter(life);
      const leaves = await allLeaves(await start(life));
      expect(leaves.filter(({ record }) => record.operation === "journal tail cut")).toHaveLength(1);
      if (recovered) break;
    }
  });
});

describe("fault table: the process lives on", () => {
  test.each([...KINDS, "no space"] as const)("every write, %s", async (kind) => {
    const writes = await countWrites();
    for (let skip = 1; skip < writes - 4; skip++) {
      const life = newLife();
      life.disk.inject({ kind, skip });
      const journal = await start(life).catch(() => null);
      if (journal === null) continue;
      for (let from = 0; from < 15; from += 3) {
        if (from === 12) life.clock.set(DECEMBER_US);
        await untilStored(life, () => send(life, journal, from, from + 3));
      }
      await journal.close({ seal: true });
      await checkAfter(life);
    }
  });

  test("a failure is answered at once to everybody, reading goes on, and writing comes back without a restart", async () => {
    const life = newLife();
    const journal = await start(life);
    await send(life, journal, 0, 3);
    const before = await allLeaves(journal);
    life.inner.setCapacity(0);
    const waiting = await Promise.all(
      [3, 6, 9].map((from) => journal.append("default", batchOf(range(from, from + 3)))),
    );
    expect(waiting).toEqual(Array.from({ length: 3 }, () => ({ kind: "pushback", reason: "full", retryAfterS: 30 })));
    expect(await journal.append("default", batchOf(range(3, 6)))).toMatchObject({ kind: "pushback", reason: "full" });
    expect(await allLeaves(journal)).toEqual(before);
    expect(journal.figures().get("default")!.broken).toBe("full");
    life.inner.setCapacity(64 * 1024 * 1024);
    await untilStored(life, () => send(life, journal, 3, 15));
    await journal.close({ seal: true });
    await checkAfter(life);
  });

  test("the records of a failed group are no duplicates afterwards", async () => {
    const life = newLife();
    const journal = await start(life);
    await send(life, journal, 0, 3);
    life.disk.inject({ kind: "not persisted", write: "sync" });
    expect(await journal.append("default", batchOf(range(3, 6)))).toMatchObject({ kind: "pushback", reason: "failed" });
    await untilStored(life, async () => {
      const outcome = await journal.append("default", batchOf(range(0, 6)));
      if (outcome.kind === "stored") expect(outcome).toMatchObject({ count: 3, duplicates: 3 });
      return outcome.kind === "stored";
    });
  });
});

describe("property: whatever is sent, fails and dies, an acknowledged record is there exactly once", () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        from: fc.nat(9),
        count: fc.integer({ min: 1, max: 5 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("fault" as const), kind: fc.constantFrom(...KINDS), skip: fc.nat(4) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("burst" as const),
        from: fc.nat(9),
        turns: fc.constantFrom(0, 1, 3, 100),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), keep: fc.nat(1_000) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(100, 2_000, 86_400_000 * 10) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const) }) },
  );

  test("in any order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const life = newLife();
        let journal = await start(life);
        for (const one of steps) {
          if (one.do === "send") await send(life, journal, one.from, one.from + one.count);
          if (one.do === "burst") {
            for (let sent = 0; sent < 4; sent++) void send(life, journal, one.from + sent, one.from + sent + 2);
            for (let turn = 0; turn < one.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
          }
          if (one.do === "fault") life.disk.inject({ kind: one.kind, skip: one.skip } satisfies Fault);
          if (one.do === "wait") life.clock.advance(one.ms);
          if (one.do === "stop") await journal.close({ seal: true }).catch(() => {});
          if (one.do === "stop" || one.do === "crash") {
            die(life, (unsynced) => (one.do === "crash" ? Math.min(unsynced, one.keep) : 0));
            journal = await start(life);
          }
        }
        die(life, () => 0);
        await checkAfter(life);
      }),
      { numRuns: 60 },
    );
  });
});

/** Whatever of the process is still under way reaches the disk no more. */
function die(life: Life, keep: (unsynced: number) => number): void {
  life.disk.lift();
  life.disk.inject({ kind: "not persisted", fatal: true });
  life.inner.crash((_, unsynced) => keep(unsynced));
  life.disk = faultDisk(life.inner);
}

/** Sends again, as a producer does after a 503, while the clock goes on. */
async function untilStored(life: Life, attempt: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    if (await attempt()) return;
    life.clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("the journal did not come back");
}
