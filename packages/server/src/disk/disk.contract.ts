/** What every disk keeps to, run over each of them. */
import { describe, expect, test } from "vitest";

import { isTallystickError } from "../errors.ts";
import type { Disk } from "./disk.ts";

export interface DiskUnderTest {
  readonly disk: Disk;
  /** An absolute path of an empty folder. */
  readonly root: string;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | null): string | null => (value === null ? null : Buffer.from(value).toString());
const failsWithDiskError = (error: unknown): boolean => isTallystickError(error, "disk_failed");

export function diskContract(name: string, make: () => Promise<DiskUnderTest>): void {
  describe(`disk contract: ${name}`, () => {
    test("an absent file has no bytes and no size, and an absent folder no names", async () => {
      const { disk, root } = await make();
      expect(await disk.readFile(`${root}/absent`)).toBeNull();
      expect(await disk.size(`${root}/absent`)).toBeNull();
      expect(await disk.list(`${root}/nowhere`)).toEqual([]);
    });

    test("a replaced file holds the new bytes and leaves nothing beside it", async () => {
      const { disk, root } = await make();
      await disk.replaceFile(`${root}/file`, bytes("first, and longer"));
      await disk.replaceFile(`${root}/file`, bytes("second"));
      expect(text(await disk.readFile(`${root}/file`))).toBe("second");
      expect(await disk.list(root)).toEqual(["file"]);
    });

    test("replacing a file in an absent folder fails", async () => {
      const { disk, root } = await make();
      await expect(disk.replaceFile(`${root}/nowhere/file`, bytes("x"))).rejects.toSatisfy(failsWithDiskError);
    });

    test("folders are made with their parents, and again without complaint", async () => {
      const { disk, root } = await make();
      await disk.makeFolder(`${root}/a/b`);
      await disk.makeFolder(`${root}/a/b`);
      await disk.replaceFile(`${root}/a/file`, bytes("x"));
      expect(await disk.list(`${root}/a`)).toEqual(["b/", "file"]);
    });

    test("appends follow one another, also after the file was opened again", async () => {
      const { disk, root } = await make();
      const file = await disk.createAppend(`${root}/log`);
      await file.append(bytes("one "));
      await file.append(bytes("two "));
      await file.sync();
      await file.close();
      const again = await disk.openAppend(`${root}/log`);
      await again.append(bytes("three"));
      await again.sync();
      await again.close();
      expect(text(await disk.readFile(`${root}/log`))).toBe("one two three");
      expect(await disk.size(`${root}/log`)).toBe(13);
    });

    test("a file is created once and opened only where it is", async () => {
      const { disk, root } = await make();
      await (await disk.createAppend(`${root}/log`)).close();
      await expect(disk.createAppend(`${root}/log`)).rejects.toSatisfy(failsWithDiskError);
      await expect(disk.openAppend(`${root}/absent`)).rejects.toSatisfy(failsWithDiskError);
    });

    test("after a cut the next append goes on at the new end", async () => {
      const { disk, root } = await make();
      const file = await disk.createAppend(`${root}/log`);
      await file.append(bytes("kept, cut away"));
      await file.truncate(5);
      await file.append(bytes(" new"));
      await file.sync();
      await file.close();
      expect(text(await disk.readFile(`${root}/log`))).toBe("kept, new");
    });

    test("a closed file takes nothing more", async () => {
      const { disk, root } = await make();
      const file = await disk.createAppend(`${root}/log`);
      await file.close();
      await expect(file.append(bytes("x"))).rejects.toSatisfy(failsWithDiskError);
    });

    test("a range holds exactly the bytes there are", async () => {
      const { disk, root } = await make();
      await disk.replaceFile(`${root}/file`, bytes("0123456789"));
      expect(text(await disk.read(`${root}/file`, 3, 4))).toBe("3456");
      expect(text(await disk.read(`${root}/file`, 8, 100))).toBe("89");
      expect(text(await disk.read(`${root}/file`, 20, 1))).toBe("");
      await expect(disk.read(`${root}/absent`, 0, 1)).rejects.toSatisfy(failsWithDiskError);
    });

    test("a rename replaces and a removal of what is absent is no error", async () => {
      const { disk, root } = await make();
      await disk.replaceFile(`${root}/from`, bytes("new"));
      await disk.replaceFile(`${root}/to`, bytes("old"));
      await disk.rename(`${root}/from`, `${root}/to`);
      expect(text(await disk.readFile(`${root}/to`))).toBe("new");
      await expect(disk.rename(`${root}/from`, `${root}/to`)).rejects.toSatisfy(failsWithDiskError);
      await disk.remove(`${root}/to`);
      await disk.remove(`${root}/to`);
      expect(await disk.list(root)).toEqual([]);
    });

    test("a folder is removed when it is empty, and not with what it holds", async () => {
      const { disk, root } = await make();
      await disk.makeFolder(`${root}/a`);
      await disk.replaceFile(`${root}/a/file`, bytes("x"));
      await expect(disk.remove(`${root}/a`)).rejects.toSatisfy(failsWithDiskError);
      await disk.remove(`${root}/a/file`);
      await disk.remove(`${root}/a`);
      await disk.remove(`${root}/a`);
      await disk.remove(`${root}/a/file`);
      expect(await disk.list(root)).toEqual([]);
    });

    test("space is free up to the total", async () => {
      const { disk, root } = await make();
      const { freeBytes, totalBytes } = await disk.space(root);
      expect(freeBytes).toBeGreaterThan(0);
      expect(freeBytes).toBeLessThanOrEqual(totalBytes);
    });
  });
}
