import { describe, expect, it } from "vitest";

import { NO_QUOTA } from "../control/quota.ts";
import type { Quota } from "../control/quota.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { QuotaBook } from "./quota-book.ts";

const FILE = "/data/quotas.json";
const MIDDAY_US = Date.UTC(2026, 10, 25, 12) * 1_000;
const sender = (quota: Partial<Quota>, name = "key:orders") => ({ name, quota: { ...NO_QUOTA, ...quota } });

async function bench() {
  const clock = manualClock(MIDDAY_US);
  const disk = memoryDisk();
  await disk.makeFolder("/data");
  const troubles: unknown[] = [];
  const open = () => QuotaBook.open({ clock, disk, file: FILE, onTrouble: (error) => void troubles.push(error) });
  return { clock, disk, open, book: await open(), troubles };
}

describe("records a second", () => {
  it("may be overdrawn by one batch, which the next requests wait for", async () => {
    const { clock, book } = await bench();
    const orders = sender({ recordsPerSecond: 100 });
    expect(book.admit(orders)).toBeNull();
    book.takeRecords(orders, 1_000);
    expect(book.admit(orders)).toEqual({ quota: "records_per_second", waitS: 10 });
    clock.advance(8_990);
    expect(book.admit(orders)).toMatchObject({ waitS: 1 });
    clock.advance(20);
    expect(book.admit(orders)).toBeNull();
  });

  it("come to no more than the quota over time, and what was not used is not saved up", async () => {
    const { clock, book } = await bench();
    const orders = sender({ recordsPerSecond: 50 });
    clock.advance(3_600_000);
    let taken = 0;
    for (let second = 0; second < 600; second++) {
      for (let request = 0; request < 10; request++) {
        if (book.admit(orders) !== null) continue;
        book.takeRecords(orders, 37);
        taken += 37;
      }
      clock.advance(1_000);
    }
    expect(taken).toBeGreaterThan(50 * 599);
    expect(taken).toBeLessThan(50 * 601 + 37);
  });

  it("of others are not touched, and who has no quota is never stopped", async () => {
    const { book } = await bench();
    book.takeRecords(sender({ recordsPerSecond: 1 }), 1_000);
    expect(book.admit(sender({ recordsPerSecond: 1 }, "key:billing"))).toBeNull();
    const free = sender({}, "key:free");
    book.takeRecords(free, 1_000_000);
    expect([book.takeBytes(free, 1e12), book.admit(free)]).toEqual([null, null]);
    expect(book.uses().map(({ principal }) => principal)).toEqual(["key:orders", "key:billing"]);
  });
});

describe("bytes a day", () => {
  it("are never exceeded, and begin again at midnight of UTC", async () => {
    const { clock, book } = await bench();
    const orders = sender({ bytesPerDay: 1_000 });
    expect(book.takeBytes(orders, 900)).toBeNull();
    expect(book.takeBytes(orders, 101)).toEqual({ quota: "bytes_per_day", waitS: 43_200 });
    expect(book.takeBytes(orders, 100)).toBeNull();
    expect(book.admit(orders)).toEqual({ quota: "bytes_per_day", waitS: 43_200 });
    clock.advance(43_200_000);
    expect(book.admit(orders)).toBeNull();
    expect(book.takeBytes(orders, 1_000)).toBeNull();
  });

  it("are known after a restart of the same day, and forgotten with the day", async () => {
    const { clock, book, open, disk, troubles } = await bench();
    const orders = sender({ bytesPerDay: 1_000 });
    book.takeBytes(orders, 700);
    await book.close();
    const again = await open();
    expect(again.takeBytes(orders, 301)).not.toBeNull();
    expect(again.takeBytes(orders, 300)).toBeNull();
    clock.advance(60_000);
    await again.close();
    clock.advance(43_200_000);
    expect((await open()).takeBytes(orders, 1_000)).toBeNull();
    await disk.replaceFile(FILE, Buffer.from('{"day":1,"bytes":{"key:orders":-5}}'));
    expect((await open()).takeBytes(orders, 1_000)).toBeNull();
    await disk.replaceFile(FILE, Buffer.from("half a fi"));
    expect((await open()).takeBytes(orders, 1_000)).toBeNull();
    expect(troubles).toEqual([]);
  });

  it("count under a quota that is set anew", async () => {
    const { book } = await bench();
    book.takeBytes(sender({ bytesPerDay: 1_000 }), 900);
    expect(book.admit(sender({ bytesPerDay: 500 }))).not.toBeNull();
    expect(book.takeBytes(sender({ bytesPerDay: 2_000 }), 1_100)).toBeNull();
    expect(book.uses()).toEqual([
      { principal: "key:orders", quota: { ...NO_QUOTA, bytesPerDay: 2_000 }, bytesToday: 2_000 },
    ]);
  });
});
