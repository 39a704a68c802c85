import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";

import { bulkOver } from "../disk/bulk-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { manualClock } from "../manual-clock.ts";
import { removeTree } from "../retain/remove-tree.ts";
import { createFileKms } from "./file-kms.ts";
import { openKeyring } from "./keyring.ts";
import type { Kms } from "./kms.ts";

const TREE = "default/2026-10";
const GONE = ["epoch.default.2026-10", "payload.default.2026-10"];
const KEPT = ["epoch.default.2026-11", "integrity", "payload.default.2026-11", "signing"];
const PLACES = { keys: "/keys", journal: "/journal", payloads: "/payload", ledger: "/ledger", head: "/head" };
const STEPS = 40;

interface Bench {
  readonly disk: Disk;
  readonly ring: ReturnType<typeof openKeyring>;
  readonly kms: Kms;
  /** How many steps of KMS and disk there were. */
  readonly steps: () => number;
  remove(): Promise<void>;
}

/** `onStep` is told of each step before it is taken. */
async function open(change: "rotate" | "rewrap", onStep: (step: number) => Promise<void>): Promise<Bench> {
  const memory = memoryDisk();
  const inner = await createFileKms(memory, "/kms.key", randomBytes);
  let [steps, isCounting] = [0, false];
  const step = async () => {
    if (isCounting) await onStep(++steps);
  };
  const kms: Kms = {
    get keyId() {
      return inner.keyId;
    },
    wrap: async (...args) => (await step(), inner.wrap(...args)),
    unwrap: async (...args) => (await step(), inner.unwrap(...args)),
    rotate: () => inner.rotate(),
    retire: () => inner.retire(),
    close: () => inner.close(),
  };
  const disk: Disk = {
    ...memory,
    remove: async (path) => (await step(), memory.remove(path)),
    replaceFile: async (path, bytes) => (await step(), memory.replaceFile(path, bytes)),
  };
  const ring = openKeyring({ disk, folder: "/keys", kms, clock: manualClock(), randomBytes });
  for (const name of [...GONE, ...KEPT]) await ring.key(name);
  // A rotation that was broken off, so that there is something to rewrap.
  if (change === "rewrap") await inner.rotate();
  isCounting = true;
  const removal = { disk, bulk: bulkOver(disk), places: PLACES, keyring: ring, pace: async () => {} };
  return { disk, ring, kms, steps: () => steps, remove: async () => void (await removeTree(removal, TREE)) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("a key that is deleted for good", () => {
  it.each(["rotate", "rewrap"] as const)("is not written back by a %s, wherever either of them is", async (change) => {
    let last = 0;
    for (let at = 1; at <= STEPS; at += 1) {
      for (const first of ["change", "removal"] as const) {
        let other: Promise<unknown> = Promise.resolve();
        const bench: Bench = await open(change, async (step) => {
          if (step !== at) return;
          other = first === "change" ? bench.remove() : bench.ring[change]();
          // The other one comes as far as it can while this one stands still.
          for (let turn = 0; turn < 20; turn += 1) await settled();
        });
        await (first === "change" ? bench.ring[change]() : bench.remove());
        await other;
        last = Math.max(last, bench.steps());
        if (at > bench.steps()) await bench.remove();
        const left = (await bench.disk.list("/keys")).toSorted();
        expect(left, `${first} first, the other at step ${at}`).toEqual(KEPT.map((name) => `${name}.json`));
        for (const name of GONE) expect(await bench.ring.existing(name)).toBeNull();
        for (const name of KEPT) expect(await bench.ring.existing(name)).not.toBeNull();
      }
    }
    expect(last).toBeLessThan(STEPS);
  });
});
