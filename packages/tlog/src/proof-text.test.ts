import { describe, expect, test } from "vitest";
import { parseCheckpoint } from "./checkpoint.ts";
import { leafHash } from "./hashing.ts";
import { openNote } from "./note.ts";
import { formatProof, parseProof } from "./proof-text.ts";
import type { LogProof } from "./proof-text.ts";
import { verifyInclusion } from "./proofs.ts";
import { hex, parseHex } from "./text.ts";
import { vectors } from "./vectors.contract.ts";
import { parseVerifierKey } from "./verifier-key.ts";

const known = vectors<{
  vkey: string;
  leaf: string;
  index: number;
  size: number;
  checkpoint: string;
  accepted: { text: string; extra: string | null }[];
  refused: string[];
}>("log-proof");

function parsed(text: string): LogProof {
  const proof = parseProof(text);
  if (proof.kind === "refused") throw new Error(proof.reason);
  return proof.value;
}

describe("a proof's text", () => {
  test("carries all that is needed to check a leaf with a key alone", async () => {
    const proof = parsed(known.accepted[0]!.text);
    const key = parseVerifierKey(known.vkey);
    if (key.kind === "refused") throw new Error(key.reason);
    const note = await openNote(proof.checkpoint, [key.value]);
    if (note.kind === "refused") throw new Error(note.reason);
    const checkpoint = parseCheckpoint(note.value.text);
    if (checkpoint.kind === "refused") throw new Error(checkpoint.reason);
    const { size, root } = checkpoint.value;
    expect(size).toBe(known.size);
    expect(verifyInclusion(leafHash(parseHex(known.leaf)!), proof.index, size, proof.hashes, root)).toBe(true);
  });

  test.each(known.accepted)("is written as it is read (extra $extra)", ({ text, extra }) => {
    const proof = parsed(text);
    expect(proof.index).toBe(known.index);
    expect(proof.checkpoint).toBe(known.checkpoint);
    expect(proof.extra === undefined ? null : hex(proof.extra)).toBe(extra);
    expect(formatProof(proof)).toBe(text);
    expect(parseProof(new TextEncoder().encode(text))).toEqual(parseProof(text));
  });

  test.each(known.refused)("is refused: %j", (text) => {
    expect(parseProof(text).kind).toBe("refused");
  });

  test("is not written of what could not be read again", () => {
    const proof = parsed(known.accepted[0]!.text);
    expect(() => formatProof({ ...proof, index: -1 })).toThrow(/index/);
    expect(() => formatProof({ ...proof, hashes: [new Uint8Array(31)] })).toThrow(/32 bytes/);
    expect(() => formatProof({ ...proof, checkpoint: "no note" })).toThrow(/signed note/);
  });
});
