/** Random trees of calls, as the records that both sides of every call would write, and what must come out again. */
import fc from "fast-check";

import type { TraceRow } from "./row.ts";

export const T0_US = 1_795_600_000_000_000;
export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

/** A row with what a test does not care about filled in. */
export function traceRowOf(fields: Partial<TraceRow>): TraceRow {
  const service = fields.service_id ?? "orders";
  const target = fields.target_id ?? "payments";
  const side = fields.side ?? "caller";
  return {
    tree: "default/2026-11",
    leaf_index: 0,
    call_id: "call",
    id: `record-${fields.leaf_index ?? 0}`,
    event_type: "API_CALL",
    phase: "outcome",
    side,
    service_id: service,
    target_id: target,
    recorder_id: side === "callee" ? target : service,
    host: "",
    request_id: `record-${fields.leaf_index ?? 0}`,
    attempt: 0,
    trace_id: "",
    span_id: "",
    parent_span_id: "",
    operation: "GET /",
    protocol: "http",
    status: "success",
    status_code: "",
    error_type: "",
    error_message: "",
    start_us: T0_US,
    duration_us: 1_000,
    message_id: "",
    link_trace_id: "",
    link_span_id: "",
    causation_id: "",
    correlation_id: "",
    ...fields,
  };
}

export interface PlannedCall {
  readonly span: string;
  readonly parent: PlannedCall | null;
  readonly service: string;
  readonly target: string;
  readonly operation: string;
  readonly failed: boolean;
  /** The caller's interval and the callee's, by the true clock. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly networkUs: number;
  /** A database has no half of its own. */
  readonly database: boolean;
  readonly lost: "caller" | "callee" | null;
}

export interface PlannedTrace {
  readonly calls: readonly PlannedCall[];
  /** Shuffled. */
  readonly rows: readonly TraceRow[];
  readonly skewUs: ReadonlyMap<string, number>;
}

const SERVICES = ["gateway", "orders", "payments", "stock", "mail"];

interface Draw {
  readonly parent: number;
  readonly target: number;
  readonly work: number;
  readonly network: number;
  readonly gap: number;
  readonly failed: boolean;
  readonly database: boolean;
  readonly lost: number;
}

/** Calls nest as real ones do: a callee's own calls follow each other inside its interval. */
export function plannedTraces(options: {
  readonly losses: boolean;
  readonly skew: boolean;
}): fc.Arbitrary<PlannedTrace> {
  const draw = fc.record<Draw>({
    parent: fc.nat(1_000),
    target: fc.nat(SERVICES.length - 1),
    work: fc.integer({ min: 10, max: 5_000 }),
    network: fc.integer({ min: 2, max: 900 }),
    gap: fc.nat(300),
    failed: fc.boolean(),
    database: fc.boolean(),
    lost: fc.nat(5),
  });
  const skews = fc.array(fc.integer({ min: -5_000_000, max: 5_000_000 }), { minLength: 5, maxLength: 5 });
  return fc
    .tuple(fc.array(draw, { minLength: 1, maxLength: 25 }), skews, fc.infiniteStream(fc.nat(1_000_000)))
    .map(([draws, offsets, random]) => {
      const calls = plan(draws, options.losses);
      const skewUs = new Map(SERVICES.map((name, place) => [name, options.skew ? offsets[place]! : 0]));
      const rows = calls.flatMap((call) => halves(call, skewUs));
      const shuffled = rows
        .map((row) => ({ row, at: random.next().value as number }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ row }, place) => ({ ...row, leaf_index: place }));
      return { calls, rows: shuffled, skewUs };
    });
}

function plan(draws: readonly Draw[], losses: boolean): readonly PlannedCall[] {
  const parents = draws.map((one, place) => {
    const open = draws.slice(0, place).flatMap((other, at) => (other.database && at > 0 ? [] : [at]));
    return place === 0 ? null : open[one.parent % open.length]!;
  });
  const children = draws.map((_, place) => parents.flatMap((parent, at) => (parent === place ? [at] : [])));
  const durations: number[] = [];
  for (let place = draws.length - 1; place >= 0; place--) {
    const { work, network, gap } = draws[place]!;
    const below = children[place]!.reduce((sum, child) => sum + durations[child]! + gap, 0);
    durations[place] = work + below + network;
  }
  const calls: PlannedCall[] = [];
  const edges = new Map<number, number>();
  for (const [place, one] of draws.entries()) {
    const above = parents[place] ?? null;
    const parent = above === null ? null : calls[above]!;
    const gap = above === null ? 0 : draws[above]!.gap;
    const startUs = above === null ? T0_US : edges.get(above)!;
    if (above !== null) edges.set(above, startUs + durations[place]! + gap);
    edges.set(place, startUs + Math.floor(one.network / 2));
    const database = one.database && place > 0;
    const service = parent === null ? "client" : parent.target;
    const others = SERVICES.filter((name) => name !== service);
    const target = database ? `${service}-db` : others[one.target % others.length]!;
    const lost =
      !losses || database || one.lost > 1 ? null : one.lost === 0 ? ("caller" as const) : ("callee" as const);
    const span = (place + 1).toString(16).padStart(15, "0");
    const operation = database ? "SELECT things" : `GET /${one.target}`;
    calls.push({
      span,
      parent,
      service,
      target,
      operation,
      startUs,
      database,
      lost,
      failed: one.failed,
      durationUs: durations[place]!,
      networkUs: one.network,
    });
  }
  return calls;
}

export const callerSpan = (call: PlannedCall): string => `a${call.span}`;
export const calleeSpan = (call: PlannedCall): string => `b${call.span}`;
export const callIdOf = (call: PlannedCall): string => `${TRACE_ID}/${callerSpan(call)}`;

function halves(call: PlannedCall, skewUs: ReadonlyMap<string, number>): readonly TraceRow[] {
  const { parent, service, target, operation } = call;
  const both = {
    call_id: callIdOf(call),
    trace_id: TRACE_ID,
    service_id: service,
    target_id: target,
    operation,
    event_type: call.database ? "DB_QUERY" : "API_CALL",
    status: call.failed ? "error" : "success",
  };
  const caller = traceRowOf({
    ...both,
    span_id: callerSpan(call),
    request_id: callerSpan(call),
    parent_span_id: parent === null ? "" : calleeSpan(parent),
    start_us: call.startUs + (skewUs.get(service) ?? 0),
    duration_us: call.durationUs,
  });
  const callee = traceRowOf({
    ...both,
    side: "callee",
    span_id: calleeSpan(call),
    request_id: callerSpan(call),
    // Who enters without an instrumented caller brings no trace context.
    parent_span_id: parent === null && call.lost === "caller" ? "" : callerSpan(call),
    start_us: call.startUs + Math.floor(call.networkUs / 2) + (skewUs.get(target) ?? 0),
    duration_us: call.durationUs - call.networkUs,
  });
  return [...(call.lost === "caller" ? [] : [caller]), ...(call.lost === "callee" || call.database ? [] : [callee])];
}
