import { expect, it } from "vitest";
import { LedgerBench, settle, walkServedTree } from "./ledger-bench.contract.ts";
import type { Ledger } from "./ledger.ts";

const TREE = "default/2026-11";

/** What everything behind the ledger seam must do; `open` gives a ledger over the bench's journal and clock. */
export function ledgerContract(open: (bench: LedgerBench) => Promise<Ledger>): void {
  const opened = async (leaves: number): Promise<{ bench: LedgerBench; ledger: Ledger }> => {
    const bench = new LedgerBench();
    bench.journal.openTree(TREE);
    bench.journal.addLeaves(TREE, leaves - 1);
    return { bench, ledger: bench.use(await open(bench)) };
  };

  it("publishes what is journaled, as C2SP says, and says how far it has come", async () => {
    const { bench, ledger } = await opened(300);
    await bench.untilPublished(TREE);
    expect(await walkServedTree(ledger, TREE)).toBe(300);
    const nowMs = Math.floor(bench.clock.nowUs() / 1_000);
    expect(ledger.positions()).toEqual([{ tree: TREE, integrated: 300, published: 300, publishedAtMs: nowMs }]);
  });

  it("knows nothing of a tree that is not there", async () => {
    const { ledger } = await opened(1);
    expect(await ledger.checkpoint("default/2030-01")).toBeNull();
    expect(await ledger.tile("default/2030-01", "tile/0/000.p/1")).toBeNull();
    expect(await ledger.entries("default/2030-01", "tile/entries/000.p/1")).toBeNull();
    await expect(ledger.proof("default/2030-01", 0)).rejects.toMatchObject({ code: "not_published" });
  });

  it("names a tree's origin and key before the tree has a checkpoint", async () => {
    const { ledger } = await opened(1);
    expect(ledger.origin(TREE)).toBe("log.example/default/2026-11");
    expect(ledger.verifierKey(TREE)).toMatch(
      /^log\.example\/default\/2026-11\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]/,
    );
  });

  it("resolves a wait at once when the size is published, later when it will be, and never too early", async () => {
    const { bench, ledger } = await opened(10);
    await bench.untilPublished(TREE);
    await ledger.published(TREE, 10, 1);
    let published = 0;
    const waiting = ledger.published(TREE, 11, 60_000).then(() => (published = bench.publishedSize(TREE)));
    await settle();
    expect(published).toBe(0);
    bench.journal.addLeaves(TREE, 1);
    await bench.untilPublished(TREE);
    await waiting;
    expect(published).toBe(11);
  });

  it("publishes everything when it closes, once, and is readable afterwards", async () => {
    const { ledger } = await opened(513);
    await Promise.all([ledger.close(), ledger.close()]);
    expect(await walkServedTree(ledger, TREE)).toBe(513);
    await expect(ledger.published(TREE, 514, 1_000)).rejects.toMatchObject({ code: "shutting_down" });
  });
}
