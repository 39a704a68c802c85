import { NO_RECORDS } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import type { ProducersRequest } from "../tally/producer-list.ts";
import { PRODUCER_STATES } from "../tally/producer-runs.ts";
import type { Producers } from "../tally/producers.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { COST, CURSOR, goneSignal } from "./search-query.ts";

export interface ProducersRouteParts {
  readonly producers: Producers;
}

const ProducersQuery = query({
  log: Type.Optional(Type.String()),
  producer_id: Type.Optional(Type.String()),
  principal: Type.Optional(Type.String({ description: "Who authenticated, as key:orders." })),
  recorder_id: Type.Optional(Type.String({ description: "The service that wrote its newest record." })),
  state: Type.Optional(
    Type.Enum([...PRODUCER_STATES], {
      description: "`gap` and `silent` find every run of which that holds, whatever else does.",
    }),
  ),
  history: Type.Optional(
    Type.Boolean({ description: "With superseded runs of which nothing is missing, and producers long unheard of." }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
  gaps: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 10_000, default: 10, description: "Gaps shown of a run; × limit ≤ 10,000." }),
  ),
  cursor: CURSOR,
});

const time = Type.String({ format: "date-time" });
const orNull = (schema: ReturnType<typeof Type.Integer> | typeof time, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const Seq = Type.Integer({ minimum: 0 });

const ProducerRun = Type.Object({
  log: Type.String(),
  producer_id: Type.String(),
  producer_epoch: Type.String({ description: "Empty when its records name none." }),
  principal: Type.String({ description: "Who authenticated; another one with this producer_id is another producer." }),
  recorder_id: Type.String(),
  state: Type.Enum([...PRODUCER_STATES], { description: "The worst that holds: gap, then silent." }),
  silent: Type.Boolean(),
  superseded: Type.Boolean({ description: "Another run of the producer began after this one was heard last." }),
  first_seq: orNull(Seq, "Lowest number seen."),
  last_seq: orNull(Seq, "Highest number seen."),
  claimed_last_seq: orNull(Seq, "Highest number that a heartbeat or close names."),
  count: Type.Integer({ description: "Different numbers seen." }),
  duplicates: Type.Integer({ description: "Records whose number another record had." }),
  unnumbered: Type.Integer({ description: "Records without a number." }),
  missing: Type.Integer(),
  gaps: Type.Array(Type.Object({ from: Seq, to: Seq }), { description: "Missing numbers, both ends included." }),
  more_gaps: Type.Boolean(),
  restarts: Type.Integer({ description: "Runs of the producer beside this one." }),
  first_seen: time,
  last_seen: time,
  last_heartbeat: orNull(time, "Of the newest heartbeat or close."),
  closed_at: orNull(time, "When it was closed; null when it was not, or when more came since."),
  silent_after_s: Type.Number({ description: "It is silent after so long without a sign of life." }),
  silent_after_source: Type.Enum(["declared", "learned", "default"]),
  usual_pause_s: orNull(Type.Integer(), "The pause that was learned; null while too little is known."),
});

const ProducersAnswer = Type.Object({
  producers: Type.Array(ProducerRun),
  next: Type.Union([Type.String(), Type.Null()], { description: "Cursor of the next page; null on the last." }),
  as_of: Type.String({ format: "date-time", description: "All that was journaled before is in the answer." }),
  ...COST,
});

/** Which producers there are, and what is missing of them. */
export function producersRoute(app: FastifyInstance, { producers }: ProducersRouteParts): void {
  app.get<{ Querystring: ProducersRequest }>(
    "/api/producers",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "Completeness of producers: gaps, duplicates, restarts, silence",
        description: "One item a run; docs/guides/producers.md says how each word is meant.",
        tags: ["tally"],
        querystring: ProducersQuery,
        response: { 200: ProducersAnswer, ...problems(400, 401, 403, 422, 503, 504) },
      },
    },
    (request, reply) => producers.list(scopeOf(request), request.query, goneSignal(reply)),
  );
}
