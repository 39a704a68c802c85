import fc from "fast-check";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { canonicalOf } from "./canonical.ts";
import { decodeLeaf, encodeLeaf, encodeObserved } from "./leaf.ts";
import { REQUIRED, normalised, producerInput, testContext } from "./record.contract.ts";
import type { AuditRecord, Observed } from "./types.ts";

interface LeafVector {
  readonly name: string;
  readonly observed: Observed;
  readonly record: AuditRecord;
  readonly leaf: string;
  readonly leaf_hash: string;
}
const vectors = JSON.parse(
  readFileSync(new URL("../../../docs/formats/vectors/record/leaf.json", import.meta.url), "utf8"),
) as {
  readonly leaves: readonly LeafVector[];
  readonly refused: readonly { readonly name: string; readonly leaf: string }[];
};

const anyRecord = producerInput
  .map((input) => normalised(input, testContext()))
  .filter((outcome) => outcome.kind === "ok")
  .map((outcome) => outcome.record);
const anyObserved: fc.Arbitrary<Observed> = fc.record(
  {
    received_at: fc.constant("2026-11-25T08:20:43.000000Z"),
    principal: fc.string({ unit: "binary", maxLength: 60 }),
    standing: fc.constantFrom("authenticated" as const, "relayed" as const, "claimed" as const),
    source_address: fc.string(),
    intake: fc.constantFrom("json", "otlp-traces"),
    conflict: fc.constant(true as const),
    clock_skew_us: fc.maxSafeInteger(),
    signature: fc.record({ alg: fc.string(), kid: fc.string(), verified: fc.boolean() }),
  },
  { requiredKeys: ["received_at", "principal", "standing", "source_address", "intake"] },
);
const observed: Observed = {
  received_at: "2026-11-25T08:20:43.000000Z",
  principal: "key:a",
  standing: "authenticated",
  source_address: "127.0.0.1",
  intake: "json",
};
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("leaves", () => {
  it.each(vectors.leaves)("vector: $name", ({ observed: seen, record, leaf, leaf_hash: hash }) => {
    const bytes = encodeLeaf(seen, record);
    expect(Buffer.from(bytes).toString()).toBe(leaf);
    expect(createHash("sha256").update(Uint8Array.of(0)).update(bytes).digest("hex")).toBe(hash);
    expect(plain(decodeLeaf(bytes))).toEqual({ observed: seen, record });
  });

  it.each(vectors.refused)("refused: $name", ({ leaf }) => {
    expect(() => decodeLeaf(Buffer.from(leaf, "base64"))).toThrow(/^not a leaf: /);
  });

  it("survive encoding and decoding", () => {
    fc.assert(
      fc.property(anyObserved, anyRecord, (seen, record) => {
        const decoded = decodeLeaf(encodeLeaf(seen, record));
        expect(canonicalOf(decoded.record)).toBe(canonicalOf(record));
        expect(encodeObserved(decoded.observed)).toBe(canonicalOf(seen));
        expect(encodeLeaf(decoded.observed, decoded.record)).toEqual(encodeLeaf(seen, record));
      }),
    );
  });

  it("any flipped bit is refused or gives another leaf", () => {
    const outcome = normalised({ ...REQUIRED, attributes: { ä: "b" } }, testContext());
    if (outcome.kind !== "ok") throw new Error(outcome.message);
    const bytes = encodeLeaf(observed, outcome.record);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Uint8Array.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      let decoded: unknown = null;
      try {
        decoded = plain(decodeLeaf(changed));
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
      expect(decoded).not.toEqual({ observed, record: plain(outcome.record) });
    }
  });

  it("fields of a later version are kept", () => {
    const text = Buffer.from(encodeLeaf(observed, { ...vectors.leaves[0]!.record })).toString();
    const later = text.replace('"timestamp"', '"time_zone":"UTC","timestamp"');
    expect(decodeLeaf(Buffer.from(later)).record).toMatchObject({ time_zone: "UTC" });
  });

  it("observed has a limit", () => {
    expect(() => encodeObserved({ ...observed, principal: "p".repeat(4_000) })).toThrow(RangeError);
    expect(encodeObserved({ ...observed, principal: "é".repeat(1_900) })).toContain("é");
  });
});
