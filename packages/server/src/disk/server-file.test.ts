import { describe, expect, it } from "vitest";
import { memoryDisk } from "./memory-disk.ts";
import { readServerFile, writeServerFile } from "./server-file.ts";

const FILE = { origin: "log.example", createdAt: "2026-11-25T00:00:00Z" };

describe("server.json", () => {
  it("is absent, then read back as it was written", async () => {
    const disk = memoryDisk();
    await disk.makeFolder("/data");
    expect(await readServerFile(disk, "/data")).toBeNull();
    await writeServerFile(disk, "/data", FILE);
    expect(await readServerFile(disk, "/data")).toEqual({ format: 1, ...FILE });
    const text = Buffer.from(disk.files().get("/data/server.json")!).toString();
    expect(text).toMatch(
      /^\{"format":1,"origin":"log\.example","created_at":"2026-11-25T00:00:00Z","check":"[0-9a-f]{64}"\}\n$/,
    );
  });

  it("is refused with any bit flipped", async () => {
    const disk = memoryDisk();
    await disk.makeFolder("/data");
    await writeServerFile(disk, "/data", FILE);
    const good = disk.files().get("/data/server.json")!;
    for (let bit = 0; bit < good.length * 8; bit += 1) {
      disk.tamper("/data/server.json", good.with(bit >> 3, good[bit >> 3]! ^ (1 << (bit & 7))));
      await expect(readServerFile(disk, "/data")).rejects.toMatchObject({ code: "folder_format" });
    }
  });

  it("of a newer format is refused by name", async () => {
    const disk = memoryDisk();
    await disk.makeFolder("/data");
    disk.tamper("/data/server.json", Buffer.from(`{"format":2,"whatever":"else"}\n`));
    await expect(readServerFile(disk, "/data")).rejects.toThrow("format 2");
  });
});
