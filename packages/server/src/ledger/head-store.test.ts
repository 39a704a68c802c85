import { describe, expect, it } from "vitest";
import { memoryDisk } from "../disk/memory-disk.ts";
import { FaultHeadStore } from "./fault-head-store.ts";
import { fsHeadStore } from "./fs-head-store.ts";
import { headStoreContract } from "./head-store.contract.ts";
import { MemoryHeadStore } from "./memory-head-store.ts";

describe("the head store in memory", () => headStoreContract(() => new MemoryHeadStore()));
describe("the head store in files", () => headStoreContract(() => fsHeadStore(memoryDisk(), "/data/head")));
describe("the fault-injecting head store", () => headStoreContract(() => new FaultHeadStore(new MemoryHeadStore())));

describe("the head store in files", () => {
  it("is found again by the next process", async () => {
    const disk = memoryDisk();
    await fsHeadStore(disk, "/data/head").swap("default/2026-11", null, Buffer.from("a"));
    const again = fsHeadStore(disk, "/data/head");
    expect(await again.trees()).toEqual(["default/2026-11"]);
    expect(await again.swap("default/2026-11", Buffer.from("a"), Buffer.from("b"))).toEqual({ kind: "swapped" });
    expect([...disk.files().keys()]).toEqual(["/data/head/default/2026-11.note"]);
  });
});
