import { mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { allLeaves, closeAll, openOn, range, stored } from "../journal/journal.contract.ts";
import { batchOf } from "../journal/memory-journal.ts";
import { openTask } from "../journal/open-task.ts";
import { manualClock } from "../manual-clock.ts";
import type { Compute, Task } from "./compute.ts";
import { poolCompute } from "./pool.ts";

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Inside the package, so that the worker finds the packages it leaves outside. */
const folder = source(`../../dist/.pool-test-${process.pid}`);
const workerFile = `${folder}/worker.mjs`;

let compute: Compute;

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [source("./worker.ts")],
    outfile: workerFile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    alias: {
      "@tallystick/record": source("../../../record/src/index.ts"),
      "@tallystick/tlog": source("../../../tlog/src/index.ts"),
      "@tallystick/verify": source("../../../verify/src/index.ts"),
    },
    conditions: ["tallystick-source"],
    logLevel: "silent",
  });
  compute = poolCompute({ threads: 2, workerFile });
});
afterAll(async () => {
  await closeAll();
  await compute.close();
  await rm(folder, { recursive: true, force: true });
});

describe("worker pool", () => {
  test("a whole journal works over it", async () => {
    const disk = memoryDisk();
    const clock = manualClock();
    const { journal, reopen } = await openOn(disk, clock, {
      compute,
      settings: { tailCacheBytes: 1, groupBytes: 10_000 },
    });
    await Promise.all(
      Array.from({ length: 40 }, (_, place) => journal.append("default", batchOf(range(place * 5, place * 5 + 5)))),
    );
    const again = await reopen();
    expect((await allLeaves(again.journal)).slice(1).map(({ record }) => record)).toEqual(range(0, 200));
    expect(stored(await again.journal.append("default", batchOf(range(0, 201))))).toMatchObject({
      count: 1,
      duplicates: 200,
    });
  });

  test("buffers named in transfer move away, and come back moved", async () => {
    const frames = new Uint8Array(100);
    const input = {
      segmentKey: new Uint8Array(32),
      headerHash: new Uint8Array(32),
      previousTag: new Uint8Array(16),
      frames,
      firstNumber: 0,
      firstIndex: 0,
    };
    const { bad, count } = await compute.run(openTask, input, [frames.buffer]);
    expect(frames.byteLength).toBe(0);
    expect(count).toBe(0);
    expect(bad).toMatchObject({ number: 0, offset: 0 });
  });

  test("an unknown task and a failing one are errors, not silence", async () => {
    const unknown: Task<null, null> = { name: "no such task", run: () => ({ output: null, transfer: [] }) };
    await expect(compute.run(unknown, null)).rejects.toThrow("no task of the name");
    await expect(compute.run(openTask, null as never)).rejects.toThrow();
  });
});
