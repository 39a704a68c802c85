import { decodeLeaf, encodeLeaf, erasedLeafHash } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import {
  encodeBase64,
  leafHash,
  openNote,
  parseCheckpoint,
  parseHex,
  parseProof,
  verifyInclusion,
} from "@tallystick/tlog";
import type { Checkpoint, LogProof } from "@tallystick/tlog";
import { succeededBefore, withSuccessors } from "./key-succession.ts";
import { keysFor, parseVerifierKeys, serverOf, treeOfOrigin } from "./known-keys.ts";
import { proofSuccessions } from "./proof-successions.ts";
import { FaultList, verifyResult } from "./result.ts";
import type { VerifyResult } from "./result.ts";

/** One leaf, its proof and a key: all that is needed, no server. */
export interface ProofOptions {
  /** `c2sp.org/tlog-proof@v1` text. */
  readonly proof: string | Uint8Array;
  /**
   * The leaf's bytes; a line feed at the end is not part of it. Or a record as the API gives it out, from which the
   * leaf is made.
   */
  readonly leaf: Uint8Array;
  /** C2SP verifier keys that the verifier trusts. */
  readonly vkeys: readonly string[];
}

/**
 * Who trusts a key that was succeeded, or one that came later, follows by the statements that come with the proof.
 * Rejects with VerifyTrouble when a key is none; everything else that is wrong is a fault.
 */
export async function verifyProof({ proof, leaf, vkeys }: ProofOptions): Promise<VerifyResult> {
  const keys = parseVerifierKeys(vkeys);
  const faults = new FaultList();
  const parsed = parseProof(proof);
  if (parsed.kind === "refused") {
    faults.add({ code: "proof_malformed", message: parsed.reason });
    return verifyResult({ isKnown: true, faults, trees: [] });
  }
  const origin = originOf(parsed.value);
  const told = await proofSuccessions(parsed.value.extra);
  const successions = told.filter(({ serverOrigin }) => serverOrigin === serverOf(origin));
  const verifiers = withSuccessors(keysFor(keys, origin), successions);
  const opened = await openNote(parsed.value.checkpoint, verifiers);
  if (opened.kind === "refused") faults.add({ code: "checkpoint_signature", message: opened.reason });
  const checkpoint = checkpointOf(parsed.value);
  if (checkpoint === null) {
    faults.add({ code: "checkpoint_malformed", message: "the proof's checkpoint is none" });
    return verifyResult({ isKnown: true, faults, trees: [] });
  }
  const bytes = leafBytes(leaf);
  const receivedAt = checkLeaf(bytes, parsed.value, checkpoint, faults);
  const ids = new Set(opened.kind === "refused" ? [] : opened.value.verified.map(({ keyId }) => keyId));
  const signedBy = verifiers.filter(({ keyId }) => ids.has(keyId)).map(({ publicKey }) => publicKey);
  const outdated = signedBy.length === 0 ? null : succeededBefore(signedBy, receivedAt, successions);
  if (outdated !== null) faults.add({ code: "checkpoint_signature", message: outdated });
  const erasedLeaves = erasedLeafHash(bytes) === null ? 0 : 1;
  return verifyResult({ isKnown: true, faults, trees: [treeResult(checkpoint)], erasedLeaves });
}

function checkpointOf({ checkpoint }: LogProof): Checkpoint | null {
  const split = checkpoint.lastIndexOf("\n\n");
  const parsed = parseCheckpoint(checkpoint.slice(0, split + 1));
  return parsed.kind === "ok" ? parsed.value : null;
}

function originOf(proof: LogProof): string {
  return checkpointOf(proof)?.origin ?? "";
}

function treeResult({ origin, size, root }: Checkpoint): VerifyResult["trees"][number] {
  const tree = treeOfOrigin(origin);
  const counts = { tilesChecked: 0, leavesChecked: 1 };
  const scope = { contents: "checked", chain: "not checked" } as const;
  return { tree, origin, size, anchored: true, root: encodeBase64(root), ...counts, ...scope };
}

/** Returns when the leaf was received, empty when it does not say. */
function checkLeaf(leaf: Uint8Array, { index, hashes }: LogProof, checkpoint: Checkpoint, faults: FaultList): string {
  const place = { tree: treeOfOrigin(checkpoint.origin), index };
  let receivedAt = "";
  try {
    receivedAt = decodeLeaf(leaf).observed.received_at;
  } catch (error) {
    faults.add({ code: "leaf_malformed", message: error instanceof Error ? error.message : "not a leaf", ...place });
  }
  // What stands for an erased leaf proves the hash that it names, and no more.
  const erased = erasedLeafHash(leaf);
  const hash = (erased === null ? null : parseHex(erased)) ?? leafHash(leaf);
  if (verifyInclusion(hash, index, checkpoint.size, hashes, checkpoint.root)) return receivedAt;
  const message = `the leaf is not leaf ${index} of the tree that the checkpoint signs`;
  faults.add({ code: "proof_mismatch", message, ...place });
  return receivedAt;
}

const LINE_FEED = 10;

/** The leaf itself, or the leaf of a record that came out of the API with more around it. */
export function leafBytes(file: Uint8Array): Uint8Array {
  const bytes = file.at(-1) === LINE_FEED ? file.subarray(0, -1) : file;
  try {
    decodeLeaf(bytes);
    return bytes;
  } catch {
    return leafOfRecord(bytes) ?? bytes;
  }
}

function leafOfRecord(bytes: Uint8Array): Uint8Array | null {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as Partial<
      Readonly<{ leaf: string; record: AuditRecord; observed: Observed }>
    >;
    if (typeof value.leaf === "string") return new TextEncoder().encode(value.leaf);
    return value.record === undefined || value.observed === undefined ? null : encodeLeaf(value.observed, value.record);
  } catch {
    return null;
  }
}
