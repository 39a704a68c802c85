/** Answers about how long records stay, what holds them, and what was erased. */

export interface PlannedTree {
  readonly tree: string;
  readonly records: number;
  readonly bytes: number;
  readonly first_received_at: string;
  readonly last_received_at: string;
  readonly keep: string;
  /** The shorter time that is configured and waits for a second person. */
  readonly asked_keep: string | null;
  readonly clause: string | null;
  readonly due_at: string | null;
  readonly state: "open" | "kept" | "held" | "waiting" | "due";
  readonly why: string | null;
  readonly holds: readonly { readonly id: string; readonly name: string; readonly records: number | null }[];
  readonly indexed: boolean;
}

export interface Hold {
  readonly id: string;
  readonly name: string;
  readonly query: string;
  readonly logs: readonly string[] | null;
  readonly owner: string;
  readonly reason: string;
  readonly placed_by: string;
  readonly placed_at: string;
  readonly released_by: string | null;
  readonly released_at: string | null;
}

export interface Approval {
  readonly id: string;
  readonly action: string;
  readonly target: string;
  readonly reason: string;
  readonly state: string;
  readonly proposed_by: string;
  readonly proposed_at: string;
  readonly decided_by: string | null;
  readonly decided_at: string | null;
  readonly outcome: string | null;
}

export interface Erasure {
  readonly id: string;
  readonly at: string;
  readonly by: string;
  readonly approved_by: string | null;
  readonly target: string;
  readonly reason: string;
  readonly records: number;
  readonly bodies: number;
  readonly leaves: number;
}

export interface ErasurePreview {
  readonly records: number;
  readonly bodies: number;
  readonly leaves: number;
  readonly already_erased: number;
  readonly first_received_at: string | null;
  readonly last_received_at: string | null;
  readonly approval: string | null;
  readonly state: string;
  readonly outcome: string | null;
  readonly backups: readonly string[];
}
