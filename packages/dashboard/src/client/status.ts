/** How far everything in the server has come, and how its producers are. */
export interface Status {
  readonly version: string;
  readonly started_at: string;
  readonly trees: readonly {
    readonly tree: string;
    readonly journaled: number;
    readonly integrated: number;
    readonly published: number;
    readonly indexed: number;
    readonly checkpoint_age_s: number | null;
  }[];
  readonly index: { readonly state: string };
  readonly disk: { readonly free_bytes: number; readonly days_until_full: number | null };
  /** Null: it was never run in this folder. */
  readonly fsck: {
    readonly at: string;
    readonly clean: boolean;
    readonly trees: number;
    readonly leaves: number;
    readonly faults: number;
    readonly index_compared: boolean;
    readonly repaired: readonly string[];
  } | null;
}

export interface ProducerRun {
  readonly log: string;
  readonly producer_id: string;
  readonly producer_epoch: string;
  readonly principal: string;
  readonly recorder_id: string;
  readonly state: string;
  readonly silent: boolean;
  readonly superseded: boolean;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  readonly claimed_last_seq: number | null;
  readonly count: number;
  readonly duplicates: number;
  readonly unnumbered: number;
  readonly missing: number;
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  readonly more_gaps: boolean;
  readonly restarts: number;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly last_heartbeat: string | null;
  readonly closed_at: string | null;
  readonly silent_after_s: number;
  readonly silent_after_source: string;
}

export interface Producers {
  readonly producers: readonly ProducerRun[];
  readonly next: string | null;
  readonly as_of: string;
  readonly partial: boolean;
}
