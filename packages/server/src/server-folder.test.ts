import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { folderRequest, temporaryFolder, testMachine } from "./machine.contract.ts";
import { openServerFolder } from "./server-folder.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  temporary = await temporaryFolder();
});
afterAll(() => temporary.remove());

const open = (folder: string) => {
  const { config, base } = folderRequest(folder);
  return openServerFolder(testMachine(), folder, config.config, base);
};

describe("a data folder", () => {
  it("is made for its owner alone", async () => {
    const folder = `${temporary.path}/new`;
    const { lock, isFresh } = await open(folder);
    await lock.release();
    expect([isFresh, (await stat(folder)).mode & 0o777]).toEqual([true, 0o700]);
  });

  it.each([
    ["is empty", []],
    ["holds what a killed first start left", ["lock.stale-7", "admin.token.tmp", "kms.key.tmp", "server.json.tmp"]],
    ["is a disk's root", ["lost+found"]],
  ])("may be there already when it %s", async (says, names) => {
    const folder = `${temporary.path}/${says}`;
    await mkdir(folder);
    for (const name of names) await writeFile(`${folder}/${name}`, "");
    const { lock } = await open(folder);
    await lock.release();
  });

  it("is never made of a folder that holds something else, and nothing is written there", async () => {
    const folder = `${temporary.path}/foreign`;
    await mkdir(`${folder}/photos`, { recursive: true });
    await expect(open(folder)).rejects.toMatchObject({
      code: "folder_format",
      message: expect.stringContaining("photos/"),
    });
    expect(await readdir(folder)).toEqual(["photos"]);
  });
});
