import { Frontier, hex, leafHash, parseVerifierKey } from "@tallystick/tlog";
import { encodeLeaf, decodeLeaf } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { describe, expect, test } from "vitest";
import { SERVER, checkpointOf, keptLog, publish, sourceOf, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import { FaultList } from "./result.ts";
import type { Fault } from "./result.ts";
import { verifyChain } from "./verify-chain.ts";
import { verifyTreeFromSource } from "./verify-tree.ts";
import type { TreeOutcome } from "./verify-tree.ts";

async function check(trees: readonly KeptTree[]): Promise<readonly Fault[]> {
  const faults = new FaultList();
  const outcomes: TreeOutcome[] = [];
  for (const kept of [...trees].reverse()) {
    const key = parseVerifierKey(vkeyOf(kept.tree));
    if (key.kind === "refused") throw new Error(key.reason);
    const options = { tree: kept.tree, origin: `${SERVER}/${kept.tree}`, verifiers: [key.value], faults };
    outcomes.unshift(await verifyTreeFromSource(sourceOf(kept), { ...options, mayBeUnpublished: true }));
  }
  await verifyChain(outcomes, faults);
  return faults.faults;
}

/** Writes another record into a leaf and publishes the tree anew, as only who holds the signing key can. */
function rewrite(tree: KeptTree, index: number, change: (record: AuditRecord) => AuditRecord): void {
  const { observed, record } = decodeLeaf(tree.leaves[index]!);
  tree.leaves[index] = encodeLeaf(observed, change(record));
  publish(tree);
}

function withAttribute(name: string, value: string | null): (record: AuditRecord) => AuditRecord {
  return (record) => {
    const { [name]: _old, ...others } = record.attributes ?? {};
    return { ...record, attributes: value === null ? others : { ...others, [name]: value } };
  };
}

const SIZES = [300, 5, 260] as const;
const [FIRST, SECOND, THIRD] = ["default/2026-01", "default/2026-02", "default/2026-03"];

describe("a chain of trees", () => {
  test("is clean, and not when the oldest one is gone without a word", async () => {
    const trees = keptLog("default", SIZES);
    expect(await check(trees)).toEqual([]);
    expect(await check(trees.slice(1))).toEqual([expect.objectContaining({ code: "tree_missing", tree: FIRST })]);
  });

  test("shows a tree taken out of the middle", async () => {
    const [first, , third] = keptLog("default", SIZES);
    expect(await check([first!, third!])).toEqual([expect.objectContaining({ code: "tree_missing", tree: SECOND })]);
  });

  test("shows an older tree that was cut short, though it is signed and whole in itself", async () => {
    const trees = keptLog("default", SIZES);
    publish(trees[0]!, 299);
    expect(await check(trees)).toEqual([
      expect.objectContaining({ code: "tree_opening", tree: SECOND, index: 0 }),
      expect.objectContaining({ code: "epoch_link", tree: SECOND, index: 1 }),
    ]);
  });

  test("shows an older tree that was written anew", async () => {
    const trees = keptLog("default", SIZES);
    trees[0]!.leaves[7] = trees[0]!.leaves[6]!;
    publish(trees[0]!);
    expect(await check(trees)).toEqual([expect.objectContaining({ code: "epoch_link", tree: SECOND, index: 1 })]);
    trees[0]!.leaves[299] = trees[0]!.leaves[298]!;
    publish(trees[0]!);
    expect((await check(trees)).map(({ code }) => code)).toEqual(["tree_opening", "epoch_link"]);
  });

  test("shows a tree that grew after it was closed", async () => {
    const trees = keptLog("default", SIZES);
    trees[0]!.leaves.push(trees[0]!.leaves[299]!);
    publish(trees[0]!);
    expect((await check(trees)).map(({ code }) => code)).toEqual(["tree_opening", "epoch_link"]);
  });

  test("shows a leaf 0 that opens nothing, or names no tree before", async () => {
    const opened = keptLog("default", SIZES);
    rewrite(opened[1]!, 0, (record) => ({ ...record, operation: "something else" }));
    expect(await check(opened.slice(0, 2))).toEqual([
      expect.objectContaining({ code: "tree_opening", tree: SECOND, index: 0 }),
    ]);
    for (const attribute of ["previous_tree", "previous_size", "previous_last_leaf_hash"]) {
      const trees = keptLog("default", SIZES);
      rewrite(trees[1]!, 0, withAttribute(`tallystick.${attribute}`, null));
      expect((await check(trees.slice(0, 2)))[0]).toMatchObject({ code: "tree_opening", tree: SECOND, index: 0 });
    }
    const alone = keptLog("default", SIZES);
    rewrite(alone[1]!, 0, ({ attributes: _dropped, ...record }) => record);
    expect((await check(alone.slice(0, 2)))[0]).toMatchObject({ code: "tree_opening", tree: SECOND, index: 0 });
  });

  test("shows two trees that follow the same one", async () => {
    const trees = keptLog("default", SIZES);
    const forged = hex(leafHash(trees[0]!.leaves.at(-1)!));
    rewrite(trees[2]!, 0, (record) => {
      const named = withAttribute("tallystick.previous_tree", FIRST)(record);
      const sized = withAttribute("tallystick.previous_size", "300")(named);
      return withAttribute("tallystick.previous_last_leaf_hash", forged)(sized);
    });
    expect(await check(trees)).toEqual([expect.objectContaining({ code: "tree_opening", tree: THIRD, index: 0 })]);
  });
});

describe("the link to a closed tree", () => {
  test("must be there, once the newer trees are published", async () => {
    const trees = keptLog("default", SIZES);
    rewrite(trees[1]!, 1, (record) => ({ ...record, event_type: "API_CALL" }));
    expect(await check(trees.slice(0, 2))).toEqual([expect.objectContaining({ code: "epoch_link", tree: SECOND })]);
    trees[2]!.files.clear();
    expect(await check(trees)).toEqual([]);
  });

  test("may stand in any newer tree", async () => {
    const trees = keptLog("default", [300, 5, 260]);
    const note = Buffer.from(trees[0]!.files.get("checkpoint")!).toString("utf8");
    const { observed, record } = decodeLeaf(trees[1]!.leaves[1]!);
    rewrite(trees[1]!, 1, (own) => ({ ...own, event_type: "API_CALL" }));
    const relinked = keptLog("default", [300, 5, 260]);
    relinked[1] = trees[1]!;
    relinked[2]!.leaves[2] = encodeLeaf(
      { ...decodeLeaf(relinked[2]!.leaves[2]!).observed, ...ownOf(observed) },
      record,
    );
    rewrite(
      relinked[2]!,
      1,
      withAttribute("tallystick.previous_checkpoint", Buffer.from(trees[1]!.files.get("checkpoint")!).toString("utf8")),
    );
    expect(note).toContain(FIRST);
    expect(await check(relinked)).toEqual([]);
  });

  test("must hold a checkpoint of that tree, signed by the key, and the final one", async () => {
    const trees = keptLog("default", SIZES);
    const note = Buffer.from(trees[0]!.files.get("checkpoint")!).toString("utf8");
    const older = Frontier.empty();
    older.append(leafHash(trees[0]!.leaves[0]!));
    const wrong = ["", "no note", note.replace("300", "301"), checkpointOf(FIRST, older), checkpointOf(SECOND, older)];
    for (const text of wrong) {
      rewrite(trees[1]!, 1, withAttribute("tallystick.previous_checkpoint", text));
      expect((await check(trees.slice(0, 2)))[0]).toMatchObject({ code: "epoch_link", tree: SECOND, index: 1 });
    }
  });

  test("does not count when a producer wrote it", async () => {
    const trees = keptLog("default", SIZES);
    const { observed, record } = decodeLeaf(trees[1]!.leaves[1]!);
    trees[1]!.leaves[1] = encodeLeaf({ ...observed, intake: "ndjson" }, record);
    publish(trees[1]!);
    expect(await check(trees.slice(0, 2))).toEqual([expect.objectContaining({ code: "epoch_link", tree: SECOND })]);
  });
});

function ownOf({ principal, intake }: { principal: string; intake: string }): { principal: string; intake: string } {
  return { principal, intake };
}
