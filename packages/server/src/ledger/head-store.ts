/**
 * The seam to the head store: for each tree the signed checkpoint of what is integrated. It is the one thing that a
 * rollback of the ledger or the journal is measured against, so it may lie elsewhere (`ledger.head`), and it is not
 * derived: nothing rebuilds it.
 *
 * A head is written after every tile it commits to is durable, and before the checkpoint is published.
 */
export interface HeadStore {
  /** The note swapped in last, or null before the first. Sees every swap that returned before the call. */
  read(tree: string): Promise<Uint8Array | null>;
  /**
   * Serializable compare-and-swap: sets `next` when the current note is byte for byte `previous` (null: there is
   * none). Durable when it returns `swapped`; nothing has changed when it returns `conflict`. After an error either
   * may be the case.
   */
  swap(tree: string, previous: Uint8Array | null, next: Uint8Array): Promise<SwapOutcome>;
  /** Every tree that has a head, sorted. */
  trees(): Promise<readonly string[]>;
}

export type SwapOutcome =
  | { readonly kind: "swapped" }
  | { readonly kind: "conflict"; readonly current: Uint8Array | null };

export const TREE_NAME = /^[a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?$/;

export function sameBytes(left: Uint8Array | null, right: Uint8Array | null): boolean {
  if (left === null || right === null) return left === right;
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
