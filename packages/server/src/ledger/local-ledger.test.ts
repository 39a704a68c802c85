import * as fc from "fast-check";
import {
  entriesPath,
  parseProof,
  tilePath,
  verifyInclusion,
  leafHash,
  parseCheckpoint,
  parseNote,
} from "@tallystick/tlog";
import { describe, expect, it } from "vitest";
import { LedgerBench, settle, walkServedTree } from "./ledger-bench.contract.ts";

const TREE = "default/2026-11";

describe("the ledger", () => {
  it.each([1, 2, 255, 256, 257, 700, 65_793])("serves a tree of %i leaves exactly as C2SP says", async (size) => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    bench.journal.addLeaves(TREE, size - 1);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    expect(await walkServedTree(ledger, TREE)).toBe(size);
    expect(bench.fatal).toEqual([]);
  });

  it("serves every narrower width that some size had, and nothing beyond the published size", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    bench.journal.addLeaves(TREE, 299);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    const full = (await ledger.tile(TREE, "tile/0/000"))!;
    const last = (await ledger.tile(TREE, "tile/0/001.p/44"))!;
    for (const width of [1, 100, 255])
      expect(await ledger.tile(TREE, tilePath(0, 0, width))).toEqual(full.subarray(0, width * 32));
    for (const width of [1, 43])
      expect(await ledger.tile(TREE, tilePath(0, 1, width))).toEqual(last.subarray(0, width * 32));
    expect((await ledger.tile(TREE, "tile/1/000.p/1"))?.length).toBe(32);
    for (const path of [
      "tile/0/001",
      "tile/0/001.p/45",
      "tile/0/002.p/1",
      "tile/1/000",
      "tile/1/000.p/2",
      "tile/2/000.p/1",
    ]) {
      expect(await ledger.tile(TREE, path)).toBeNull();
    }
    for (const path of [
      "tile/0/0",
      "tile/0/000.p/0",
      "tile/0/000.p/256",
      "tile/00/000",
      "tile/0/x000/000",
      "../tile/0/000",
      "checkpoint",
    ]) {
      expect(await ledger.tile(TREE, path)).toBeNull();
      expect(await ledger.entries(TREE, path)).toBeNull();
    }
    expect(await ledger.entries(TREE, entriesPath(1, 45))).toBeNull();
    expect(await ledger.entries(TREE, entriesPath(1))).toBeNull();
    expect((await ledger.entries(TREE, entriesPath(0, 1)))?.length).toBe(bench.journal.leaves(TREE)[0]!.length + 2);
    expect(await ledger.tile("default/2026-12", "tile/0/000")).toBeNull();
  });

  it("proves every leaf under the published checkpoint", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    bench.journal.addLeaves(TREE, 400);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    for (const index of [0, 1, 255, 256, 300, 400]) {
      const proof = parseProof(await ledger.proof(TREE, index));
      if (proof.kind === "refused") throw new Error(proof.reason);
      const note = parseNote(proof.value.checkpoint);
      const checkpoint = note.kind === "ok" ? parseCheckpoint(note.value.text) : note;
      if (checkpoint.kind === "refused") throw new Error(checkpoint.reason);
      const { size, root } = checkpoint.value;
      expect(verifyInclusion(leafHash(bench.journal.leaves(TREE)[index]!), index, size, proof.value.hashes, root)).toBe(
        true,
      );
    }
    await expect(ledger.proof(TREE, 401)).rejects.toMatchObject({ code: "not_published" });
    await expect(ledger.proof("default/none", 0)).rejects.toMatchObject({ code: "not_published" });
  });

  it("publishes at most once a second, and at once when somebody waits", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    const before = bench.checkpoints.length;
    for (let at = 0; at < 40; at += 1) {
      bench.journal.addLeaves(TREE, 1);
      bench.clock.advance(50);
      await settle();
    }
    expect(bench.checkpoints.length - before).toBeLessThanOrEqual(2);
    bench.journal.addLeaves(TREE, 1);
    const waiting = ledger.published(TREE, bench.journal.leaves(TREE).length, 5_000);
    const startedMs = bench.clock.monotonicMs();
    const published = waiting.then(() => bench.clock.monotonicMs());
    await bench.until(() => bench.publishedSize(TREE) === bench.journal.leaves(TREE).length, 10);
    expect((await published) - startedMs).toBeLessThanOrEqual(250);
  });

  it("tells a waiter whose time is over, and all of them when it closes", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    const late = expect(ledger.published(TREE, 1_000, 500)).rejects.toMatchObject({ code: "query_timeout" });
    const closed = expect(ledger.published(TREE, 1_000, 60_000)).rejects.toMatchObject({ code: "shutting_down" });
    await settle();
    bench.clock.advance(600);
    await late;
    await ledger.close();
    await closed;
    await expect(ledger.published(TREE, 1_000, 1_000)).rejects.toMatchObject({ code: "shutting_down" });
    await expect(ledger.published(TREE, 1, 1_000)).resolves.toBeUndefined();
  });

  it("integrates and publishes all when it closes, and leaves exactly the tiles of that size", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    const ledger = await bench.open();
    await bench.untilPublished(TREE);
    bench.journal.addLeaves(TREE, 700);
    await ledger.close();
    expect(bench.publishedSize(TREE)).toBe(701);
    expect([...bench.tileFiles(TREE)].sort()).toEqual([
      "tile/0/000",
      "tile/0/001",
      "tile/0/002.p/189",
      "tile/1/000.p/2",
    ]);
  });

  it("gives the same tree however the leaves arrive and however often it is restarted", async () => {
    const part = fc.record({ leaves: fc.nat({ max: 600 }), restart: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const bench = new LedgerBench();
        bench.journal.openTree(TREE);
        let ledger = await bench.open();
        for (const { leaves, restart } of parts) {
          bench.journal.addLeaves(TREE, leaves);
          await bench.untilPublished(TREE);
          if (!restart) continue;
          await ledger.close();
          ledger = await bench.open();
        }
        await bench.untilPublished(TREE);
        expect(await walkServedTree(ledger, TREE)).toBe(bench.journal.leaves(TREE).length);
        expect(bench.notices).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});
