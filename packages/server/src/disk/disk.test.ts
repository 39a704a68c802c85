import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import { isTallystickError } from "../errors.ts";
import { diskContract } from "./disk.contract.ts";
import { faultDisk } from "./fault-disk.ts";
import { memoryDisk } from "./memory-disk.ts";
import { nodeDisk } from "./node-disk.ts";

const folders: string[] = [];
const temporary = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "tallystick-disk-"));
  folders.push(folder);
  return folder;
};
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

diskContract("node", async () => ({ disk: nodeDisk(), root: await temporary() }));
diskContract("memory", async () => {
  const disk = memoryDisk();
  await disk.makeFolder("/root");
  return { disk, root: "/root" };
});
diskContract("fault, with no fault queued", async () => {
  const disk = faultDisk(memoryDisk());
  await disk.makeFolder("/root");
  return { disk, root: "/root" };
});

describe("node disk", () => {
  test("files are for the owner alone", async () => {
    const root = await temporary();
    const disk = nodeDisk();
    await disk.makeFolder(`${root}/folder`);
    await disk.replaceFile(`${root}/folder/replaced`, Buffer.from("x"));
    await (await disk.createAppend(`${root}/folder/appended`)).close();
    expect((await stat(`${root}/folder`)).mode & 0o777).toBe(0o700);
    expect((await stat(`${root}/folder/replaced`)).mode & 0o777).toBe(0o600);
    expect((await stat(`${root}/folder/appended`)).mode & 0o777).toBe(0o600);
  });

  test("a full file system is told apart from a broken one", async () => {
    const file = await nodeDisk().openAppend("/dev/full");
    await expect(file.append(Buffer.from("x"))).rejects.toSatisfy((error) => isTallystickError(error, "journal_full"));
    await file.close();
  });

  test("a file where a folder should be is said so", async () => {
    const root = await temporary();
    await nodeDisk().replaceFile(`${root}/file`, Buffer.from("x"));
    await expect(nodeDisk().readFile(`${root}/file/server.json`)).rejects.toMatchObject({
      code: "disk_failed",
      hint: expect.stringContaining("a file where a folder should be"),
    });
  });
});

describe("memory disk", () => {
  test("a crash keeps what was synced and as much of the rest as the test says", async () => {
    const disk = memoryDisk();
    const file = await disk.createAppend("/log");
    await file.append(Buffer.from("synced"));
    await file.sync();
    await file.append(Buffer.from(" and not"));
    disk.crash(() => 4);
    expect(Buffer.from((await disk.readFile("/log"))!).toString()).toBe("synced and");
    await expect(file.append(Buffer.from("x"))).rejects.toThrow("EBADF");
  });

  test("bytes beyond the capacity are refused as full", async () => {
    const disk = memoryDisk();
    disk.setCapacity(10);
    await expect(disk.replaceFile("/file", new Uint8Array(11))).rejects.toSatisfy((error) =>
      isTallystickError(error, "journal_full"),
    );
  });
});

describe("fault disk", () => {
  test.each([
    ["not persisted", ""],
    ["persisted but error returned", "abcd"],
    ["torn", "ab"],
    ["no space", ""],
  ] as const)("an append that is %s leaves %j", async (kind, left) => {
    const inner = memoryDisk();
    const disk = faultDisk(inner);
    const file = await disk.createAppend("/log");
    disk.inject({ kind, write: "append" });
    await expect(file.append(Buffer.from("abcd"))).rejects.toThrow("injected");
    expect(Buffer.from((await disk.readFile("/log"))!).toString()).toBe(left);
    await file.append(Buffer.from("!"));
    expect(Buffer.from((await disk.readFile("/log"))!).toString()).toBe(`${left}!`);
  });

  test("faults wait for their kind, path and turn, and a fatal one ends all writes until it is lifted", async () => {
    const disk = faultDisk(memoryDisk());
    disk.inject({ kind: "not persisted", write: "replaceFile", path: "b", skip: 1, fatal: true });
    await disk.replaceFile("/a", new Uint8Array(1));
    await disk.replaceFile("/b", new Uint8Array(1));
    await expect(disk.replaceFile("/b", new Uint8Array(2))).rejects.toThrow("injected");
    await expect(disk.replaceFile("/a", new Uint8Array(2))).rejects.toThrow("injected");
    disk.lift();
    await disk.replaceFile("/a", new Uint8Array(2));
    expect(await disk.size("/b")).toBe(1);
    expect(disk.struck()).toBe(true);
  });
});
