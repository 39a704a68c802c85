import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256Into as nodeSha256Into } from "./sha256/node.ts";
import { sha256Into as pureSha256Into } from "./sha256/pure.ts";
import { EMPTY_ROOT, foldHashes, leafHash, leafHashes, nodeHash, sha256 } from "./hashing.ts";
import { hex, parseHex } from "./text.ts";
import { vectors } from "./vectors.contract.ts";

const IMPLEMENTATIONS = { node: nodeSha256Into, pure: pureSha256Into };

describe.each(Object.entries(IMPLEMENTATIONS))("SHA-256 (%s)", (_name, sha256Into) => {
  const digestOf = (bytes: Uint8Array): string => {
    const target = new Uint8Array(34).fill(7);
    sha256Into(bytes, target, 1);
    expect([target[0], target[33]]).toEqual([7, 7]);
    return hex(target.subarray(1, 33));
  };

  test("gives the digests of FIPS 180-4's examples", () => {
    const text = new TextEncoder();
    expect(digestOf(text.encode("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(digestOf(text.encode("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))).toBe(
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    expect(digestOf(new Uint8Array(1_000_000).fill(0x61))).toBe(
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    );
  });

  test("agrees with createHash at every length around the block's edges", () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 151) & 255);
    for (let length = 0; length <= bytes.length; length++) {
      const part = bytes.subarray(0, length);
      expect(digestOf(part)).toBe(createHash("sha256").update(part).digest("hex"));
    }
  });

  test("agrees with createHash on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4_000 }), (bytes) => {
        expect(digestOf(bytes)).toBe(createHash("sha256").update(bytes).digest("hex"));
      }),
    );
  });
});

describe("RFC 6962 hashing", () => {
  const known = vectors<{ leaves: string[]; leaf_hashes: string[]; roots: string[] }>("hashing");
  const leaves = known.leaves.map((leaf) => parseHex(leaf)!);

  test("gives Certificate Transparency's leaf hashes and roots", () => {
    expect(leaves.map((leaf) => hex(leafHash(leaf)))).toEqual(known.leaf_hashes);
    const hashes = Uint8Array.from(leaves.flatMap((leaf) => [...leafHash(leaf)]));
    expect(hex(EMPTY_ROOT)).toBe(known.roots[0]);
    for (let size = 1; size <= 8; size++) expect(hex(foldHashes(hashes, 0, size))).toBe(known.roots[size]);
  });

  test("hashes leaves in bulk as one by one", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 8 }), (parts) => {
        const offsets = Uint32Array.from([
          0,
          ...parts.map((_, i) => parts.slice(0, i + 1).flatMap((p) => [...p]).length),
        ]);
        const bulk = leafHashes(Uint8Array.from(parts.flatMap((part) => [...part])), offsets);
        expect(hex(bulk)).toBe(parts.map((part) => hex(leafHash(part))).join(""));
      }),
      { numRuns: 50 },
    );
  });

  test("separates leaves from nodes", () => {
    const [left, right] = [leafHash(leaves[0]!), leafHash(leaves[1]!)];
    const asLeaf = leafHash(Uint8Array.from([...left, ...right]));
    expect(hex(asLeaf)).not.toBe(hex(nodeHash(left, right)));
    expect(hex(sha256(new Uint8Array(0)))).toBe(hex(EMPTY_ROOT));
  });

  test("refuses hashes of a wrong length and ranges outside the buffer", () => {
    expect(() => nodeHash(new Uint8Array(31), new Uint8Array(32))).toThrow(/32 bytes/);
    expect(() => foldHashes(new Uint8Array(64), 32, 2)).toThrow(/outside/);
    expect(() => foldHashes(new Uint8Array(64), 0, 0)).toThrow(/outside/);
    expect(() => leafHashes(new Uint8Array(3), Uint32Array.of(0, 4))).toThrow(/outside/);
  });
});
