import type { AuditRecord, Observed, Standing } from "@tallystick/record";

/**
 * The seam to the journal: the record of everything. What it acknowledges is durable; all else in the data folder is
 * derived from it. The sequencer behind `append` decides duplicate, tree, index and `observed`, in that order, at group
 * commit (DESIGN §6).
 */
export interface Journal {
  /**
   * Resolves after the batch is durable (fdatasync), or says that it was not taken. Never rejects for operating
   * trouble. The batch's buffers are the journal's from then on: they move to a worker and are empty afterwards.
   * `about`: records of Tallystick's own that follow the batch at once; pushback when they were not stored, although
   * the batch may have been.
   */
  append(log: string, batch: IncomingBatch, about?: readonly AuditRecord[]): Promise<AppendOutcome>;
  /**
   * Appends records of Tallystick's own (principal `tallystick`); same guarantee. Used for LOG_LIFECYCLE, EPOCH_LINK,
   * CONFIG_CHANGE …
   */
  appendOwn(log: string, records: readonly AuditRecord[]): Promise<AppendOutcome>;
  /** Every tree there is, oldest first within a log. */
  trees(): readonly TreePosition[];
  /**
   * Microseconds: every record received before then is within the sizes that `trees` gives afterwards, and none will
   * be received before then any more.
   */
  receivedBeforeUs(): number;
  /**
   * Leaves from `from` on, at least one when `from` < journaled size, at most `maxBytes` of entries (one leaf may
   * exceed it); null at the end. The bytes are shared with every other reader: neither change nor transfer them.
   */
  read(tree: string, from: number, maxBytes: number): Promise<LeafRange | null>;
  /** Called after each group commit with the new journaled size of a tree; returns the unsubscriber. */
  onJournaled(listener: (tree: string, size: number) => void): () => void;
  /**
   * Refuses new batches, waits for those under way and closes files; `seal` adds the footers of a clean stop.
   * Idempotent.
   */
  close(options: { readonly seal: boolean }): Promise<void>;
}

/**
 * A normalised batch, as the `normalise` task returns it. Flat buffers: no object, string or promise per record. Each
 * view has its buffer for itself, or is a small part of a shared one; `bytes` and `offsets` are the journal's once the
 * batch is appended.
 */
export interface PreparedRecords {
  readonly count: number;
  /** Canonical (RFC 8785) records, concatenated. */
  readonly bytes: Uint8Array;
  /** count + 1 offsets into `bytes`. */
  readonly offsets: Uint32Array;
  /**
   * SHA-256(canonical record) cut to 16 bytes, 16 a record; what "the same content" means. Zeros where `identified` is
   * 0.
   */
  readonly digests: Uint8Array;
  /** SHA-256(principal ‖ 0x00 ‖ id) cut to 16 bytes, 16 a record; the duplicate key. Zeros where `identified` is 0. */
  readonly identities: Uint8Array;
  /**
   * 1 where the id came from the source or was derived from it (so that a retry has it again), else 0: never a
   * duplicate.
   */
  readonly identified: Uint8Array;
  /** 0 authenticated, 1 relayed, 2 claimed (index into STANDINGS), one a record. */
  readonly standings: Uint8Array;
}
export const STANDINGS: readonly Standing[] = ["authenticated", "relayed", "claimed"];

export interface IncomingBatch {
  readonly records: PreparedRecords;
  readonly principal: string;
  readonly intake: string;
  readonly sourceAddress: string;
  readonly clockSkewUs?: number;
  /** Checked at intake. */
  readonly signature?: NonNullable<Observed["signature"]>;
}

export type AppendOutcome =
  | {
      readonly kind: "stored";
      readonly tree: string;
      /**
       * Null when count is 0 (all were duplicates). The stored records lie at firstIndex … firstIndex + count − 1 in
       * batch order.
       */
      readonly firstIndex: number | null;
      readonly count: number;
      readonly duplicates: number;
      /** Where the originals of the duplicates lie, in batch order; all of them are durable. */
      readonly copies: readonly CopiedRun[];
    }
  | {
      readonly kind: "pushback";
      /**
       * full: no space. failed: I/O error. locked: a new epoch's key cannot be made, the KMS does not answer. busy: too
       * much waiting. closing: shutting down.
       */
      readonly reason: "full" | "failed" | "locked" | "busy" | "closing";
      readonly retryAfterS: number;
    };

/** Records `at` … `at` + count − 1 of a batch are copies of the leaves from `firstIndex` on. */
export interface CopiedRun {
  readonly at: number;
  readonly tree: string;
  readonly firstIndex: number;
  readonly count: number;
}

export interface TreePosition {
  /** `<log>/<epoch>` */
  readonly tree: string;
  readonly log: string;
  readonly epoch: string;
  /** Journaled size in leaves. */
  readonly size: number;
  /** True once a newer epoch of the log has begun: nothing is appended any more, except nothing. */
  readonly closed: boolean;
}

export interface LeafRange {
  readonly tree: string;
  readonly firstIndex: number;
  readonly count: number;
  /** C2SP entry bundle text: uint16 big-endian length ‖ leaf, repeated. */
  readonly entries: Uint8Array;
  /**
   * Leaf hashes, 32 bytes each: SHA-256(0x00 ‖ leaf). Computed when written, or again from the bytes when read from
   * disk.
   */
  readonly hashes: Uint8Array;
}
