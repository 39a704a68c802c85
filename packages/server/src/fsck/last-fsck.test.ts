import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { FSCK_FILE, lastFsck, noteFsck } from "./last-fsck.ts";
import { MAX_SMALL_FILE_BYTES } from "./limits.ts";

const FOLDER = "/data";
const { read, taken_for_missing: missing } = JSON.parse(
  readFileSync(new URL("../../../../docs/formats/vectors/fsck/files.json", import.meta.url), "utf8"),
) as { readonly read: readonly string[]; readonly taken_for_missing: readonly string[] };

const folder = async () => {
  const disk = memoryDisk();
  await disk.makeFolder(FOLDER);
  const put = (text: string) => disk.replaceFile(`${FOLDER}/${FSCK_FILE}`, Buffer.from(text));
  return { disk, put };
};

it("what a check found is read again as it was noted, in the place of the one before", async () => {
  const { disk } = await folder();
  const verify = { clean: true, faults: [], faultsLeftOut: 0, trees: [{}, {}], leavesChecked: 12 };
  const index = { compared: true, faults: [] };
  await noteFsck(disk, FOLDER, { verify, index, repaired: [] }, manualClock());
  expect(await lastFsck(disk, FOLDER)).toMatchObject({ clean: true, trees: 2, leaves: 12, faults: 0 });
  const wrong = { ...verify, clean: false, faults: [{}], faultsLeftOut: 2 };
  await noteFsck(
    disk,
    FOLDER,
    { verify: wrong, index: { ...index, faults: [{}] }, repaired: ["index"] },
    manualClock(),
  );
  expect(await lastFsck(disk, FOLDER)).toEqual({
    at: expect.stringMatching(/Z$/) as string,
    clean: false,
    trees: 2,
    leaves: 12,
    faults: 4,
    index_compared: true,
    repaired: ["index"],
  });
});

it("an index at fault is not clean, whatever the journal is", async () => {
  const { disk } = await folder();
  const verify = { clean: true, faults: [], faultsLeftOut: 0, trees: [], leavesChecked: 0 };
  await noteFsck(disk, FOLDER, { verify, index: { compared: true, faults: [{}] }, repaired: [] }, manualClock());
  expect(await lastFsck(disk, FOLDER)).toMatchObject({ clean: false, faults: 1 });
});

it("docs/formats/fsck.md: what is read, and what is taken for missing", async () => {
  const { disk, put } = await folder();
  expect(await lastFsck(disk, FOLDER)).toBeNull();
  for (const text of read) {
    await put(text);
    expect(await lastFsck(disk, FOLDER), text).toMatchObject({ leaves: 9_566 });
  }
  for (const text of [...missing, (read[0] ?? "").padEnd(MAX_SMALL_FILE_BYTES + 1)]) {
    await put(text);
    expect(await lastFsck(disk, FOLDER), text.slice(0, 100)).toBeNull();
  }
});
