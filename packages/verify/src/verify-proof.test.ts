import { decodeLeaf } from "@tallystick/record";
import { generateKeyPairSync, sign } from "node:crypto";
import { formatProof, parseProof, verifierKey } from "@tallystick/tlog";
import { describe, expect, test } from "vitest";
import { foreignVkeyOf, keptLog, proofOf, SERVER, serverKey, vkeyOf } from "./kept-log.contract.ts";
import { formatSuccession } from "./key-succession.ts";
import { proofExtra } from "./proof-successions.ts";
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

interface Key {
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

function newKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32)),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

const [first, second, later, stranger] = [newKey(), newKey(), newKey(), newKey()];

function statement(before: Key, after: Key, until = "2026-11-24T00:00:00.000Z", serverOrigin = SERVER): string {
  const keys = { before: before.publicKey, after: after.publicKey };
  const times = { from: "2026-11-01T00:00:00.000Z", until };
  return formatSuccession({ serverOrigin, ...keys, ...times }, before.sign, after.sign);
}

function withExtra(extra: Uint8Array | undefined): string {
  const parsed = parseProof(proof);
  if (parsed.kind === "refused" || extra === undefined) throw new Error("no proof");
  return formatProof({ ...parsed.value, extra });
}

const vkeyFor = (key: Key) => verifierKey(`${SERVER}/${tree.tree}`, key.publicKey);

async function codesFor(extra: Uint8Array | undefined, key: Key): Promise<readonly string[]> {
  return codesOf(await verifyProof({ proof: withExtra(extra), leaf, vkeys: [vkeyFor(key)] }));
}

describe("a proof whose checkpoint another key signed than the one that is known", () => {
  const line = [statement(first, second), statement(second, serverKey)];

  test("is followed to by statements that came with it, from an older key and from a newer one", async () => {
    for (const key of [first, second, serverKey]) expect(await codesFor(proofExtra(line), key)).toEqual([]);
    const next = statement(serverKey, later, "2026-12-24T00:00:00.000Z");
    expect(await codesFor(proofExtra([...line, next]), later)).toEqual([]);
  });

  test("is not proven without them, by a stranger's, by another server's or by ones that were changed", async () => {
    const foreign = statement(first, serverKey, "2026-11-24T00:00:00.000Z", "other.example.com");
    const extras = [
      proofExtra([line[0]!]),
      proofExtra([statement(stranger, serverKey)]),
      proofExtra([foreign]),
      proofExtra([statement(first, serverKey).replace("2026-11-24", "2026-11-23")]),
      new TextEncoder().encode('{"key_successions":7}'),
      Uint8Array.of(255, 254),
    ];
    for (const extra of extras) expect(await codesFor(extra, first)).toEqual(["checkpoint_signature"]);
    // Whatever travels along, the key that signed still proves it.
    for (const extra of extras) expect(await codesFor(extra, serverKey)).toEqual([]);
  });

  test("is refused when its leaf was received after the time of the key that signed", async () => {
    const over = statement(serverKey, later);
    for (const key of [serverKey, later])
      expect(await codesFor(proofExtra([over]), key)).toEqual(["checkpoint_signature"]);
  });
});
