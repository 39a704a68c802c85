/**
 * Where the time of requests goes, and what breaks them: over the newest traces that match, operations ranked by the
 * time that they themselves add, and failures counted by the call that failed first. Counted by the engine.
 */
import { formatTimestamp } from "@tallystick/record";

import type { QueryAnswer } from "../../index/index-seam.ts";
import { Params } from "../compile/sql.ts";
import type { RecordFilter } from "../filter.ts";
import type { Query, QueryNode, QueryNote } from "../language/syntax.ts";
import {
  DEFAULT_BOTTLENECKS,
  DEFAULT_SAMPLE_TRACES,
  MAX_BOTTLENECKS,
  MAX_SAMPLE_TRACES,
  SAMPLE_RECORDS,
  SEARCH_MEMORY_BYTES,
  SEARCH_TIMEOUT_MS,
} from "../limits.ts";
import { checkedCount, readQuestion } from "../question.ts";
import type { Question } from "../question.ts";
import type { Scope } from "../scope.ts";
import { isFilling } from "../sources.ts";
import type { SearchSources } from "../sources.ts";
import { filterPredicate } from "../filter.ts";
import { measuredCalls } from "./measured.ts";
import { sampleTraces } from "./sample.ts";
import type { TraceSample } from "./sample.ts";
import { failuresSql, operationsSql } from "./statements.ts";

export interface BottlenecksRequest extends Question {
  /** Traces that pass through this service only. */
  readonly service?: string | null;
  /** Newest traces that are counted: 1,000 by default, at most 5,000. */
  readonly traces?: number | null;
  /** Operations, and failures, that are listed: 20 by default, at most 200. */
  readonly limit?: number | null;
}

export interface CallExample {
  readonly trace_id: string;
  readonly call_id: string;
  readonly tree: string;
  readonly leaf_index: number;
}

export interface Bottleneck {
  /** Where the time was spent: who was called, or who did work of its own. */
  readonly service: string;
  readonly operation: string;
  readonly protocol: string;
  readonly calls: number;
  readonly traces: number;
  readonly failed_calls: number;
  /** All of its own time: durations without what its calls to others took. */
  readonly self_us: number;
  /** Of it, for each trace that passes through. */
  readonly self_us_per_trace: number;
  /** Of the time of the traces that pass through. Calls side by side may add up to more than 1. */
  readonly share: number;
  readonly p50_self_us: number;
  readonly p95_self_us: number;
  /** Time on the way to it and back, where both halves are there. */
  readonly network_us: number;
  /** The call with the longest time of its own. */
  readonly example: CallExample;
}

export interface FirstFailure {
  readonly service: string;
  readonly operation: string;
  readonly protocol: string;
  readonly status: string;
  readonly error_type: string | null;
  /** Traces in which it failed first. */
  readonly traces: number;
  /** Of the traces in which anything failed. */
  readonly share: number;
  /** The newest one. */
  readonly example: CallExample;
}

export interface BottlenecksAnswer {
  readonly operations: readonly Bottleneck[];
  readonly failures: readonly FirstFailure[];
  /** Counted over so many traces. */
  readonly sample_traces: number;
  /** There are older matching traces, which were not counted. */
  readonly more_traces: boolean;
  /** When the sampled records lie; null when there are none. */
  readonly sample_from: string | null;
  readonly sample_to: string | null;
  readonly sample_records: number;
  readonly failed_traces: number;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
  readonly notes: readonly QueryNote[];
}

