import { decodeLeaf } from "@tallystick/record";
import { describe, expect, test } from "vitest";
import { foreignVkeyOf, keptLog, proofOf, vkeyOf } from "./kept-log.contract.ts";
import { VerifyTrouble } from "./result.ts";
import { summarise } from "./summary.ts";
import { verifyProof } from "./verify-proof.ts";

const [tree, newer] = keptLog("default", [300, 20]) as [ReturnType<typeof keptLog>[0], ReturnType<typeof keptLog>[0]];
const vkeys = [vkeyOf(tree.tree)];
const leaf = tree.leaves[42]!;
const proof = await proofOf(tree, 42);

function codesOf(result: { faults: readonly { code: string }[] }): readonly string[] {
  return result.faults.map(({ code }) => code);
}

describe("a proof", () => {
  test("of an untouched leaf is clean, with the key alone", async () => {
    const result = await verifyProof({ proof, leaf, vkeys });
    expect(result).toMatchObject({ clean: true, anchored: true, contents: "checked", faults: [] });
    expect(result.trees).toMatchObject([{ tree: tree.tree, size: 300 }]);
    expect(summarise(result)).toEqual(["clean: 1 tree, 300 leaves; contents checked; anchored"]);
  });

  test("takes the leaf with a line feed after it, or the record as the API gives it out", async () => {
    const { record, observed } = decodeLeaf(leaf);
    const asText = new TextDecoder().decode(leaf);
    const forms = [
      `${asText}\n`,
      JSON.stringify({ tree: tree.tree, leaf_index: 42, call_id: "c", record, observed }, null, 2),
      JSON.stringify({ record, observed, leaf: asText, proof }),
    ];
    for (const form of forms) {
      expect(await verifyProof({ proof, leaf: new TextEncoder().encode(form), vkeys })).toMatchObject({ clean: true });
    }
  });

  test("finds every flipped bit of the leaf", async () => {
    for (let bit = 0; bit < leaf.length * 8; bit += 5) {
      const changed = leaf.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(codesOf(await verifyProof({ proof, leaf: changed, vkeys }))).toContain("proof_mismatch");
    }
  });

  test("finds every flipped bit of the proof", async () => {
    const bytes = new TextEncoder().encode(proof);
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect((await verifyProof({ proof: changed, leaf, vkeys })).clean).toBe(false);
    }
  });

  test("of another leaf, tree or key is found", async () => {
    expect(codesOf(await verifyProof({ proof, leaf: tree.leaves[43]!, vkeys }))).toEqual(["proof_mismatch"]);
    expect(codesOf(await verifyProof({ proof: await proofOf(newer, 12), leaf, vkeys }))).toEqual(["proof_mismatch"]);
    const foreign = [foreignVkeyOf(tree.tree)];
    expect(codesOf(await verifyProof({ proof, leaf, vkeys: foreign }))).toEqual(["checkpoint_signature"]);
  });

  test("is checked with the server's key under any of its trees' names, not with another server's", async () => {
    expect((await verifyProof({ proof, leaf, vkeys: [vkeyOf(newer.tree)] })).clean).toBe(true);
    expect((await verifyProof({ proof, leaf, vkeys: [foreignVkeyOf(tree.tree), ...vkeys] })).clean).toBe(true);
  });

  test("with a key that is none could not be checked", async () => {
    await expect(verifyProof({ proof, leaf, vkeys: [] })).rejects.toThrow(VerifyTrouble);
    await expect(verifyProof({ proof, leaf, vkeys: ["nonsense"] })).rejects.toThrow(VerifyTrouble);
  });
});
