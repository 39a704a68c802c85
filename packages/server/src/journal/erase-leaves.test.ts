import { createHash } from "node:crypto";

import { decodeLeaf, encodeLeaf, erasedLeafHash } from "@tallystick/record";
import { afterEach, describe, expect, test } from "vitest";

import { faultDisk, FAULT_KINDS } from "../disk/fault-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { MemoryDisk } from "../disk/memory-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { closeAll, keyringOf, openOn, range, stored } from "./journal.contract.ts";
import type { JournalUnderTest } from "./journal.contract.ts";
import { leafAt } from "./entries.ts";
import { batchOf, sampleId, sampleRecord } from "./memory-journal.ts";
import { readSegment } from "./read-segment.ts";
import type { LeafStub } from "./rewrite-segment.ts";
import { diskSource } from "./segment-source.ts";

const TREE = "default/2026-11";
const FOLDER = `/tallystick/journal/${TREE}`;
afterEach(closeAll);

async function leafOf({ journal }: JournalUnderTest, index: number) {
  const found = (await journal.read(TREE, index, 1))!;
  const leaf = Buffer.from(leafAt(found.entries, 0));
  return { leaf, hash: Buffer.from(found.hashes.subarray(0, 32)), ...decodeLeaf(leaf) };
}

async function stubOf(under: JournalUnderTest, index: number): Promise<LeafStub> {
  const { hash, observed } = await leafOf(under, index);
  const stub = encodeLeaf(
    {
      erased: hash.toString("hex"),
      intake: "tallystick",
      principal: "tallystick",
      received_at: observed.received_at,
      source_address: "local",
      standing: "authenticated",
    },
    sampleRecord(sampleId(99_000 + index), { event_type: "ERASED" }),
  );
  return { index, hash, stub };
}

/** All plain text of a tree's segments, and whether each is whole. */
async function plainText(disk: MemoryDisk): Promise<string> {
  const epochKey = (await keyringOf(disk, manualClock()).existing("epoch.default.2026-11"))!;
  const integrityKey = (await keyringOf(disk, manualClock()).existing("integrity"))!;
  let text = "";
  for (const path of [...disk.files().keys()].filter((name) => name.endsWith(".seg"))) {
    const onBlock = ({ entries }: { readonly entries: Uint8Array }) => void (text += Buffer.from(entries).toString());
    const report = await readSegment(await diskSource(disk, path), {
      contents: "leaves",
      epochKey,
      integrityKey,
      onBlock,
    });
    expect(report.faults, path).toEqual([]);
    if (report.sealed) expect(report.mac).toBe("good");
  }
  return text;
}

async function filled(disk: Parameters<typeof openOn>[0]): Promise<JournalUnderTest> {
  const under = await openOn(disk, manualClock(), { settings: { segmentBytes: 4_000, tailCacheBytes: 1 } });
  for (let batch = 0; batch < 8; batch += 1)
    stored(await under.journal.append("default", batchOf(range(batch * 10, batch * 10 + 10))));
  return under;
}

describe("erasing leaves", () => {
  test("keeps hash and place, in sealed segments and in the one being written; the chain goes on", async () => {
    const disk = memoryDisk();
    const under = await filled(disk);
    const before = await Promise.all(Array.from({ length: 81 }, (_, index) => leafOf(under, index)));
    const gone = [1, 2, 37, 80];
    const secrets = gone.map((index) => before[index]!.record.id);
    await under.journal.eraseLeaves(TREE, []);
    const whole = await plainText(disk);
    expect(secrets.every((secret) => whole.includes(secret))).toBe(true);
    await under.journal.eraseLeaves(TREE, await Promise.all(gone.map((index) => stubOf(under, index))));
    const check = async (now: JournalUnderTest) => {
      for (const [index, { leaf, hash }] of before.entries()) {
        const found = await leafOf(now, index);
        expect(found.hash.equals(hash), String(index)).toBe(true);
        expect(found.leaf.equals(leaf)).toBe(!gone.includes(index));
        expect(erasedLeafHash(found.leaf)).toBe(gone.includes(index) ? hash.toString("hex") : null);
      }
    };
    await check(under);
    const text = await plainText(disk);
    for (const secret of secrets) expect(text.includes(secret)).toBe(false);
    // It goes on in a new segment, twice erased in one, and over a restart.
    stored(await under.journal.append("default", batchOf(range(80, 90))));
    await under.journal.eraseLeaves(TREE, [await stubOf(under, 3), await stubOf(under, 1)]);
    gone.push(3);
    await check(under);
    const again = await under.reopen();
    await check(again);
    expect(stored(await again.journal.append("default", batchOf(range(40, 60))))).toMatchObject({ duplicates: 20 });
    stored(await again.journal.append("default", batchOf(range(90, 95))));
    await again.journal.eraseLeaves(TREE, [await stubOf(again, 85)]);
    await check(await again.reopen());
    await plainText(disk);
  });

  test("a leaf of another hash than it is to keep is left as it is", async () => {
    const disk = memoryDisk();
    const under = await filled(disk);
    const { hash: _hash, ...stub } = await stubOf(under, 5);
    const other = createHash("sha256").update("another").digest();
    const text = Buffer.from(stub.stub)
      .toString()
      .replace(/[0-9a-f]{64}/, other.toString("hex"));
    await expect(under.journal.eraseLeaves(TREE, [{ index: 5, hash: other, stub: Buffer.from(text) }])).rejects.toThrow(
      "has not the hash",
    );
    expect((await leafOf(under, 5)).observed.erased).toBeUndefined();
    expect([...disk.files().keys()].filter((path) => path.endsWith(".tmp"))).toEqual([]);
  });

  test("whatever write fails, one whole segment is there, and trying again erases", async () => {
    for (const kind of FAULT_KINDS) {
      for (const write of ["createAppend", "append", "sync", "rename"] as const) {
        const memory = memoryDisk();
        const disk = faultDisk(memory);
        const under = await filled(disk);
        await under.journal.eraseLeaves(TREE, [await stubOf(under, 70)]);
        const stub = await stubOf(under, 5);
        const id = (await leafOf(under, 5)).record.id;
        disk.inject({ kind, write, path: FOLDER });
        await under.journal.eraseLeaves(TREE, [stub]).catch(() => undefined);
        disk.lift();
        expect((await leafOf(under, 5)).hash.equals(stub.hash), `${kind} ${write}`).toBe(true);
        memory.crash();
        const again = await openOn(memory, manualClock());
        expect((await leafOf(again, 5)).hash.equals(stub.hash), `${kind} ${write}`).toBe(true);
        await again.journal.eraseLeaves(TREE, [stub]);
        expect((await plainText(memory)).includes(id)).toBe(false);
        await again.reopen();
      }
    }
  });
});
