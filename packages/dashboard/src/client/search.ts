import type { StoredRecord } from "@tallystick/record";

/** Answers about what happened: facets, bottlenecks, timelines. */

export interface Facets {
  readonly facets: readonly Facet[];
  readonly sample_records: number | null;
  readonly partial: boolean;
}

export interface Facet {
  readonly field: string;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  readonly more: boolean;
}

interface Example {
  readonly trace_id: string;
  readonly call_id: string;
  readonly tree: string;
  readonly leaf_index: number;
}

export interface SlowOperation {
  readonly service: string;
  readonly operation: string;
  readonly protocol: string;
  readonly calls: number;
  readonly traces: number;
  readonly failed_calls: number;
  readonly self_us: number;
  readonly self_us_per_trace: number;
  readonly share: number;
  readonly p50_self_us: number;
  readonly p95_self_us: number;
  readonly example: Example;
}

export interface FirstFailure {
  readonly service: string;
  readonly operation: string;
  readonly protocol: string;
  readonly status: string;
  readonly error_type: string | null;
  readonly traces: number;
  readonly share: number;
  readonly example: Example;
}

export interface Bottlenecks {
  readonly operations: readonly SlowOperation[];
  readonly failures: readonly FirstFailure[];
  readonly sample_traces: number;
  readonly more_traces: boolean;
  readonly failed_traces: number;
}

export interface TimelineEntry extends StoredRecord {
  readonly direction: "did" | "done_to" | "both";
}

export interface Timeline {
  readonly entries: readonly TimelineEntry[];
  readonly next: string | null;
}
