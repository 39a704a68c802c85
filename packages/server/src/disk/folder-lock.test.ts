import { describe, expect, test } from "vitest";

import { isTallystickError } from "../errors.ts";
import { acquireFolderLock, procProcesses } from "./folder-lock.ts";
import type { Processes } from "./folder-lock.ts";
import { memoryDisk } from "./memory-disk.ts";
import type { MemoryDisk } from "./memory-disk.ts";
import { nodeDisk } from "./node-disk.ts";

const isLocked = (error: unknown): boolean => isTallystickError(error, "folder_locked");

/** A machine whose processes are files in a /proc of memory. */
async function machine(): Promise<{
  disk: MemoryDisk;
  boot(id: string): Promise<void>;
  start(pid: number, ticks: number, state?: string): Promise<Processes>;
}> {
  const disk = memoryDisk();
  await disk.makeFolder("/folder");
  await disk.makeFolder("/proc/sys/kernel/random");
  const boot = (id: string): Promise<void> =>
    disk.replaceFile("/proc/sys/kernel/random/boot_id", Buffer.from(`${id}\n`));
  await boot("boot-1");
  return {
    disk,
    boot,
    async start(pid, ticks, state = "S") {
      const fields = [state, ...Array.from({ length: 18 }, () => "0"), String(ticks), "0"];
      await disk.makeFolder(`/proc/${pid}`);
      await disk.replaceFile(`/proc/${pid}/stat`, Buffer.from(`${pid} (a (strange) name) ${fields.join(" ")}\n`));
      return procProcesses(disk, pid);
    },
  };
}

describe("folder lock", () => {
  test("a living holder keeps everybody else out, and a released lock is free", async () => {
    const { disk, start } = await machine();
    const lock = await acquireFolderLock(disk, "/folder", await start(10, 100));
    const other = await start(11, 101);
    await expect(acquireFolderLock(disk, "/folder", other)).rejects.toSatisfy(isLocked);
    await lock.release();
    expect((await acquireFolderLock(disk, "/folder", other)).holder.pid).toBe(11);
  });

  test.each([
    ["is gone", async ({ disk }: Awaited<ReturnType<typeof machine>>) => disk.remove("/proc/10/stat")],
    ["is a zombie", async ({ start }: Awaited<ReturnType<typeof machine>>) => start(10, 100, "Z")],
    [
      "has its number used by another process",
      async ({ start }: Awaited<ReturnType<typeof machine>>) => start(10, 999),
    ],
    [
      "was running before the machine was booted",
      async ({ boot }: Awaited<ReturnType<typeof machine>>) => boot("boot-2"),
    ],
  ])("a lock whose holder %s is taken over", async (_, happens) => {
    const all = await machine();
    await acquireFolderLock(all.disk, "/folder", await all.start(10, 100));
    await happens(all);
    const lock = await acquireFolderLock(all.disk, "/folder", await all.start(11, 101));
    expect(lock.holder.pid).toBe(11);
    expect(await all.disk.list("/folder")).toEqual(["lock"]);
  });

  test("a torn lock file is nobody's", async () => {
    const { disk, start } = await machine();
    await disk.replaceFile("/folder/lock", Buffer.from('{"boot_id":"b'));
    expect((await acquireFolderLock(disk, "/folder", await start(11, 101))).holder.pid).toBe(11);
  });

  test("of two starters that find the same stale lock one gets it", async () => {
    const { disk, start } = await machine();
    await disk.replaceFile("/folder/lock", Buffer.from('{"boot_id":"boot-0","pid":1,"start_time":"1"}\n'));
    const starters = [await start(11, 101), await start(12, 102)];
    const outcomes = await Promise.allSettled(
      starters.map((processes) => acquireFolderLock(disk, "/folder", processes)),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await disk.list("/folder")).toEqual(["lock"]);
  });

  test("this very process is seen to run", async () => {
    const processes = procProcesses(nodeDisk(), process.pid);
    const self = await processes.self();
    expect(await processes.runs(self)).toBe(true);
    expect(await processes.runs({ ...self, startTime: "1" })).toBe(false);
  });
});
