/** One call of a trace as it leaves the API. Places are counted in the answer's own list of nodes. */
import type { Side } from "./call.ts";
import type { Evidence } from "./attach.ts";
import type { FoundBy } from "./collect.ts";
import type { TraceRow } from "./row.ts";

/** One record of a call: where it lies, and what a waterfall shows of it. */
export interface TraceHalf {
  readonly tree: string;
  readonly leaf_index: number;
  readonly id: string;
  readonly side: Side;
  readonly phase: string;
  readonly recorder_id: string;
  readonly host: string | null;
  /** By the recorder's own clock. */
  readonly timestamp: string;
  /** From the trace's beginning, by the reference clock. */
  readonly offset_us: number;
  readonly duration_us: number | null;
  readonly status: string;
  readonly status_code: string | null;
  readonly error_type: string | null;
  readonly error_message: string | null;
  readonly span_id: string | null;
  readonly parent_span_id: string | null;
}

export interface TraceNode {
  /** Its place in `nodes`, which are in the order of a waterfall. */
  readonly node: number;
  /** Null: a root. */
  readonly parent: number | null;
  readonly depth: number;
  /** By what it hangs below its parent; of a root, by what it is part of the answer. */
  readonly evidence: Evidence | FoundBy;
  readonly call_id: string;
  readonly trace_id: string | null;
  readonly request_id: string;
  readonly attempt: number;
  readonly event_type: string;
  readonly service_id: string;
  readonly target_id: string;
  /** As the callee names it, which knows its routes; without its half, as the caller does. */
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
  /** Further records of the same halves: intents, replays, doubles. */
  readonly more: readonly TraceHalf[];
  /** Halves that nobody recorded and somebody should have. */
  readonly missing: readonly ("caller" | "callee")[];
  /** Its record names a parent span that no record has. */
  readonly orphan: boolean;
  /** Caller's duration minus callee's; null where one is not known or the callee took longer. */
  readonly network_us: number | null;
  /** The callee went on so long after its caller had its answer or gave up. */
  readonly outlasts_us: number | null;
  /** Callee's clock minus caller's, from this call alone. */
  readonly clock_offset_us: number | null;
  /** By how much it begins before or ends after the half of the parent that made it. */
  readonly outside_parent_us: number | null;
  /** Duration without the time in which calls below it ran. */
  readonly self_us: number | null;
  /** Its own part of the critical path of the trace's root. */
  readonly critical_us: number;
  /** Node of the first attempt. */
  readonly retry_of: number | null;
  /** It failed, and a later attempt did not. */
  readonly recovered: boolean;
  /** Both halves tell how it ended, and not the same. */
  readonly status_differs: boolean;
}

export function halfOf(row: TraceRow, timestamp: string, offsetUs: number): TraceHalf {
  return {
    tree: row.tree,
    leaf_index: row.leaf_index,
    id: row.id,
    side: row.side as Side,
    phase: row.phase,
    recorder_id: row.recorder_id,
    host: textOrNull(row.host),
    timestamp,
    offset_us: offsetUs,
    duration_us: countOrNull(row.duration_us),
    status: row.status,
    status_code: textOrNull(row.status_code),
    error_type: textOrNull(row.error_type),
    error_message: textOrNull(row.error_message),
    span_id: textOrNull(row.span_id),
    parent_span_id: textOrNull(row.parent_span_id),
  };
}

export function textOrNull(text: string): string | null {
  return text === "" ? null : text;
}

export function countOrNull(count: number): number | null {
  return count < 0 ? null : count;
}
