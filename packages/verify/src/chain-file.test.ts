import { decodeLeaf, encodeLeaf } from "@tallystick/record";
import { parseVerifierKey } from "@tallystick/tlog";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatChain, parseChain } from "./chain-file.ts";
import { SERVER, chainOf, keptLog, publish, sourceOf, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import { FaultList } from "./result.ts";
import type { Fault } from "./result.ts";
import { verifyChain } from "./verify-chain.ts";
import { verifyTreeFromSource } from "./verify-tree.ts";
import type { TreeOutcome } from "./verify-tree.ts";

const [OLD, NEW] = ["default/2026-01", "default/2026-02"] as const;

/** As somebody sees it who may not read the contents. */
async function check(
  trees: readonly KeptTree[],
  contents = false,
): Promise<{ faults: readonly Fault[]; outcomes: readonly TreeOutcome[] }> {
  const faults = new FaultList();
  const outcomes: TreeOutcome[] = [];
  for (const kept of [...trees].reverse()) {
    const key = parseVerifierKey(vkeyOf(kept.tree));
    if (key.kind === "refused") throw new Error(key.reason);
    const options = { tree: kept.tree, origin: `${SERVER}/${kept.tree}`, verifiers: [key.value], faults };
    outcomes.unshift(await verifyTreeFromSource(sourceOf(kept, { contents }), options));
  }
  await verifyChain(outcomes, faults);
  return { faults: faults.faults, outcomes };
}

const twoTrees = (): [KeptTree, KeptTree] => keptLog("default", [300, 260]) as [KeptTree, KeptTree];
const chainFault = (code: string): unknown => expect.objectContaining({ code, tree: NEW, file: "chain" });

describe("the epoch chain without contents", () => {
  test("is checked", async () => {
    const { faults, outcomes } = await check(twoTrees());
    expect(faults).toEqual([]);
    expect(outcomes.map(({ result }) => [result.chain, result.contents])).toEqual([
      ["checked", "not checked"],
      ["checked", "not checked"],
    ]);
  });

  test("shows an older tree that was cut short or written anew, though each tree is whole in itself", async () => {
    const cut = twoTrees();
    publish(cut[0], 299);
    expect((await check(cut)).faults.map(({ code }) => code)).toEqual(["tree_opening", "epoch_link"]);
    const rewritten = twoTrees();
    rewritten[0].leaves[7] = rewritten[0].leaves[6]!;
    publish(rewritten[0]);
    expect((await check(rewritten)).faults).toEqual([
      expect.objectContaining({ code: "epoch_link", tree: NEW, index: 1 }),
    ]);
  });

  test("shows that a link, leaf 0 or the whole file is hidden", async () => {
    const [old, fresh] = twoTrees();
    const lines = parseChain(fresh.files.get("chain")!);
    if (lines.kind === "refused") throw new Error(lines.reason);
    const [first, second] = [lines.value[0]!, lines.value[1]!];
    fresh.files.set("chain", formatChain([first]));
    expect((await check([old, fresh])).faults).toEqual([expect.objectContaining({ code: "epoch_link", tree: NEW })]);
    expect((await check([old, fresh], true)).faults).toEqual([chainFault("chain_mismatch")]);
    fresh.files.set("chain", formatChain([second]));
    expect((await check([old, fresh])).faults).toContainEqual(chainFault("chain_mismatch"));
    fresh.files.delete("chain");
    for (const contents of [true, false])
      expect((await check([old, fresh], contents)).faults).toContainEqual(chainFault("chain_missing"));
  });

  test("reads no line beyond the checkpoint", async () => {
    const [old, fresh] = twoTrees();
    const [, longer] = keptLog("default", [300, 300]) as [KeptTree, KeptTree];
    const { observed, record } = decodeLeaf(longer.leaves[1]!);
    const later = { index: 299, leaf: encodeLeaf(observed, record) };
    const whole = Buffer.concat([fresh.files.get("chain")!, formatChain([later])]);
    fresh.files.set("chain", whole);
    expect((await check([old, fresh])).faults).toEqual([]);
  });
});

describe("the file", () => {
  test("is the same bytes again, and holds only the chain's leaves", () => {
    const [old, fresh] = twoTrees();
    for (const [tree, indices] of [
      [old, [0]],
      [fresh, [0, 1]],
    ] as const) {
      const parsed = parseChain(chainOf(tree.leaves));
      if (parsed.kind === "refused") throw new Error(parsed.reason);
      expect(parsed.value.map(({ index }) => index)).toEqual(indices);
      expect(formatChain(parsed.value)).toEqual(chainOf(tree.leaves));
    }
    const producers = formatChain([{ index: 7, leaf: old.leaves[7]! }]);
    expect(parseChain(producers)).toMatchObject({ kind: "refused" });
  });

  test("with any flipped bit, cut or doubled is a fault of that file", async () => {
    const bytes = twoTrees()[1].files.get("chain")!;
    const damage = fc.oneof(
      fc.nat({ max: bytes.length * 8 - 1 }).map((bit) => bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)))),
      fc.nat({ max: bytes.length - 1 }).map((length) => bytes.slice(0, length)),
      fc.constantFrom(Buffer.concat([bytes, bytes]), Buffer.concat([bytes, Buffer.from("\n")])),
    );
    await fc.assert(
      fc.asyncProperty(damage, fc.boolean(), async (damaged, contents) => {
        const [old, fresh] = twoTrees();
        fresh.files.set("chain", damaged);
        const { faults } = await check([old, fresh], contents);
        const isFirstLine = parseChain(damaged).kind === "ok" && damaged.length < bytes.length && damaged.length > 0;
        if (isFirstLine && !contents) expect(faults.map(({ code }) => code)).toEqual(["epoch_link"]);
        else expect(faults.map(({ file }) => file)).toContain("chain");
      }),
      { numRuns: 60 },
    );
  });

  test(`of ${OLD} is what docs/formats/ledger.md shows`, () => {
    const text = Buffer.from(twoTrees()[0].files.get("chain")!).toString("utf8");
    expect(text).toMatch(/^0 \{"observed":\{.*\},"record":\{.*\}\}\n$/);
  });
});
