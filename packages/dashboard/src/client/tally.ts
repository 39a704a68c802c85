import type { StoredRecord } from "@tallystick/record";

/** Answers about what both halves of calls say of each other, and of whom only one side is seen. */

export interface Break {
  readonly kind: string;
  readonly call_id: string | null;
  readonly field: string | null;
  readonly caller: string;
  readonly callee: string;
  readonly caller_value: string | null;
  readonly callee_value: string | null;
  readonly tolerance: string | null;
  readonly state: string | null;
  readonly holds: boolean;
  readonly timestamp: string;
  readonly verdict: { readonly tree: string; readonly leaf_index: number };
  readonly records: readonly StoredRecord[];
}

export interface Breaks {
  readonly breaks: readonly Break[];
  readonly counts: Readonly<Record<string, number>>;
  readonly next: string | null;
  readonly settled_through: string | null;
  readonly partial: boolean;
}

export interface Party {
  readonly name: string;
  readonly reason: string | null;
  readonly source: string;
  readonly declared_by: string | null;
  readonly declared_at: string | null;
}

export interface Coverage {
  readonly services: readonly {
    readonly service: string;
    readonly calls: number;
    readonly seen_as: readonly string[];
    readonly first_seen: string;
    readonly last_seen: string;
    readonly declared: Party | null;
    readonly advice: string | null;
  }[];
  readonly edges: readonly {
    readonly caller: string;
    readonly callee: string;
    readonly missing: string;
    readonly calls: number;
    readonly paired: number;
    readonly alone: number;
    readonly coverage: number;
    readonly since: string;
    readonly declared: Party | null;
    readonly advice: string | null;
  }[];
  readonly unknown_callers: readonly {
    readonly callee: string;
    readonly network: string;
    readonly calls: number;
    readonly first_seen: string;
    readonly last_seen: string;
    readonly advice: string;
  }[];
  readonly one_sided: readonly Party[];
  readonly skews: readonly {
    readonly recorder: string;
    /** Negative: its clock is behind the others'. */
    readonly ahead_us: number;
    readonly spread_us: number;
    readonly calls: number;
    readonly others: number;
    readonly furthest: { readonly recorder: string; readonly ahead_us: number };
  }[];
  readonly partial: boolean;
}

export interface Aliases {
  readonly aliases: readonly {
    readonly name: string;
    readonly service: string | null;
    readonly source: string;
    readonly from: string | null;
    readonly to: string | null;
    readonly declared_by: string | null;
    readonly declared_at: string | null;
    readonly seen: readonly { readonly service: string; readonly last_seen: string }[];
  }[];
}
