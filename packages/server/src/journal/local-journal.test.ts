import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach } from "vitest";

import { faultDisk } from "../disk/fault-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { manualClock } from "../manual-clock.ts";
import { closeAll, journalContract, openOn } from "./journal.contract.ts";

const folders: string[] = [];
afterEach(async () => {
  await closeAll();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

journalContract("memory", () => openOn(memoryDisk(), manualClock()));
journalContract("fault, with no fault queued", () => openOn(faultDisk(memoryDisk()), manualClock()));
journalContract("local", async () => {
  const root = await mkdtemp(join(tmpdir(), "tallystick-journal-"));
  folders.push(root);
  return openOn(nodeDisk(), manualClock(), { folder: `${root}/journal` });
});
