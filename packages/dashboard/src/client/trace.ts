/** The answer of /api/traces: what belongs to an id, as one tree of calls. Microseconds. */

export interface TraceHalf {
  readonly tree: string;
  readonly leaf_index: number;
  readonly side: string;
  readonly recorder_id: string;
  readonly host: string | null;
  readonly timestamp: string;
  readonly offset_us: number;
  readonly duration_us: number | null;
  readonly status: string;
  readonly status_code: string | null;
  readonly error_type: string | null;
  readonly error_message: string | null;
}

export interface TraceNode {
  readonly node: number;
  readonly parent: number | null;
  readonly depth: number;
  readonly evidence: string;
  readonly call_id: string;
  readonly attempt: number;
  readonly event_type: string;
  readonly service_id: string;
  readonly target_id: string;
  readonly operation: string;
  readonly protocol: string;
  readonly status: string;
  readonly status_code: string | null;
  readonly error_type: string | null;
  readonly error_message: string | null;
  readonly offset_us: number;
  readonly duration_us: number | null;
  readonly caller: TraceHalf | null;
  readonly callee: TraceHalf | null;
  readonly observers: readonly TraceHalf[];
  readonly missing: readonly ("caller" | "callee")[];
  readonly orphan: boolean;
  readonly network_us: number | null;
  readonly clock_offset_us: number | null;
  readonly self_us: number | null;
  readonly critical_us: number;
  readonly retry_of: number | null;
  readonly recovered: boolean;
  readonly status_differs: boolean;
}

export interface Trace {
  readonly id: string;
  readonly found_by: readonly string[];
  readonly trace_ids: readonly string[];
  readonly started: string;
  readonly duration_us: number;
  readonly root: number;
  readonly first_failure: number | null;
  readonly counts: {
    readonly records: number;
    readonly calls: number;
    readonly roots: number;
    readonly failed: number;
    readonly unpaired: number;
    readonly retries: number;
    readonly orphans: number;
  };
  readonly services: readonly string[];
  readonly clocks: readonly { readonly recorder_id: string; readonly host: string; readonly offset_us: number }[];
  readonly nodes: readonly TraceNode[];
  readonly partial: boolean;
}

export function isFailed({ status }: Pick<TraceNode, "status">): boolean {
  return status === "error" || status === "timeout";
}
