/**
 * Checks a record's proof in the browser, trusting nothing the server says but the verifier key: the leaf is hashed
 * from its text, the path leads to the checkpoint's root, the checkpoint's signature verifies by that key or one that
 * it was succeeded by, and the leaf says what the page shows.
 */
import { canonicalJson, decodeLeaf, erasedLeafHash } from "@tallystick/record";
import {
  hex,
  leafHash,
  openNote,
  parseCheckpoint,
  parseHex,
  parseProof,
  parseVerifierKey,
  verifyInclusion,
} from "@tallystick/tlog";
import { proofSuccessions, serverOf, succeededBefore, withSuccessors } from "@tallystick/verify";
import type { ProvenRecord } from "../client/types.ts";

export type ProofCheck =
  | { readonly kind: "waiting" }
  | {
      readonly kind: "verified";
      /** Only the leaf's hash is there; the record stands for one that was erased. */
      readonly isErased: boolean;
      readonly leafIndex: number;
      readonly leafHash: string;
      readonly root: string;
      readonly treeSize: number;
      readonly origin: string;
      readonly path: readonly string[];
    }
  | { readonly kind: "failed"; readonly reason: string };

export async function checkProof(stored: ProvenRecord, vkey: string): Promise<ProofCheck> {
  if (stored.proof === null) return { kind: "waiting" };
  const key = parseVerifierKey(vkey);
  if (key.kind === "refused") return failed(`the tree's verifier key is not one: ${key.reason}`);
  const proof = parseProof(stored.proof);
  if (proof.kind === "refused") return failed(`the proof is malformed: ${proof.reason}`);
  const successions = await proofSuccessions(proof.value.extra);
  const ofServer = successions.filter(({ serverOrigin }) => serverOrigin === serverOf(key.value.name));
  const verifiers = withSuccessors([key.value], ofServer);
  const note = await openNote(proof.value.checkpoint, verifiers);
  if (note.kind === "refused") return failed(`the checkpoint's signature does not verify: ${note.reason}`);
  const checkpoint = parseCheckpoint(note.value.text);
  if (checkpoint.kind === "refused") return failed(`the checkpoint is malformed: ${checkpoint.reason}`);
  const { size, root, origin } = checkpoint.value;
  const leaf = new TextEncoder().encode(stored.leaf);
  if (!showsWhatItHolds(stored, leaf)) return failed("the record shown is not the one in the leaf");
  const erased = erasedLeafHash(leaf);
  const ids = new Set(note.value.verified.map(({ keyId }) => keyId));
  const signedBy = verifiers.filter(({ keyId }) => ids.has(keyId)).map(({ publicKey }) => publicKey);
  const outdated = succeededBefore(signedBy, stored.observed.received_at, ofServer);
  if (outdated !== null) return failed(outdated);
  const hash = (erased === null ? null : parseHex(erased)) ?? leafHash(leaf);
  if (
    proof.value.index !== stored.leaf_index ||
    !verifyInclusion(hash, proof.value.index, size, proof.value.hashes, root)
  ) {
    return failed("the path does not lead to the checkpoint's root");
  }
  return {
    kind: "verified",
    isErased: erased !== null,
    leafIndex: stored.leaf_index,
    leafHash: hex(hash),
    root: hex(root),
    treeSize: size,
    origin,
    path: proof.value.hashes.map(hex),
  };
}

function showsWhatItHolds(stored: ProvenRecord, leaf: Uint8Array): boolean {
  const held = decodeLeaf(leaf);
  return (
    canonicalJson(held.record) === canonicalJson(stored.record) &&
    held.observed.received_at === stored.observed.received_at &&
    held.observed.principal === stored.observed.principal &&
    held.observed.standing === stored.observed.standing
  );
}

function failed(reason: string): ProofCheck {
  return { kind: "failed", reason };
}
