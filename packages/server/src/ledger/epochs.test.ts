import { decodeLeaf } from "@tallystick/record";
import { describe, expect, it } from "vitest";
import { linkId, linkOf } from "./epoch-link.ts";
import { LedgerBench, settle, walkServedTree } from "./ledger-bench.contract.ts";

const [OLD, NEW, NEWEST] = ["default/2026-11", "default/2026-12", "default/2027-01"] as const;

/** Where the links of a tree's log lie: [tree, index, previous tree]. */
function links(bench: LedgerBench, trees: readonly string[]): readonly (readonly [string, number, string])[] {
  return trees.flatMap((tree) =>
    bench.journal.leaves(tree).flatMap((leaf, index) => {
      if (leaf[0] !== 0x7b) return [];
      const { record, observed } = decodeLeaf(leaf);
      const link = linkOf(record, observed);
      return link === null ? [] : [[tree, index, link.previousTree] as const];
    }),
  );
}

function firstSizes(bench: LedgerBench): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { tree, size } of bench.checkpoints) if (!sizes.has(tree)) sizes.set(tree, size);
  return sizes;
}

describe("when an epoch ends", () => {
  it("the link's id is a function of the closed tree alone (docs/formats/ledger.md)", () => {
    expect(linkId(OLD)).toBe("97a54fdb-31a5-8ced-857b-e748d4643b39");
  });

  it("the new tree's first checkpoint covers the link to the old one's final checkpoint", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(OLD);
    bench.journal.addLeaves(OLD, 300);
    const ledger = await bench.open();
    await bench.untilPublished(OLD);
    bench.journal.addLeaves(OLD, 50);
    bench.journal.openTree(NEW);
    bench.journal.addLeaves(NEW, 20);
    await bench.until(() => bench.publishedSize(NEW) > 0);
    expect(links(bench, [OLD, NEW])).toEqual([[NEW, 21, OLD]]);
    expect(firstSizes(bench).get(NEW)).toBeGreaterThan(21);
    expect(await walkServedTree(ledger, OLD)).toBe(351);
    expect(await walkServedTree(ledger, NEW)).toBe(22);
    const { record } = decodeLeaf(bench.journal.leaves(NEW)[21]!);
    expect(record.attributes?.["tallystick.previous_checkpoint"]).toBe(
      Buffer.from((await ledger.checkpoint(OLD))!).toString(),
    );
    expect(record.id).toBe(linkId(OLD));
  });

  it("acknowledged records do not wait, but their checkpoint does, until the journal takes the link", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(OLD);
    await bench.open();
    await bench.untilPublished(OLD);
    bench.journal.refuseOwn(3);
    bench.journal.openTree(NEW);
    for (let turn = 0; turn < 5; turn += 1) {
      bench.clock.advance(100);
      await settle();
    }
    expect(bench.publishedSize(NEW)).toBe(0);
    await bench.until(() => bench.publishedSize(NEW) === 2);
    expect(links(bench, [NEW])).toEqual([[NEW, 1, OLD]]);
  });

  it.each([0, 1, 2, 3])(
    "a link is written once when the process is killed, with %i leaves behind it",
    async (behind) => {
      const bench = new LedgerBench();
      bench.journal.openTree(OLD);
      await (await bench.open()).close();
      bench.journal.openTree(NEW);
      const doomed = await bench.open({ heads: { ...forwarding(bench), swap: () => new Promise(() => {}) } });
      await bench.until(() => links(bench, [NEW]).length === 1);
      void doomed;
      bench.journal.addLeaves(NEW, behind);
      const before = bench.journal.ownAppends;
      await bench.open();
      await bench.untilPublished(NEW);
      expect(bench.journal.ownAppends).toBe(before);
      expect(links(bench, [NEW])).toHaveLength(1);
    },
  );

  it("writes the link into the current tree when more epochs passed while it was down", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(OLD);
    await (await bench.open()).close();
    bench.journal.openTree(NEW);
    bench.journal.addLeaves(NEW, 5);
    bench.journal.nextTree = NEWEST;
    const ledger = await bench.open();
    await bench.until(() => bench.publishedSize(NEWEST) > 0);
    expect(links(bench, [OLD, NEW, NEWEST])).toEqual([
      [NEWEST, 1, OLD],
      [NEWEST, 2, NEW],
    ]);
    expect(bench.publishedSize(NEW)).toBe(6);
    expect(firstSizes(bench).get(NEWEST)).toBe(3);
    await ledger.close();
    const again = await bench.open();
    expect(await walkServedTree(again, NEWEST)).toBe(3);
    expect(links(bench, [OLD, NEW, NEWEST])).toHaveLength(2);
  });

  it("closes with everything published when an epoch ends at that moment", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree(OLD);
    const ledger = await bench.open();
    await bench.untilPublished(OLD);
    bench.journal.openTree(NEW);
    bench.journal.nextTree = NEWEST;
    await ledger.close();
    for (const tree of [OLD, NEW, NEWEST]) expect(bench.publishedSize(tree)).toBe(bench.journal.leaves(tree).length);
  });

  it("keeps logs apart", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree("control/2026-11");
    bench.journal.openTree(OLD);
    await bench.open();
    bench.journal.openTree(NEW);
    await bench.until(() => bench.publishedSize(NEW) === 2 && bench.publishedSize("control/2026-11") === 1);
    expect(links(bench, ["control/2026-11"])).toEqual([]);
  });
});

function forwarding({ heads }: LedgerBench): Pick<LedgerBench["heads"], "read" | "trees"> {
  return { read: (tree) => heads.read(tree), trees: () => heads.trees() };
}
