import { MAX_FAULTS } from "./limits.ts";
import type { ProducerSummary } from "./producer-check.ts";

/**
 * What a verification found. A fault is a fact about the log; what kept the verification itself from running is a
 * VerifyTrouble.
 */

export type FaultCode =
  /** The checkpoint is absent, or is no checkpoint, or is of another tree. */
  | "checkpoint_missing"
  | "checkpoint_malformed"
  | "checkpoint_origin"
  /** No signature of the expected key, or a wrong one. */
  | "checkpoint_signature"
  /** A hash tile is absent, has a wrong length, or is not what the tree above it says. */
  | "tile_missing"
  | "tile_malformed"
  | "tile_mismatch"
  /** The tiles do not lead to the signed root, and it is not known which is wrong. */
  | "root_mismatch"
  /** An entry bundle is absent or cannot be cut into entries. */
  | "entries_missing"
  | "entries_malformed"
  /** An entry's hash is not the one in the tree. */
  | "entry_mismatch"
  /** An entry is no canonical leaf, or its time of receipt lies before its predecessor's. */
  | "leaf_malformed"
  | "leaf_order"
  /** The chain leaves in clear are absent, are none, or are not the tree's. */
  | "chain_missing"
  | "chain_malformed"
  | "chain_mismatch"
  /** Leaf 0 does not open the tree, or does not fit the tree before. */
  | "tree_opening"
  /** The link to the tree before is absent or does not fit it. */
  | "epoch_link"
  /** A tree that was known, or that another names, is not there. */
  | "tree_missing"
  /** What stays of a deleted tree does not prove that the log deleted it. */
  | "deletion_record"
  /** The tree is smaller than it was known to be. */
  | "rollback"
  /** The tree is not a continuation of what it was known to be. */
  | "fork"
  /** The checkpoint given as known is not signed by the expected key. */
  | "since_signature"
  /** A proof's text, leaf or path is wrong. */
  | "proof_malformed"
  | "proof_mismatch"
  /** For the server's own checks of its folder: whatever else a file can have wrong. */
  | (string & {});

export interface Fault {
  readonly code: FaultCode;
  /** What is wrong, in a sentence; never a payload. */
  readonly message: string;
  readonly file?: string;
  /** Byte in the file. */
  readonly offset?: number;
  readonly tree?: string;
  /** Leaf. */
  readonly index?: number;
}

/** A fault whose file and tree are known from elsewhere. */
export type FaultPart = Omit<Fault, "file" | "tree">;

export type Contents = "checked" | "not checked";

export interface TreeResult {
  /** `<log>/<epoch>` */
  readonly tree: string;
  readonly origin: string;
  /** Leaves under the checkpoint; 0 when there is none yet. */
  readonly size: number;
  /** Compared with a key or checkpoint that the verifier knew before, itself or along the epoch chain of its log. */
  readonly anchored: boolean;
  /** Base64, as in the checkpoint; null when there is none yet. */
  readonly root: string | null;
  readonly tilesChecked: number;
  /** Leaves whose bytes were read, hashed and decoded. */
  readonly leavesChecked: number;
  readonly contents: Contents;
  /** Whether leaf 0 and the links to older trees could be read. */
  readonly chain: Contents;
}

/** A tree that the log itself deleted, and proves that it did. */
export interface DeletedTree {
  readonly tree: string;
  /** Leaves that it had. */
  readonly size: number;
}

export interface VerifyResult {
  readonly clean: boolean;
  /** Something was known before, and every tree that has a checkpoint is anchored by it. */
  readonly anchored: boolean;
  readonly contents: Contents;
  readonly faults: readonly Fault[];
  /** Faults beyond those listed. */
  readonly faultsLeftOut: number;
  readonly trees: readonly TreeResult[];
  readonly deleted: readonly DeletedTree[];
  /** Leaves that were erased and whose hash stands in their place, each with a record that says so. */
  readonly erasedLeaves: number;
  /** Signatures of producers over their batches, where it was asked for them. */
  readonly producers?: ProducerSummary | null;
}

/** Collects faults, keeps the first thousand, counts the rest. */
export class FaultList {
  readonly #limit: number;
  readonly #faults: Fault[] = [];
  #leftOut = 0;

  constructor(limit: number = MAX_FAULTS) {
    this.#limit = limit;
  }

  add(fault: Fault): void {
    if (this.#faults.length < this.#limit) this.#faults.push(fault);
    else this.#leftOut += 1;
  }

  get faults(): readonly Fault[] {
    return this.#faults;
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  get count(): number {
    return this.#faults.length + this.#leftOut;
  }
}

export interface ResultParts {
  /** A key or a checkpoint was given as known. */
  readonly isKnown: boolean;
  readonly faults: FaultList;
  readonly trees: readonly TreeResult[];
  readonly deleted?: readonly DeletedTree[];
  readonly erasedLeaves?: number;
}

export function verifyResult(parts: ResultParts): VerifyResult {
  const { isKnown, faults, trees, deleted = [], erasedLeaves = 0 } = parts;
  return {
    clean: faults.count === 0,
    anchored: isKnown && trees.every(({ anchored, size }) => anchored || size === 0),
    contents: trees.every(({ contents }) => contents === "checked") ? "checked" : "not checked",
    faults: faults.faults,
    faultsLeftOut: faults.leftOut,
    trees,
    deleted,
    erasedLeaves,
  };
}

/** The verification could not run: a wrong argument, no answer, no permission. Says nothing about the log. */
export class VerifyTrouble extends Error {
  override readonly name = "VerifyTrouble";
}
