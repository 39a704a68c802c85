import { readFileSync } from "node:fs";
import { parseVerifierKey } from "@tallystick/tlog";
import type { NoteVerifier } from "@tallystick/tlog";
import { decodeLeaf, encodeLeaf } from "@tallystick/record";
import { describe, expect, test } from "vitest";
import { deletedTrees } from "./deleted-trees.ts";
import { checkDeletion, formatDeletion, parseDeletion } from "./deletion.ts";
import type { Deletion } from "./deletion.ts";
import { deleteTree, foreignVkeyOf, keptLog, proofOf, publish, SERVER, sourceOf, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import { treeOfOrigin } from "./known-keys.ts";
import { FaultList } from "./result.ts";
import { verifyChain } from "./verify-chain.ts";
import { verifyTreeFromSource } from "./verify-tree.ts";

function keysOf(vkey: (tree: string) => string): (origin: string) => readonly NoteVerifier[] {
  return (origin) => {
    const parsed = parseVerifierKey(vkey(treeOfOrigin(origin)));
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    return [parsed.value];
  };
}
const VECTORS = new URL("../../../docs/formats/vectors/deletion/", import.meta.url);
const keysFor = keysOf(vkeyOf);
const CONTEXT = { serverOrigin: SERVER, keysFor };

/** Trees, and what stays of those that are gone, as a stranger checks them. */
async function check(trees: readonly KeptTree[], files: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]> {
  const faults = new FaultList();
  const there = [...trees].reverse().map((kept) => {
    const origin = `${SERVER}/${kept.tree}`;
    return verifyTreeFromSource(sourceOf(kept), { tree: kept.tree, origin, verifiers: keysFor(origin), faults });
  });
  const outcomes = await Promise.all(there);
  const read = (tree: string): Promise<Uint8Array | null> => Promise.resolve(files.get(tree) ?? null);
  const gone = await deletedTrees(outcomes, { read, keysFor, faults });
  await verifyChain([...gone, ...outcomes], faults);
  return faults.faults.map(({ code, tree }) => `${code} ${tree}`);
}

async function threeAndFiles(): Promise<{ trees: KeptTree[]; deletions: Deletion[]; files: Map<string, Uint8Array> }> {
  const trees = keptLog("default", [300, 5, 260]);
  const [first, second, third] = trees as [KeptTree, KeptTree, KeptTree];
  const deletions = [await deleteTree(first, second, 3)];
  // The second tree was written anew for the record, so its link and opening in the third follow.
  const again = keptLog("default", [300, 5, 260]);
  again[1]!.leaves.splice(0, 5, ...second.leaves);
  publish(again[1]!);
  relink(third, again[1]!);
  deletions.push(await deleteTree(second, third, 7));
  return { trees, deletions, files: new Map(deletions.map((one) => [one.tree, formatDeletion(one)])) };
}

/** Leaf 1 of the tree links the final checkpoint that the closed one has now. */
function relink(tree: KeptTree, closed: KeptTree): void {
  const { observed, record } = decodeLeaf(tree.leaves[1]!);
  const note = Buffer.from(closed.files.get("checkpoint")!).toString("utf8");
  const attributes = { ...record.attributes, "tallystick.previous_checkpoint": note };
  tree.leaves[1] = encodeLeaf(observed, { ...record, attributes });
  publish(tree);
}

describe("what stays of a deleted tree", () => {
  test("proves the deletion and keeps the chain whole, also when the tree with the record went later", async () => {
    const { trees, deletions, files } = await threeAndFiles();
    for (const deletion of deletions) {
      expect(parseDeletion(formatDeletion(deletion))).toEqual({ kind: "ok", value: deletion });
      expect((await checkDeletion(deletion, CONTEXT)).problems).toEqual([]);
    }
    expect(await check(trees.slice(1), files)).toEqual([]);
    expect(await check(trees.slice(2), files)).toEqual([]);
    const oldest = deletions[0]!.tree;
    expect(await check(trees.slice(2), new Map([...files].slice(1)))).toEqual([`tree_missing ${oldest}`]);
  });

  test("proves nothing with another key, another leaf, another proof or another tree's record", async () => {
    const { trees, deletions } = await threeAndFiles();
    const [deletion, other] = deletions as [Deletion, Deletion];
    const problems = async (changed: Partial<Deletion>): Promise<number> =>
      (await checkDeletion({ ...deletion, ...changed }, CONTEXT)).problems.length;
    expect((await checkDeletion(deletion, { ...CONTEXT, keysFor: keysOf(foreignVkeyOf) })).problems).not.toEqual([]);
    expect(await problems({ tree: "default/2026-09" })).toBeGreaterThan(0);
    expect(await problems({ record: other.record })).toBeGreaterThan(0);
    expect(await problems({ record: { ...deletion.record, tree: deletion.tree } })).toBeGreaterThan(0);
    expect(await problems({ record: { ...deletion.record, proof: await proofOf(trees[1]!, 2) } })).toBeGreaterThan(0);
    expect(await problems({ chain: other.chain })).toBeGreaterThan(0);
    const producers = Buffer.from(trees[1]!.leaves[4]!).toString("utf8");
    const sent = { tree: trees[1]!.tree, leaf: producers, proof: await proofOf(trees[1]!, 4) };
    expect(await problems({ record: sent })).toBe(1);
    expect(await problems({ chain: [{ leaf: producers, proof: sent.proof }] })).toBeGreaterThan(0);
  });

  test("is written as docs/formats/deletion.md says", async () => {
    const { deletions } = await threeAndFiles();
    const file = (name: string): string => readFileSync(new URL(name, VECTORS), "utf8");
    expect(Buffer.from(formatDeletion(deletions[0]!)).toString("utf8")).toBe(file("default-2026-01.json"));
    expect(`${vkeyOf(deletions[0]!.tree)}\n${vkeyOf(deletions[0]!.record.tree)}\n`).toBe(file("vkeys.txt"));
  });

  test("has one form", async () => {
    const { deletions } = await threeAndFiles();
    const text = Buffer.from(formatDeletion(deletions[0]!)).toString("utf8");
    const changed = [
      "",
      "{}",
      "null",
      `${text}\n`,
      text.replace('{"chain"', '{ "chain"'),
      text.replace('"format":1', '"format":2'),
      text.replace('"tree":', '"x":1,"tree":'),
      text.replace(/"chain":\[.*\],"format"/, '"chain":[],"format"'),
    ];
    for (const file of changed) expect(parseDeletion(Buffer.from(file)).kind).toBe("refused");
  });
});
