/** The seam to the ledger follower: what is integrated and what is published, and the proofs that follow from it. */
export interface Ledger {
  /** Per tree: integrated ≤ journaled, published ≤ integrated. */
  positions(): readonly LedgerPosition[];
  /** The latest published checkpoint (a C2SP signed note), or null before the first. */
  checkpoint(tree: string): Promise<Uint8Array | null>;
  /**
   * Leaf 0 and the EPOCH_LINK leaves of the published size in clear, for strangers (docs/formats/ledger.md); null
   * before the first checkpoint. They are the server's own words and hold nothing secret.
   */
  chain(tree: string): Promise<Uint8Array | null>;
  /**
   * A hash tile by C2SP path below the tree, e.g. `tile/0/x001/067` or `tile/0/000.p/112`; null when it does not
   * exist at the published size.
   */
  tile(tree: string, path: string): Promise<Uint8Array | null>;
  /** An entry bundle, cut from the journal; full or partial, for any size up to the published one; null beyond. */
  entries(tree: string, path: string): Promise<Uint8Array | null>;
  /**
   * `c2sp.org/tlog-proof@v1` text of the leaf under the latest checkpoint; TallystickError `not_published` when no
   * checkpoint covers it yet.
   */
  proof(tree: string, index: number): Promise<string>;
  /** C2SP verifier key of a tree: name+hash+base64. */
  verifierKey(tree: string): string;
  /** Origin of a tree: `<server origin>/<tree>`. */
  origin(tree: string): string;
  /** Resolves once a checkpoint covers `size`; rejects `shutting_down` or `query_timeout`. */
  published(tree: string, size: number, timeoutMs: number): Promise<void>;
  /**
   * Answers nothing of the tree any more. Only retention calls it, after the journal has forgotten the tree; the files
   * are its to remove.
   */
  forget(tree: string): Promise<void>;
  /** Integrates and publishes all that is journaled, then stops. */
  close(): Promise<void>;
}

export interface LedgerPosition {
  readonly tree: string;
  readonly integrated: number;
  readonly published: number;
  /** Milliseconds since the Unix epoch of the latest checkpoint, or null. */
  readonly publishedAtMs: number | null;
}
