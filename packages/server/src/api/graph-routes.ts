import { NO_RECORDS } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import { EDGE_STATES } from "../tally/edges.ts";
import { OPEN_METRICS_TYPE } from "../tally/open-metrics-text.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query, textResponse } from "./schemas.ts";
import { goneSignal } from "./search-query.ts";
import { EDGE, PERIOD, tallyReader } from "./tally-routes.ts";
import type { TallyRoutesParts } from "./tally-routes.ts";

const TAGS = ["tally"];

/** The map, for people and for Prometheus. */
export function graphRoutes(app: FastifyInstance, parts: TallyRoutesParts): void {
  app.get<{ Querystring: GraphParameters }>(
    "/api/graph",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "Who calls whom: services, and edges with rate, errors, latency and match rate",
        description:
          "Counted are settled calls, by when their first half was received, in whole minutes; over more than six " +
          "hours in whole hours. The window is the last hour unless it is given. Quantiles lie within 9.1% of the " +
          "exact ones.",
        tags: TAGS,
        querystring: GraphQuery,
        response: { 200: Graph, ...problems(400, 401, 403, 404, 422, 503, 504) },
      },
    },
    (request, reply) => tallyReader(parts).graph(scopeOf(request), request.query, goneSignal(reply)),
  );
  app.get(
    "/metrics/edges",
    {
      config: { access: "metrics" },
      schema: {
        summary: "The map's edges for Prometheus",
        description: "The 1,000 edges that were called most recently; the others are added up.",
        tags: ["health"],
        response: {
          200: textResponse("OpenMetrics text", "application/openmetrics-text"),
          ...problems(401, 403, 404, 503, 504),
        },
      },
    },
    async (_, reply) => {
      const text = await tallyReader(parts).edgeMetrics();
      return reply.type(OPEN_METRICS_TYPE).send(text);
    },
  );
}

const GraphQuery = query({
  ...PERIOD,
  service: Type.Optional(Type.String({ description: "Only edges that begin or end at it." })),
  edge: EDGE,
  protocol: Type.Optional(Type.String({ description: "Only calls of it, as http." })),
  operations: Type.Optional(Type.Boolean({ description: "With the most used operations of each edge." })),
  pending: Type.Optional(Type.Boolean({ description: "With calls that are not settled yet." })),
});

interface GraphParameters {
  readonly from?: string;
  readonly to?: string;
  readonly service?: string;
  readonly edge?: string;
  readonly protocol?: string;
  readonly operations?: boolean;
  readonly pending?: boolean;
}

const Time = Type.String({ format: "date-time" });
const orNull = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

const FIGURES = {
  calls: Type.Integer(),
  calls_per_second: orNull("Over the settled part of the window; null when there is none."),
  errors: Type.Integer({ description: "Calls that ended with error or timeout." }),
  error_ratio: Type.Number({ description: "errors / calls." }),
  denied: Type.Integer({ description: "Calls that were refused; no errors." }),
  p50_us: orNull("Microseconds, by the caller where it told; null when no half did."),
  p95_us: orNull(""),
  p99_us: orNull(""),
  match_rate: orNull("matched / (matched + discrepant + unpaired); null when no call could be compared."),
  states: Type.Object(Object.fromEntries(EDGE_STATES.map((state) => [state, Type.Integer()]))),
  first_seen: Type.String({ format: "date-time", description: "When the window's first call was received." }),
  last_seen: Time,
  protocols: Type.Array(Type.String()),
};

const PendingEdge = Type.Object({
  caller: Type.String(),
  callee: Type.String(),
  calls: Type.Integer(),
  errors: Type.Integer(),
  first_seen: Time,
  last_seen: Time,
});

const Graph = Type.Object({
  services: Type.Array(
    Type.Object({
      name: Type.String(),
      kind: Type.Enum(["service", "counterpart", "unknown_callers"], {
        description: "service: records its own calls. counterpart: only others name it.",
      }),
    }),
  ),
  edges: Type.Array(
    Type.Object({
      caller: Type.String(),
      callee: Type.String(),
      ...FIGURES,
      credentials: Type.Array(Type.Object({ credential_id: Type.String(), first_seen: Time, last_seen: Time }), {
        description: "That callees saw in calls which their callers confirm, last used first.",
      }),
      operations: Type.Optional(Type.Array(Type.Object({ operation: Type.String(), ...FIGURES }))),
    }),
    { description: "Most calls first." },
  ),
  pending: Type.Union([Type.Array(PendingEdge), Type.Null()], {
    description: "Calls that are not settled yet, provisionally and counted nowhere else; null unless asked for.",
  }),
  from: Type.String({ format: "date-time", description: "The window as it was counted." }),
  to: Time,
  settled_through: Type.Union([Time, Type.Null()], {
    description: "Every call that came due before then is settled; later ones are not counted yet.",
  }),
  partial: Type.Boolean({ description: "True when the least used edges were left out." }),
  elapsed_ms: Type.Number(),
});
