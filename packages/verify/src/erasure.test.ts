import { decodeLeaf, encodeLeaf } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { hex, leafHash, parseVerifierKey } from "@tallystick/tlog";
import { describe, expect, it } from "vitest";

import { checkErasures } from "./erasure.ts";
import { bundleOf, keptLog, proofOf, publish, sourceOf, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import { FaultList } from "./result.ts";
import { verifyProof } from "./verify-proof.ts";
import { verifyTreeFromSource } from "./verify-tree.ts";

const OWN = {
  principal: "tallystick",
  intake: "tallystick",
  source_address: "local",
  standing: "authenticated",
} as const;

function own(tree: KeptTree, index: number, observed: Partial<Observed>, over: Partial<AuditRecord>): Uint8Array {
  const leaf = decodeLeaf(tree.leaves[index]!);
  return encodeLeaf({ ...OWN, received_at: leaf.observed.received_at, ...observed }, { ...leaf.record, ...over });
}

/** What a server has of a tree after leaf `index` was erased; `claimed`: the hash that stands in its place. */
function withErased(tree: KeptTree, index: number, claimed = hex(leafHash(tree.leaves[index]!))): Uint8Array {
  const stub = own(tree, index, { erased: claimed }, { event_type: "ERASED" });
  const leaves = tree.leaves.map((leaf, at) => (at === index ? stub : leaf));
  for (const path of tree.files.keys())
    if (path.startsWith("tile/entries/")) tree.files.set(path, bundleOf(leaves.slice(0, 256)));
  return stub;
}

/** Leaf `index` becomes the record that explains the erasure. */
function explain(tree: KeptTree, index: number, of: KeptTree, erased: number): void {
  const items = `${erased}/leaf/${hex(leafHash(of.leaves[erased]!))}`;
  const attributes = { "tallystick.tree": of.tree, "tallystick.erased": items };
  tree.leaves[index] = own(tree, index, {}, { event_type: "ERASURE", attributes });
  publish(tree);
}

async function verify(tree: KeptTree) {
  const faults = new FaultList();
  const key = parseVerifierKey(vkeyOf(tree.tree));
  if (key.kind === "refused") throw new Error(key.reason);
  const origin = key.value.name;
  const options = { tree: tree.tree, origin, verifiers: [key.value], faults, isKeyKnown: true };
  const outcome = await verifyTreeFromSource(sourceOf(tree), options);
  return { outcome, faults };
}

describe("an erased leaf", () => {
  it("keeps hash and place: the tree is whole, and a record explains it", async () => {
    const [tree] = keptLog("default", [100]) as [KeptTree];
    explain(tree, 90, tree, 17);
    withErased(tree, 17);
    const { outcome, faults } = await verify(tree);
    expect(faults.faults).toEqual([]);
    expect(checkErasures([outcome], true, faults)).toBe(1);
    expect(faults.faults).toEqual([]);
  });

  it("explained in a later tree is explained", async () => {
    const [old, next] = keptLog("default", [50, 20]) as [KeptTree, KeptTree];
    explain(next, 10, old, 17);
    withErased(old, 17);
    const outcomes = [(await verify(old)).outcome, (await verify(next)).outcome];
    const faults = new FaultList();
    expect(checkErasures(outcomes, true, faults)).toBe(1);
    expect(faults.faults).toEqual([]);
  });

  it("that no record explains is missing; one tree alone cannot tell", async () => {
    const [tree] = keptLog("default", [100]) as [KeptTree];
    explain(tree, 90, tree, 18);
    withErased(tree, 17);
    const { outcome, faults } = await verify(tree);
    expect(checkErasures([outcome], false, faults)).toBe(1);
    expect(faults.faults).toEqual([]);
    checkErasures([outcome], true, faults);
    expect(faults.faults).toMatchObject([{ code: "leaf_missing", tree: "default/2026-01", index: 17 }]);
  });

  it("with another hash than the tree's is no leaf of it", async () => {
    const [tree] = keptLog("default", [100]) as [KeptTree];
    withErased(tree, 17, "0".repeat(64));
    expect((await verify(tree)).faults.faults).toMatchObject([{ code: "entry_mismatch", index: 17 }]);
  });

  it("is proven by what stands for it, as far as its hash goes", async () => {
    const [tree] = keptLog("default", [100]) as [KeptTree];
    const proof = await proofOf(tree, 17);
    const stub = withErased(tree, 17);
    const vkeys = [vkeyOf(tree.tree)];
    expect(await verifyProof({ proof, leaf: stub, vkeys })).toMatchObject({ clean: true, erasedLeaves: 1 });
    const other = own(tree, 17, { erased: "1".repeat(64) }, { event_type: "ERASED" });
    expect(await verifyProof({ proof, leaf: other, vkeys })).toMatchObject({ clean: false });
  });

  it("cannot be made by a producer's record", async () => {
    const [tree] = keptLog("default", [100]) as [KeptTree];
    const attributes = {
      "tallystick.tree": tree.tree,
      "tallystick.erased": `17/leaf/${hex(leafHash(tree.leaves[17]!))}`,
    };
    tree.leaves[90] = own(tree, 90, { principal: "key:orders" }, { event_type: "ERASURE", attributes });
    publish(tree);
    withErased(tree, 17);
    const { outcome, faults } = await verify(tree);
    checkErasures([outcome], true, faults);
    expect(faults.faults).toMatchObject([{ code: "leaf_missing" }]);
  });
});
