import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bulkOver } from "./bulk-disk.ts";
import type { BulkDisk } from "./bulk-disk.ts";
import { nodeBulkDisk } from "./node-bulk-disk.ts";
import { nodeDisk } from "./node-disk.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulk-disk-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const kinds: readonly (readonly [string, () => BulkDisk])[] = [
  ["on the real disk", nodeBulkDisk],
  ["over any disk", () => bulkOver(nodeDisk())],
];

describe.each(kinds)("many files %s", (_name, open) => {
  it("are written whole, in folders that are made, and replaced", async () => {
    const bulk = open();
    const files = Array.from({ length: 300 }, (_, n) => ({
      path: join(folder, `tile/0/x${n % 3}/${n}`),
      bytes: Buffer.alloc(n + 1, n),
    }));
    await bulk.replaceFiles(files);
    for (const { path, bytes } of files) expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
    const again = files.slice(0, 10).map(({ path }) => ({ path, bytes: Buffer.from("new") }));
    await bulk.replaceFiles(again);
    for (const { path } of again) expect(await readFile(path, "utf8")).toBe("new");
    expect((await readdir(join(folder, "tile/0/x0"))).filter((name) => name.includes("tmp"))).toEqual([]);
    expect((await stat(files[0]!.path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "tile"))).mode & 0o777).toBe(0o700);
  });

  it("leave nothing beside them when one cannot be written", async () => {
    const place = join(folder, "tile/0/7");
    await mkdir(join(place, "in the way"), { recursive: true });
    await expect(open().replaceFiles([{ path: place, bytes: Buffer.from("x") }])).rejects.toThrow();
    expect(await readdir(join(folder, "tile/0"))).toEqual(["7"]);
  });

  it("are removed; absent ones are no error", async () => {
    const bulk = open();
    const [one, other] = [join(folder, "tile/0/000.p/1"), join(folder, "tile/0/000.p/2")];
    await bulk.replaceFiles([one, other].map((path) => ({ path, bytes: Buffer.from("x") })));
    await bulk.removeFiles([one, join(folder, "tile/0/000.p/9"), join(folder, "tile/7/000.p/9")]);
    expect(await readdir(join(folder, "tile/0/000.p"))).toEqual(["2"]);
    await bulk.removeFiles([other]);
    await bulk.replaceFiles([{ path: one, bytes: Buffer.from("y") }]);
    expect(await readFile(one, "utf8")).toBe("y");
  });
});

describe("on the real disk", () => {
  it("an emptied .p folder goes, another one stays", async () => {
    const bulk = nodeBulkDisk();
    await bulk.replaceFiles(
      ["tile/0/000.p/1", "tile/0/001"].map((path) => ({ path: join(folder, path), bytes: Buffer.from("x") })),
    );
    await bulk.removeFiles(["tile/0/000.p/1", "tile/0/001"].map((path) => join(folder, path)));
    expect(await readdir(join(folder, "tile/0"))).toEqual([]);
  });

  it("works again after its folders were taken away under it", async () => {
    const bulk = nodeBulkDisk();
    const file = { path: join(folder, "tile/0/000"), bytes: Buffer.from("x") };
    await bulk.replaceFiles([file]);
    await rm(join(folder, "tile"), { recursive: true });
    await bulk.replaceFiles([file]);
    expect(await readFile(file.path, "utf8")).toBe("x");
  });

  it("a fault names its kind", async () => {
    await writeFile(join(folder, "file"), "x");
    const bad = { path: join(folder, "file/below"), bytes: Buffer.from("x") };
    await expect(nodeBulkDisk().replaceFiles([bad])).rejects.toMatchObject({ code: "disk_failed" });
  });
});
