/** The published vectors of docs/formats/batch-signature.md, with real keys. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { batchSignedBytes, canonicalOf, formatBatchSignature, parseBatchSignature } from "@tallystick/record";
import { foldHashes, hex, leafHash, sha256 } from "@tallystick/tlog";

import { isSignatureOf } from "./batch-secret.ts";

interface Vectors {
  readonly ed25519_public_key: string;
  readonly hmac_secret: string;
  readonly batches: readonly {
    readonly name: string;
    readonly records: readonly string[];
    readonly digests: readonly string[];
    readonly signed_text: string;
    readonly signature: string;
    readonly header: string;
  }[];
  readonly refused: readonly { readonly name: string; readonly header: string }[];
}

const file = new URL("../../../../docs/formats/vectors/record/batch-signature.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const keys = {
  ed25519: Buffer.from(vectors.ed25519_public_key, "base64"),
  "hmac-sha256": Buffer.from(vectors.hmac_secret, "ascii"),
};

describe("published vectors: batch-signature.json", () => {
  test.each(vectors.batches)("$name", ({ records, digests, signed_text: text, signature, header }) => {
    for (const one of records) expect(canonicalOf(JSON.parse(one))).toBe(one);
    expect(records.map((one) => hex(sha256(Buffer.from(one))))).toEqual(digests);
    const parsed = parseBatchSignature(header);
    if (parsed.kind === "refused") throw new Error(parsed.reason);
    const { claim } = parsed.value;
    const leaves = Buffer.concat(digests.map((digest) => leafHash(Buffer.from(digest, "hex"))));
    expect(hex(foldHashes(leaves, 0, records.length))).toBe(claim.root);
    expect(Buffer.from(batchSignedBytes(claim)).toString("utf8")).toBe(text);
    expect(hex(parsed.value.signature)).toBe(signature);
    expect(formatBatchSignature(parsed.value)).toBe(header);
    expect(isSignatureOf(parsed.value, keys[claim.alg])).toBe(true);
    // Of nothing else: no number of it may be another, no bit of the signature.
    expect(isSignatureOf({ ...parsed.value, claim: { ...claim, last_seq: claim.last_seq + 1 } }, keys[claim.alg])).toBe(
      false,
    );
    const changed = Uint8Array.from(parsed.value.signature);
    changed[9]! ^= 1;
    expect(isSignatureOf({ claim, signature: changed }, keys[claim.alg])).toBe(false);
  });

  test.each(vectors.refused)("$name is refused", ({ header }) => {
    expect(parseBatchSignature(header)).toMatchObject({ kind: "refused" });
  });
});
