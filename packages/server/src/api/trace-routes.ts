import type { TraceAnswer as Trace } from "../search/trace/trace.ts";
import { recordsIn, NO_RECORDS } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Search } from "../search/search.ts";
import type { SearchRoutesParts } from "./search-routes.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { COST, goneSignal, QUESTION } from "./search-query.ts";
import type { QuestionParameters } from "./search-query.ts";

const TAGS = ["traces"];

/** Calls as trees, and what slows or breaks them. */
export function traceRoutes(app: FastifyInstance, { search }: SearchRoutesParts): void {
  traceRoute(app, search);
  bottlenecksRoute(app, search);
}

const orNull = <Schema extends ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>>(
  schema: Schema,
  description?: string,
) => Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const text = () => orNull(Type.String());
const micros = (description: string) => orNull(Type.Integer(), description);

const Half = Type.Object({
  tree: Type.String(),
  leaf_index: Type.Integer(),
  id: Type.String(),
  side: Type.String(),
  phase: Type.String(),
  recorder_id: Type.String(),
  host: text(),
  timestamp: Type.String({ format: "date-time", description: "By the recorder's own clock, as recorded." }),
  offset_us: Type.Integer({ description: "From `started`, by the reference clock." }),
  duration_us: orNull(Type.Integer()),
  status: Type.String(),
  status_code: text(),
  error_type: text(),
  error_message: orNull(Type.String(), "Its first 500 characters."),
  span_id: text(),
  parent_span_id: text(),
});
const HalfOrNull = (description: string) => Type.Union([Half, Type.Null()], { description });

const EVIDENCE =
  "By what the call hangs below its parent: `trace` (parent span), `message` (link or message id), `causation`, " +
  "`request_id` (it leads from the parent's callee to this call's caller), or `enclosed` (the parent span was left " +
  "out; the only call that the same recorder had open). Of a root: by which id it is part of the answer.";

const Node = Type.Object({
  node: Type.Integer({ description: "Its place in `nodes`." }),
  parent: orNull(Type.Integer(), "The parent's place; null for a root."),
  depth: Type.Integer(),
  evidence: Type.Enum(["trace", "message", "causation", "request_id", "enclosed", "call", "correlation"], {
    description: EVIDENCE,
  }),
  call_id: Type.String(),
  trace_id: text(),
  request_id: Type.String(),
  attempt: Type.Integer(),
  event_type: Type.String(),
  service_id: Type.String(),
  target_id: Type.String(),
  operation: Type.String(),
  protocol: Type.String(),
  status: Type.String({ description: "As the caller saw it; without its half, as the callee did." }),
  status_code: text(),
  error_type: text(),
  error_message: text(),
  offset_us: Type.Integer(),
  duration_us: orNull(Type.Integer()),
  caller: HalfOrNull("The caller's record."),
  callee: HalfOrNull("The callee's record."),
  observers: Type.Array(Half, { description: "Records of who watched the call." }),
  more: Type.Array(Half, { description: "Further records under the same call id: intents, replays, doubles." }),
  missing: Type.Array(Type.Enum(["caller", "callee"]), {
    description: "Halves that nobody recorded and somebody should have. Databases record none.",
  }),
  orphan: Type.Boolean({ description: "Its record names a parent span that no record has." }),
  network_us: micros("Caller's duration minus callee's."),
  outlasts_us: micros("The callee went on so much longer than its caller waited."),
  clock_offset_us: micros("Callee's clock minus caller's, estimated from this call alone."),
  outside_parent_us: micros("By how much it sticks out of the half of the parent that made it. It is not cut."),
  self_us: micros("Duration without the time in which calls below it ran."),
  critical_us: Type.Integer({ description: "Its own part of the critical path of `root`." }),
  retry_of: orNull(Type.Integer(), "Node of the first attempt."),
  recovered: Type.Boolean({ description: "It failed, and a later attempt did not." }),
  status_differs: Type.Boolean({ description: "Both halves tell how it ended, and not the same." }),
});

const TraceAnswer = Type.Object({
  id: Type.String(),
  found_by: Type.Array(Type.String(), {
    description: "What kind of id it is: trace, call, request_id, message, causation, correlation.",
  }),
  trace_ids: Type.Array(Type.String()),
  started: Type.String({ format: "date-time" }),
  duration_us: Type.Integer({ description: "From the beginning of the earliest call to the end of the last." }),
  root: Type.Integer({ description: "Node of the root that lasted longest; its clock is the reference." }),
  first_failure: orNull(Type.Integer(), "Node of the failed call that no call of its own explains, the first such."),
  counts: Type.Object({
    records: Type.Integer(),
    calls: Type.Integer(),
    roots: Type.Integer(),
    failed: Type.Integer(),
    unpaired: Type.Integer({ description: "Calls of which a half is missing." }),
    retries: Type.Integer(),
    orphans: Type.Integer(),
  }),
  services: Type.Array(Type.String()),
  clocks: Type.Array(Type.Object({ recorder_id: Type.String(), host: Type.String(), offset_us: Type.Integer() }), {
    description:
      "Recorders whose clocks differ from the reference; taken off of `offset_us`, never off of `timestamp`.",
  }),
  nodes: Type.Array(Node, { description: "In the order of a waterfall: each call before the calls that it made." }),
  records: Type.Union([Type.Array(Type.Ref("StoredRecord")), Type.Null()]),
  ...COST,
});

