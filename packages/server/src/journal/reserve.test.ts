import { expect, it } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { RESERVE_PIECE_BYTES } from "./limits.ts";
import { memoryJournal, seededBytes } from "./memory-journal.ts";
import { lifecycleRecord, ownBatch } from "./own-records.ts";
import { openReserve } from "./reserve.ts";

const PIECES = 4;
const CAPACITY = 16 * RESERVE_PIECE_BYTES;

async function opened() {
  const disk = memoryDisk();
  disk.setCapacity(CAPACITY);
  const clock = manualClock();
  const randomBytes = seededBytes("reserve");
  const bytes = PIECES * RESERVE_PIECE_BYTES;
  await disk.makeFolder("/tallystick");
  const parts = { disk, clock, path: "/tallystick/reserve", bytes, randomBytes };
  const reserve = await openReserve(parts);
  const logs = new Map([
    ["access", 0],
    ["control", 0],
    ["alerts", 0.75],
  ]);
  const journal = await memoryJournal({ disk, clock, own: { logs, reserve, reserveBytes: bytes } });
  let count = 0;
  const record = (text = "") => lifecycleRecord("test", String(count++), clock.nowUs(), { text });
  /** Random text, which no codec makes smaller, until it is refused; the number of records that were stored. */
  const random = seededBytes("text");
  const fill = async (log: string) => {
    for (let stored = 0; ; stored++) {
      const outcome = await journal.appendOwn(log, [record(Buffer.from(random(25_000)).toString("hex"))]);
      if (outcome.kind === "stored") continue;
      expect(outcome.reason).toBe("full");
      return stored;
    }
  };
  const isWhole = () => reserve.heldBytes() >= bytes;
  return { disk, clock, reserve, isWhole, parts, journal, record, fill };
}

it("a full disk takes no producer's records, and records of our own until the reserve is used up", async () => {
  const { disk, clock, reserve, isWhole, journal, record, fill } = await opened();
  expect(isWhole()).toBe(true);
  expect((await journal.append("default", ownBatch([record()]))).kind).toBe("stored");
  const filler = await disk.createAppend("/tallystick/filler");
  await filler.append(new Uint8Array((await disk.space("/tallystick")).freeBytes));
  expect(await journal.append("default", ownBatch([record()]))).toMatchObject({ kind: "pushback", reason: "full" });
  expect((await journal.appendOwn("access", [record()])).kind).toBe("stored");
  expect(isWhole()).toBe(false);
  const stored = 1 + (await fill("access"));
  // Half of a byte of hexadecimal text is random.
  expect(stored * 25_000).toBeGreaterThan((PIECES - 1) * RESERVE_PIECE_BYTES);
  expect(journal.trees().find(({ log }) => log === "access")!.size).toBe(stored + 1);
  // There is space again: the reserve is filled first, and then all go on.
  await filler.truncate(0);
  expect(await journal.append("default", ownBatch([record()]))).toMatchObject({ reason: "full" });
  // A second here and one in the writer: docs/operations.md promises two.
  clock.advance(1_000);
  await expect.poll(() => isWhole()).toBe(true);
  await expect.poll(async () => (await journal.append("default", ownBatch([record()]))).kind).toBe("stored");
  await reserve.close();
  await journal.close({ seal: true });
});

it("findings without end have a share of the reserve, and leave the rest to who reads and changes", async () => {
  const { disk, reserve, journal, record, fill } = await opened();
  await journal.appendOwn("access", [record()]);
  await (
    await disk.createAppend("/tallystick/filler")
  ).append(new Uint8Array((await disk.space("/tallystick")).freeBytes));
  const found = await fill("alerts");
  expect(found).toBeGreaterThan(0);
  expect(found * 25_000).toBeLessThan(1.1 * RESERVE_PIECE_BYTES);
  expect(reserve.heldBytes()).toBe((PIECES - 1) * RESERVE_PIECE_BYTES);
  // What is given back for a read is not taken by the next finding.
  for (let piece = 1; piece < PIECES; piece++) {
    expect((await journal.appendOwn("access", [record()])).kind).toBe("stored");
    await reserve.release(0);
    expect(await journal.appendOwn("alerts", [record()])).toMatchObject({ kind: "pushback", reason: "full" });
  }
  expect((await fill("control")) * 25_000).toBeGreaterThan((PIECES - 2) * RESERVE_PIECE_BYTES);
  await reserve.close();
  await journal.close({ seal: true });
});

it("what was given away stays so over a restart while the disk is full", async () => {
  const { disk, reserve, parts } = await opened();
  const filler = await disk.createAppend("/tallystick/filler");
  await filler.append(new Uint8Array((await disk.space("/tallystick")).freeBytes));
  expect(await reserve.release(0)).toBe(true);
  await filler.append(new Uint8Array(RESERVE_PIECE_BYTES));
  await reserve.close();
  const again = await openReserve(parts);
  expect(again.heldBytes()).toBeLessThan(PIECES * RESERVE_PIECE_BYTES);
  for (let piece = 1; piece < PIECES; piece++) expect(await again.release(0)).toBe(true);
  expect(await again.release(0)).toBe(false);
  await again.close();
});
