/** What every journal keeps to, run over each of them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { decodeLeaf } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { describe, expect, test } from "vitest";

import type { Disk } from "../disk/disk.ts";
import { kmsOf } from "../kms/file-kms.ts";
import { openKeyring } from "../kms/keyring.ts";
import type { Keyring } from "../kms/kms.ts";
import type { ManualClock } from "../manual-clock.ts";
import { LENGTH_BYTES, entryLength } from "./entries.ts";
import type { AppendOutcome, Journal } from "./journal.ts";
import type { LocalJournal, LocalJournalOptions } from "./local-journal.ts";
import { batchOf, memoryJournal, sampleId, sampleRecord, seededBytes } from "./memory-journal.ts";

export interface JournalUnderTest {
  readonly journal: LocalJournal;
  readonly clock: ManualClock;
  /** Closes as a clean stop does and opens again over the same bytes. */
  reopen(): Promise<JournalUnderTest>;
}

export interface StoredLeaf {
  readonly index: number;
  readonly record: AuditRecord;
  readonly observed: Observed;
}

/** A local journal over the disk, whatever lies there; each start draws other random bytes, as on a machine. */
export async function openOn(
  disk: Disk,
  clock: ManualClock,
  options: Partial<LocalJournalOptions> = {},
): Promise<JournalUnderTest> {
  const randomBytes = seededBytes(`start ${starts++}`);
  const folder = options.folder ?? "/tallystick/journal";
  const keyring = keyringOf(disk, clock, folder.replace(/journal$/, "keys"));
  const journal = await memoryJournal({ disk, clock, randomBytes, keyring, ...options });
  opened.push(journal);
  return {
    journal,
    clock,
    async reopen() {
      await journal.close({ seal: true });
      return openOn(disk, clock, options);
    },
  };
}

export function keyringOf(disk: Disk, clock: ManualClock, folder = "/tallystick/keys"): Keyring {
  const randomBytes = seededBytes(`keys ${starts++}`);
  return openKeyring({ disk, folder, kms: kmsOf(seededBytes("kms")(32), randomBytes), clock, randomBytes });
}

let starts = 0;
const opened: LocalJournal[] = [];
/** For `afterEach`: closes what a test left open, as a kill would. */
export async function closeAll(): Promise<void> {
  for (const journal of opened.splice(0)) await journal.close({ seal: false }).catch(() => {});
}

const READ_BYTES = 64 * 1024;
export const range = (from: number, to: number): readonly AuditRecord[] =>
  Array.from({ length: to - from }, (_, place) => sampleRecord(sampleId(from + place)));

/** Every leaf of a tree, with its hash checked against its bytes. */
export async function leavesOf(journal: Journal, tree: string, maxBytes = READ_BYTES): Promise<readonly StoredLeaf[]> {
  const leaves: StoredLeaf[] = [];
  for (let next = 0; ;) {
    const found = await journal.read(tree, next, maxBytes);
    if (found === null) return leaves;
    assert.equal(found.firstIndex, next);
    assert.ok(found.count > 0);
    let at = 0;
    for (let place = 0; place < found.count; place++) {
      const leaf = found.entries.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + entryLength(found.entries, at));
      const hash = createHash("sha256").update(Uint8Array.of(0)).update(leaf).digest();
      assert.ok(hash.equals(found.hashes.subarray(place * 32, place * 32 + 32)), "the hash is another leaf's");
      leaves.push({ index: next + place, ...decodeLeaf(leaf) });
      at += LENGTH_BYTES + leaf.length;
    }
    assert.equal(at, found.entries.length);
    next += found.count;
  }
}

export async function allLeaves(journal: Journal, log = "default"): Promise<readonly StoredLeaf[]> {
  const trees = journal.trees().filter((tree) => tree.log === log);
  return (await Promise.all(trees.map(({ tree }) => leavesOf(journal, tree)))).flat();
}

