import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { acquireFolderLock, procProcesses } from "../disk/folder-lock.ts";
import { nodeDisk } from "../disk/node-disk.ts";
import { isTallystickError } from "../errors.ts";
import { manualClock } from "../manual-clock.ts";
import { allLeaves, closeAll, openOn } from "./journal.contract.ts";
import { sampleId } from "./memory-journal.ts";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Inside the package, so that the program finds the packages it leaves outside. */
const folder = source(`../../dist/.kill-test-${process.pid}`);
const program = `${folder}/writer.mjs`;
const ROUNDS = 4;
const BATCH = 3;

/**
 * Takes the lock and appends without end, three batches at a time; prints the number of each batch's first record once
 * it is stored.
 */
const WRITER = `
  import { randomBytes } from "node:crypto";
  import { acquireFolderLock, procProcesses } from "../disk/folder-lock.ts";
  import { nodeDisk } from "../disk/node-disk.ts";
  import { kmsOf } from "../kms/file-kms.ts";
  import { openKeyring } from "../kms/keyring.ts";
  import { realClock } from "../real-clock.ts";
  import { batchOf, memoryJournal, sampleId, sampleRecord, seededBytes } from "./memory-journal.ts";
  const [root, from] = process.argv.slice(2);
  const disk = nodeDisk();
  const clock = realClock();
  await acquireFolderLock(disk, root, procProcesses(disk, process.pid));
  const kms = kmsOf(seededBytes("kms")(32), randomBytes);
  const keyring = openKeyring({ disk, folder: root + "/keys", kms, clock, randomBytes });
  const settings = { segmentBytes: 20_000, dedupWindowRecords: 10_000 };
  const journal = await memoryJournal({ disk, clock, keyring, randomBytes, folder: root + "/journal", settings });
  let next = Number(from);
  const keepOn = async () => {
    for (;;) {
      const first = next;
      next += ${BATCH};
      const records = Array.from({ length: ${BATCH} }, (_, place) => sampleRecord(sampleId(first + place)));
      const outcome = await journal.append("default", batchOf(records));
      if (outcome.kind === "stored") process.stdout.write(first + "\\n");
    }
  };
  await Promise.all([keepOn(), keepOn(), keepOn()]);
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tallystick-kill-"));
  await mkdir(folder, { recursive: true });
  await build({
    stdin: { contents: WRITER, resolveDir: source("."), loader: "ts" },
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    alias: { "@tallystick/record": source("../../../record/src/index.ts") },
    conditions: ["tallystick-source"],
    logLevel: "silent",
  });
});
afterAll(async () => {
  await closeAll();
  await rm(folder, { recursive: true, force: true });
  await rm(root, { recursive: true, force: true });
});

/**
 * Runs the writer until it has acknowledged so many batches, then kills it; gives the first numbers of all that it
 * said.
 */
async function writeAndKill(from: number, batches: number): Promise<readonly number[]> {
  const writer = spawn(process.execPath, [program, root, String(from)], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const chunk of writer.stdout) {
    said += String(chunk);
    if (said.split("\n").length > batches) writer.kill("SIGKILL");
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, "exit");
  return said.split("\n").slice(0, -1).map(Number);
}

describe("kill -9 of a writing process", () => {
  test("loses no acknowledged record, stores none twice, and leaves a lock that needs no help", async () => {
    const acknowledged = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const firsts = await writeAndKill(round * 100_000, 20 + round * 37);
      expect(firsts.length).toBeGreaterThan(0);
      for (const first of firsts) for (let place = 0; place < BATCH; place++) acknowledged.add(first + place);

      const disk = nodeDisk();
      const lock = await acquireFolderLock(disk, root, procProcesses(disk, process.pid));
      const other = acquireFolderLock(disk, root, procProcesses(disk, process.pid));
      await expect(other).rejects.toSatisfy((error) => isTallystickError(error, "folder_locked"));
      const { journal } = await openOn(disk, manualClock(), { folder: `${root}/journal` });
      const counts = new Map<string, number>();
      for (const { record } of await allLeaves(journal)) counts.set(record.id, (counts.get(record.id) ?? 0) + 1);
      for (const number of acknowledged) expect(counts.get(sampleId(number)), `record ${number}`).toBe(1);
      expect([...counts.values()].every((times) => times === 1)).toBe(true);
      await journal.close({ seal: round % 2 === 0 });
      await lock.release();
    }
  });
});