export async function findBottlenecks(
  sources: SearchSources,
  scope: Scope,
  request: BottlenecksRequest,
  signal?: AbortSignal,
): Promise<BottlenecksAnswer> {
  const { clock, reader } = sources;
  const nowUs = clock.nowUs();
  const wanted = checkedCount(request.traces, DEFAULT_SAMPLE_TRACES, MAX_SAMPLE_TRACES, "traces");
  const limit = checkedCount(request.limit, DEFAULT_BOTTLENECKS, MAX_BOTTLENECKS, "limit");
  const question = readQuestion(request, nowUs);
  const query = throughService(question.query, request.service ?? "");
  const filter: RecordFilter = {
    ...question,
    axis: "timestamp",
    query,
    scope,
    nowUs,
    sizes: null,
    names: sources.names(),
  };
  const endMs = clock.monotonicMs() + SEARCH_TIMEOUT_MS;
  const remainingMs = () => endMs - clock.monotonicMs();
  const sample = await sampleTraces(reader, filter, wanted, remainingMs, signal);
  const ask = async <Row>(sql: (measured: string, limit: string) => string): Promise<QueryAnswer<Row>> => {
    if (sample.traces.length === 0) return { rows: [], elapsedMs: 0, scannedRows: 0, partial: false };
    const params = new Params();
    const text = sql(measuredCalls(sample, filter, params), params.add(limit, "UInt64"));
    const limits = { timeoutMs: Math.max(remainingMs(), 1), maxRows: limit, maxMemoryBytes: SEARCH_MEMORY_BYTES };
    return reader.select<Row>(params.statement(text), limits, signal);
  };
  const operations = await ask<OperationRow>(operationsSql);
  const { all_records: records, all_failed: failed } = operations.rows[0] ?? { all_records: 0, all_failed: 0 };
  // It measures the same calls a second time, so it is not asked where none failed.
  const failures = failed === 0 ? NO_FAILURES : await ask<FailureRow>(failuresSql);
  const failedTraces = failures.rows[0]?.failed_traces ?? 0;
  const answers = [sample, operations, failures];
  return {
    operations: operations.rows.map(operationOf),
    failures: failures.rows.map(failureOf),
    ...sampleText(sample),
    sample_records: records,
    failed_traces: failedTraces,
    elapsed_ms: answers.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0),
    scanned_rows: answers.reduce((sum, { scannedRows }) => sum + scannedRows, 0),
    partial: sample.partial || records >= SAMPLE_RECORDS || isFilling(sources),
    notes: filterPredicate(filter, new Params()).notes,
  };
}

interface FlatExample {
  readonly example_place: readonly [string, string, string, number];
}

interface OperationRow extends Omit<Bottleneck, "example">, FlatExample {
  readonly all_records: number;
  readonly all_failed: number;
}

interface FailureRow extends Omit<FirstFailure, "example" | "share" | "error_type">, FlatExample {
  readonly error_type: string;
  readonly failed_traces: number;
}

const NO_FAILURES: QueryAnswer<FailureRow> = { rows: [], elapsedMs: 0, scannedRows: 0, partial: false };

function operationOf(row: OperationRow): Bottleneck {
  const { all_records: _records, all_failed: _failed, ...operation } = row;
  return withExample(operation);
}

function failureOf(row: FailureRow): FirstFailure {
  const { failed_traces: failedTraces, error_type: type, ...failure } = row;
  return {
    ...withExample(failure),
    error_type: type === "" ? null : type,
    share: failure.traces / failedTraces,
  };
}

function withExample<Row extends FlatExample>({ example_place: place, ...row }: Row) {
  const [trace_id, call_id, tree, leaf_index] = place;
  return { ...row, example: { trace_id, call_id, tree, leaf_index } };
}

function sampleText({ traces, more, fromUs, toUs }: TraceSample) {
  return {
    sample_traces: traces.length,
    more_traces: more,
    sample_from: fromUs === null ? null : formatTimestamp(fromUs),
    sample_to: toUs === null ? null : formatTimestamp(toUs),
  };
}

function throughService(query: Query, service: string): Query {
  if (service === "") return query;
  const value = { quoted: true, parts: [{ kind: "literal" as const, text: service }], column: 1 };
  const either = ["service_id", "target_id"].map((name): QueryNode => ({
    kind: "match",
    field: { kind: "field", name },
    value,
    column: 1,
  }));
  const through: QueryNode = { kind: "or", of: either, column: 1 };
  return { ...query, root: { kind: "and", of: [query.root, through], column: 1 } };
}