export function stored(outcome: AppendOutcome): Extract<AppendOutcome, { kind: "stored" }> {
  assert(outcome.kind === "stored", JSON.stringify(outcome));
  return outcome;
}

export function journalContract(name: string, make: () => Promise<JournalUnderTest>): void {
  describe(`journal contract: ${name}`, () => {
    test("an empty journal has no trees and nothing to read", async () => {
      const { journal } = await make();
      expect(journal.trees()).toEqual([]);
      expect(await journal.read("default/2026-11", 0, 1_000)).toBeNull();
    });

    test("the first batch opens its tree with leaf 0 and gets the indexes after it, in its order", async () => {
      const { journal } = await make();
      const outcome = stored(await journal.append("default", batchOf(range(0, 5))));
      expect(outcome).toEqual({
        kind: "stored",
        tree: "default/2026-11",
        firstIndex: 1,
        count: 5,
        duplicates: 0,
        copies: [],
      });
      expect(journal.trees()).toEqual([
        { tree: "default/2026-11", log: "default", epoch: "2026-11", size: 6, closed: false },
      ]);
      const leaves = await allLeaves(journal);
      expect(leaves.slice(1).map(({ record }) => record)).toEqual(range(0, 5));
      expect(leaves[0]!.record).toMatchObject({
        event_type: "LOG_LIFECYCLE",
        operation: "tree opened",
        service_id: "tallystick",
      });
      expect(leaves[0]!.record.attributes).toEqual({ "tallystick.tree": "default/2026-11" });
      expect(leaves[0]!.observed).toEqual({
        received_at: "2026-11-25T00:00:00.000000Z",
        principal: "tallystick",
        standing: "authenticated",
        source_address: "local",
        intake: "tallystick",
      });
    });

    test("what the server saw is beside the record, the same for the whole batch but for standing and conflict", async () => {
      const { journal } = await make();
      const batch = batchOf(range(0, 3), { principal: "key:relay" });
      batch.records.standings.set([0, 1, 2]);
      await journal.append("default", { ...batch, clockSkewUs: -250, intake: "otlp-traces" });
      const observed = (await allLeaves(journal)).slice(1).map((leaf) => leaf.observed);
      expect(observed.map(({ standing }) => standing)).toEqual(["authenticated", "relayed", "claimed"]);
      expect(observed[0]).toEqual({
        received_at: "2026-11-25T00:00:00.000000Z",
        principal: "key:relay",
        standing: "authenticated",
        source_address: "10.0.0.7",
        intake: "otlp-traces",
        clock_skew_us: -250,
      });
    });

    test("a batch sent again is acknowledged and stored once", async () => {
      const { journal } = await make();
      await journal.append("default", batchOf(range(0, 5)));
      const again = stored(await journal.append("default", batchOf(range(0, 5))));
      expect(again).toMatchObject({
        kind: "stored",
        tree: "default/2026-11",
        firstIndex: null,
        count: 0,
        duplicates: 5,
      });
      const mixed = stored(await journal.append("default", batchOf(range(3, 8))));
      expect(mixed).toMatchObject({ firstIndex: 6, count: 3, duplicates: 2 });
      expect(await allLeaves(journal)).toHaveLength(9);
    });

    test("a copy is told where its original lies, of whatever batch and tree that is, also after a restart", async () => {
      const first = await make();
      const { journal, clock } = first;
      const tree = "default/2026-11";
      await journal.append("default", batchOf(range(0, 5)));
      const again = stored(await journal.append("default", batchOf(range(0, 5))));
      expect(again.copies).toEqual([{ at: 0, tree, firstIndex: 1, count: 5 }]);
      const twice = [...range(3, 8), ...range(6, 8)];
      const mixed = stored(await journal.append("default", batchOf(twice)));
      expect(mixed.copies).toEqual([
        { at: 0, tree, firstIndex: 4, count: 2 },
        { at: 5, tree, firstIndex: 7, count: 2 },
      ]);
      clock.advance(31 * 24 * 3_600_000);
      await journal.append("default", batchOf(range(8, 10)));
      const across = stored(await journal.append("default", batchOf(range(6, 10))));
      expect(across.copies).toEqual([
        { at: 0, tree, firstIndex: 7, count: 2 },
        { at: 2, tree: "default/2026-12", firstIndex: 1, count: 2 },
      ]);
      const later = (await first.reopen()).journal;
      expect(stored(await later.append("default", batchOf(range(6, 10)))).copies).toEqual(across.copies);
      expect(stored(await later.append("default", batchOf(twice))).copies).toEqual([
        { at: 0, tree, firstIndex: 4, count: 5 },
        { at: 5, tree, firstIndex: 7, count: 2 },
      ]);
    });

    test("copies within one batch and in batches sent at the same time are stored once", async () => {
      const { journal } = await make();
      const twice = [...range(0, 3), ...range(0, 3)];
      const outcomes = await Promise.all(
        [twice, range(0, 3), range(1, 4)].map((records) => journal.append("default", batchOf(records))),
      );
      expect(outcomes.map(stored).map(({ count, duplicates }) => [count, duplicates])).toEqual([
        [3, 3],
        [0, 3],
        [1, 2],
      ]);
      expect(await allLeaves(journal)).toHaveLength(5);
    });

    test("the same id with other content is stored and marked, and its own copies are duplicates", async () => {
      const { journal } = await make();
      const one = sampleRecord(sampleId(1));
      const other = sampleRecord(sampleId(1), { status: "denied" });
      await journal.append("default", batchOf([one]));
      expect(stored(await journal.append("default", batchOf([other])))).toMatchObject({ count: 1, duplicates: 0 });
      expect(stored(await journal.append("default", batchOf([other, one])))).toMatchObject({ count: 0, duplicates: 2 });
      const leaves = (await allLeaves(journal)).slice(1);
      expect(leaves.map(({ record, observed }) => [record.status, observed.conflict])).toEqual([
        ["success", undefined],
        ["denied", true],
      ]);
    });

    test("the same id of another principal is another record, and so is one without an id of its own", async () => {
      const { journal } = await make();
      await journal.append("default", batchOf(range(0, 2)));
      expect(stored(await journal.append("default", batchOf(range(0, 2), { principal: "key:other" }))).count).toBe(2);
      const without = () => batchOf(range(0, 2), { identified: false, principal: "key:third" });
      expect(stored(await journal.append("default", without())).count).toBe(2);
      expect(stored(await journal.append("default", without())).count).toBe(2);
    });

    test("logs have trees and duplicates of their own", async () => {
      const { journal } = await make();
      await journal.append("default", batchOf(range(0, 2)));
      expect(stored(await journal.append("audit", batchOf(range(0, 2))))).toMatchObject({
        tree: "audit/2026-11",
        count: 2,
      });
      expect((await allLeaves(journal, "audit")).slice(1).map(({ record }) => record)).toEqual(range(0, 2));
    });

    test("own records are Tallystick's, and the same one twice is one", async () => {
      const { journal } = await make();
      const own = sampleRecord(sampleId(9), { event_type: "CONFIG_CHANGE", service_id: "tallystick" });
      expect(stored(await journal.appendOwn("control", [own])).count).toBe(1);
      expect(stored(await journal.appendOwn("control", [own])).duplicates).toBe(1);
      const [, leaf] = await allLeaves(journal, "control");
      expect(leaf!.observed).toMatchObject({ principal: "tallystick", intake: "tallystick", source_address: "local" });
    });

    test("an empty batch is stored as nothing", async () => {
      const { journal } = await make();
      expect(stored(await journal.append("default", batchOf([])))).toMatchObject({ tree: "default/2026-11", count: 0 });
      expect(journal.trees()).toEqual([]);
      await journal.append("default", batchOf(range(0, 1)));
      expect(stored(await journal.append("default", batchOf([])))).toMatchObject({
        firstIndex: null,
        count: 0,
        duplicates: 0,
      });
    });

    test("reads give at least one leaf, at most the bytes asked for, and end at the end", async () => {
      const { journal } = await make();
      await journal.append("default", batchOf(range(0, 20)));
      const { tree } = journal.trees()[0]!;
      const one = await journal.read(tree, 3, 1);
      expect(one).toMatchObject({ firstIndex: 3, count: 1 });
      const some = await journal.read(tree, 3, one!.entries.length * 4);
      expect(some!.count).toBe(4);
      expect(await journal.read(tree, 21, 1)).toBeNull();
      expect(await leavesOf(journal, tree, 1)).toEqual(await leavesOf(journal, tree, 1_000_000));
    });

    test("listeners hear of every group's new size, after which the leaves can be read", async () => {
      const { journal } = await make();
      const heard: [string, number][] = [];
      const stop = journal.onJournaled((tree, size) => void heard.push([tree, size]));
      await journal.append("default", batchOf(range(0, 3)));
      await journal.append("default", batchOf(range(3, 4)));
      stop();
      await journal.append("default", batchOf(range(4, 5)));
      expect(heard).toEqual([
        ["default/2026-11", 4],
        ["default/2026-11", 5],
      ]);
    });

    test("a new epoch opens a tree that names the one before, and never goes back", async () => {
      const { journal, clock } = await make();
      await journal.append("default", batchOf(range(0, 2)));
      clock.set(Date.UTC(2026, 11, 1) * 1_000);
      expect(stored(await journal.append("default", batchOf(range(2, 3))))).toMatchObject({
        tree: "default/2026-12",
        firstIndex: 1,
      });
      expect(stored(await journal.append("default", batchOf(range(0, 2)))).duplicates).toBe(2);
      clock.set(Date.UTC(2026, 10, 25) * 1_000);
      expect(stored(await journal.append("default", batchOf(range(3, 4))))).toMatchObject({
        tree: "default/2026-12",
        firstIndex: 2,
      });
      expect(journal.trees().map(({ tree, size, closed }) => [tree, size, closed])).toEqual([
        ["default/2026-11", 3, true],
        ["default/2026-12", 3, false],
      ]);
      const last = await journal.read("default/2026-11", 2, 1);
      const [opened, ...rest] = await leavesOf(journal, "default/2026-12");
      expect(opened!.record.attributes).toEqual({
        "tallystick.tree": "default/2026-12",
        "tallystick.previous_tree": "default/2026-11",
        "tallystick.previous_size": "3",
        "tallystick.previous_last_leaf_hash": Buffer.from(last!.hashes).toString("hex"),
      });
      // The clock went back by days; what was received later still says so.
      expect(rest.map(({ observed }) => observed.received_at)).toEqual(Array(2).fill("2026-12-01T00:00:00.000000Z"));
    });

    test("everything is the same after a clean stop, and the log goes on where it was", async () => {
      const first = await make();
      await first.journal.append("default", batchOf(range(0, 5)));
      await first.journal.append("default", batchOf([sampleRecord(sampleId(0), { status: "error" })]));
      const before = await allLeaves(first.journal);
      const { journal } = await first.reopen();
      expect(await allLeaves(journal)).toEqual(before);
      const conflicting = batchOf([sampleRecord(sampleId(0), { status: "error" }), ...range(0, 6)]);
      expect(stored(await journal.append("default", conflicting))).toMatchObject({
        firstIndex: 7,
        count: 1,
        duplicates: 6,
      });
    });

    test("a closed journal takes nothing more, can be closed again, and is still readable", async () => {
      const { journal } = await make();
      const waiting = journal.append("default", batchOf(range(0, 3)));
      const closing = journal.close({ seal: true });
      expect(stored(await waiting).count).toBe(3);
      await closing;
      await journal.close({ seal: true });
      expect(await journal.append("default", batchOf(range(3, 4)))).toMatchObject({
        kind: "pushback",
        reason: "closing",
      });
      expect(await allLeaves(journal)).toHaveLength(4);
    });
  });
}
