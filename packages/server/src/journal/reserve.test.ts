import { expect, it } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { RESERVE_PIECE_BYTES, RESERVE_PROBE_MS } from "./limits.ts";
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
  const journal = await memoryJournal({ disk, clock, own: { logs: ["access", "control"], reserve } });
  let count = 0;
  const record = (text = "") => lifecycleRecord("test", String(count++), clock.nowUs(), { text });
  return { disk, clock, reserve, parts, journal, record };
}

it("a full disk takes no producer's records, and records of our own until the reserve is used up", async () => {
  const { disk, clock, reserve, journal, record } = await opened();
  expect(reserve.isWhole()).toBe(true);
  expect((await journal.append("default", ownBatch([record()]))).kind).toBe("stored");
  const filler = await disk.createAppend("/tallystick/filler");
  await filler.append(new Uint8Array((await disk.space("/tallystick")).freeBytes));
  expect(await journal.append("default", ownBatch([record()]))).toMatchObject({ kind: "pushback", reason: "full" });
  expect((await journal.appendOwn("access", [record()])).kind).toBe("stored");
  expect(reserve.isWhole()).toBe(false);
  // Random text, which no codec makes smaller: what is left is soon used up, and then it is said.
  const random = seededBytes("text");
  let stored = 1;
  for (;;) {
    const text = Buffer.from(random(30_000)).toString("hex").slice(0, 50_000);
    const outcome = await journal.appendOwn("access", [record(text)]);
    if (outcome.kind === "pushback") {
      expect(outcome.reason).toBe("full");
      break;
    }
    stored += 1;
  }
  // Half of a byte of hexadecimal text is random.
  expect(stored * 25_000).toBeGreaterThan((PIECES - 1) * RESERVE_PIECE_BYTES);
  expect(journal.trees().find(({ log }) => log === "access")!.size).toBe(stored + 1);
  // There is space again: the reserve is filled first, and then all go on.
  await filler.truncate(0);
  expect(await journal.append("default", ownBatch([record()]))).toMatchObject({ reason: "full" });
  clock.advance(RESERVE_PROBE_MS);
  await expect.poll(() => reserve.isWhole()).toBe(true);
  await expect.poll(async () => (await journal.append("default", ownBatch([record()]))).kind).toBe("stored");
  await reserve.close();
  await journal.close({ seal: true });
});

it("what was given away stays so over a restart while the disk is full", async () => {
  const { disk, reserve, parts } = await opened();
  const filler = await disk.createAppend("/tallystick/filler");
  await filler.append(new Uint8Array((await disk.space("/tallystick")).freeBytes));
  expect(await reserve.release()).toBe(true);
  await filler.append(new Uint8Array(RESERVE_PIECE_BYTES));
  await reserve.close();
  const again = await openReserve(parts);
  expect(again.isWhole()).toBe(false);
  for (let piece = 1; piece < PIECES; piece++) expect(await again.release()).toBe(true);
  expect(await again.release()).toBe(false);
  await again.close();
});
