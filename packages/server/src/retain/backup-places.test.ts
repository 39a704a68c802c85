import { expect, it } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { leaveWord, noteBackup } from "./backup-places.ts";

const made = (place: string) => ({ place, made_at: "2026-11-26T08:00:00Z", trees: [] });
const bytes = (text: string) => new TextEncoder().encode(text);

it("every backup that is there gets what it lacks, also what a stop or its absence kept from it", async () => {
  const disk = memoryDisk();
  for (const folder of ["/data", "/data/erasures", "/near", "/near/erasures"]) await disk.makeFolder(folder);
  await noteBackup(disk, "/data", made("/near"));
  await noteBackup(disk, "/data", made("/away"));
  await disk.replaceFile("/near/backup.json", bytes("{}"));
  await disk.replaceFile("/near/erasures/approval_1.json", bytes("as it was left"));
  await disk.replaceFile("/data/erasures/approval_1.json", bytes("one"));
  await disk.replaceFile("/data/erasures/approval_2.json", bytes("two"));
  await leaveWord(disk, "/data", "/data/erasures");
  expect(await disk.list("/near/erasures")).toEqual(["approval_1.json", "approval_2.json"]);
  expect(await disk.readFile("/near/erasures/approval_1.json")).toEqual(bytes("as it was left"));
  expect(await disk.list("/away")).toEqual([]);

  await disk.makeFolder("/away");
  await disk.replaceFile("/away/backup.json", bytes("{}"));
  await leaveWord(disk, "/data", "/data/erasures");
  expect(await disk.list("/away/erasures")).toEqual(["approval_1.json", "approval_2.json"]);
});
