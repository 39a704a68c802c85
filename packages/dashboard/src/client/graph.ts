/** Answers of /api/graph: who calls whom, how often and how well. */

export interface CallFigures {
  readonly calls: number;
  readonly calls_per_second: number | null;
  readonly errors: number;
  readonly error_ratio: number;
  readonly denied: number;
  readonly p50_us: number | null;
  readonly p95_us: number | null;
  readonly p99_us: number | null;
  readonly match_rate: number | null;
  readonly states: Readonly<Record<string, number>>;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly protocols: readonly string[];
}

export interface GraphEdge extends CallFigures {
  readonly caller: string;
  readonly callee: string;
  readonly credentials: readonly EdgeCredential[];
  readonly operations?: readonly (CallFigures & { readonly operation: string })[];
}

export interface EdgeCredential {
  readonly credential_id: string;
  readonly first_seen: string;
  readonly last_seen: string;
}

export type ServiceKind = "service" | "counterpart" | "unknown_callers";

export interface Graph {
  readonly services: readonly { readonly name: string; readonly kind: ServiceKind }[];
  readonly edges: readonly GraphEdge[];
  readonly from: string;
  readonly to: string;
  readonly settled_through: string | null;
  readonly partial: boolean;
}