interface TraceParameters {
  readonly from?: string;
  readonly to?: string;
  readonly follow?: boolean;
  readonly records?: boolean;
  readonly limit?: number;
}

function traceRoute(app: FastifyInstance, search: Search): void {
  app.get<{ Params: { id: string }; Querystring: TraceParameters }>(
    "/api/traces/:id",
    {
      config: { access: "read", reads: recordsIn(({ counts }: Trace) => counts.records) },
      schema: {
        summary: "All records that belong to an id, as one tree of calls",
        description:
          "The id is a trace id, or, where there is none, a request id, message id, causation or correlation id, call " +
          "id or record id. Both halves of a call are one node. What the records found lead to (messages, request " +
          "ids, causes) is found as well, within a day and within limits.",
        tags: TAGS,
        params: Type.Object({ id: Type.String({ minLength: 1 }) }),
        querystring: query({
          from: QUESTION.from,
          to: QUESTION.to,
          follow: Type.Optional(Type.Boolean({ default: true, description: "Also what the records lead to." })),
          records: Type.Optional(
            Type.Boolean({ default: false, description: "With the records whole, then 1,000 at most." }),
          ),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: "Records." })),
        }),
        response: { 200: TraceAnswer, ...problems(400, 401, 403, 404, 422, 503, 504) },
      },
    },
    (request, reply) => search.trace(scopeOf(request), { id: request.params.id, ...request.query }, goneSignal(reply)),
  );
}

const Example = Type.Object({
  trace_id: Type.String(),
  call_id: Type.String(),
  tree: Type.String(),
  leaf_index: Type.Integer(),
});

const BottlenecksAnswer = Type.Object({
  operations: Type.Array(
    Type.Object({
      service: Type.String({ description: "Where the time was spent." }),
      operation: Type.String(),
      protocol: Type.String(),
      calls: Type.Integer(),
      traces: Type.Integer({ description: "Traces that pass through it." }),
      failed_calls: Type.Integer(),
      self_us: Type.Integer({ description: "Time of its own: durations without the time in which its calls ran." }),
      self_us_per_trace: Type.Integer(),
      share: Type.Number({ description: "Of the time of the traces that pass through; side by side it may pass 1." }),
      p50_self_us: Type.Integer(),
      p95_self_us: Type.Integer(),
      network_us: Type.Integer({ description: "On the way to it and back, where both halves are there." }),
      example: Example,
    }),
    { description: "Most time of its own first." },
  ),
  failures: Type.Array(
    Type.Object({
      service: Type.String(),
      operation: Type.String(),
      protocol: Type.String(),
      status: Type.String(),
      error_type: text(),
      traces: Type.Integer({ description: "Traces in which it failed first." }),
      share: Type.Number({ description: "Of the traces in which anything failed." }),
      example: Example,
    }),
    { description: "By the failed call none of whose own calls failed; of each trace the one that ended first." },
  ),
  sample_traces: Type.Integer({ description: "Counted over so many traces, the newest." }),
  more_traces: Type.Boolean({ description: "There are older matching ones, which were not counted." }),
  sample_from: text(),
  sample_to: text(),
  sample_records: Type.Integer(),
  failed_traces: Type.Integer(),
  ...COST,
});

function bottlenecksRoute(app: FastifyInstance, search: Search): void {
  app.get<{ Querystring: QuestionParameters & { service?: string; traces?: number; limit?: number } }>(
    "/api/bottlenecks",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "What slows and what breaks the newest matching traces",
        description:
          "Operations ranked by the time of their own that they add to the traces that pass through them, and failures " +
          "counted by the call that failed first. A trace matches when one of its records does.",
        tags: TAGS,
        querystring: query({
          q: QUESTION.q,
          from: QUESTION.from,
          to: QUESTION.to,
          service: Type.Optional(Type.String({ description: "Traces that pass through it only." })),
          traces: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 5_000, default: 1_000, description: "Newest ones that are counted." }),
          ),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 20, description: "Of each list." })),
        }),
        response: { 200: BottlenecksAnswer, ...problems(400, 401, 403, 422, 503, 504) },
      },
    },
    (request, reply) => search.bottlenecks(scopeOf(request), request.query, goneSignal(reply)),
  );
}
