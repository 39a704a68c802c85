import { NO_RECORDS } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import { PartySchema } from "./names-routes.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { goneSignal } from "./search-query.ts";
import { PERIOD, tallyReader } from "./tally-routes.ts";
import type { TallyRoutesParts } from "./tally-routes.ts";

const Time = Type.String({ format: "date-time" });
const Side = Type.Enum(["caller", "callee"]);
const Answer = {
  declared: Type.Union([PartySchema, Type.Null()]),
  advice: Type.Union([Type.String(), Type.Null()], { description: "What closes it; null when it is declared." }),
};

const Coverage = Type.Object({
  services: Type.Array(
    Type.Object({
      service: Type.String(),
      calls: Type.Integer(),
      seen_as: Type.Array(Side),
      first_seen: Time,
      last_seen: Time,
      ...Answer,
    }),
    { description: "Seen only as a counterpart: they record nothing themselves." },
  ),
  edges: Type.Array(
    Type.Object({
      caller: Type.String(),
      callee: Type.String(),
      missing: Side,
      calls: Type.Integer(),
      paired: Type.Integer(),
      alone: Type.Integer({ description: "Calls that only the other side recorded." }),
      coverage: Type.Number({ description: "Share of the other side's calls that this side recorded too." }),
      since: Time,
      ...Answer,
    }),
    { description: "Of which one side's records are missing, in whole or in more than a tenth." },
  ),
  unknown_callers: Type.Array(
    Type.Object({
      callee: Type.String(),
      network: Type.String({ description: "As 10.1.2.0/24; empty when not even an address is known." }),
      calls: Type.Integer(),
      first_seen: Time,
      last_seen: Time,
      advice: Type.String(),
    }),
  ),
  one_sided: Type.Array(PartySchema, { description: "Declared never to record." }),
  skews: Type.Array(
    Type.Object({
      recorder: Type.String(),
      ahead_us: Type.Integer({ description: "By the median of its calls; negative: its clock is behind the others'." }),
      spread_us: Type.Integer({ description: "Between the first and the third quarter of its calls." }),
      calls: Type.Integer(),
      others: Type.Integer({ description: "Recorders that it shares calls with." }),
      furthest: Type.Object({ recorder: Type.String(), ahead_us: Type.Integer() }),
    }),
    { description: "How far each recorder's clock is from those of the others, the furthest first." },
  ),
  partial: Type.Boolean(),
});

/** What is not seen from both sides. */
export function coverageRoute(app: FastifyInstance, parts: TallyRoutesParts): void {
  app.get<{ Querystring: { readonly from?: string; readonly to?: string } }>(
    "/api/coverage",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "What is seen from one side only, and what to switch on to close it",
        description: "Of the last day unless `from` says otherwise.",
        tags: ["tally"],
        querystring: query(PERIOD),
        response: { 200: Coverage, ...problems(400, 401, 403, 404, 422, 503, 504) },
      },
    },
    (request, reply) => tallyReader(parts).coverage(scopeOf(request), request.query, goneSignal(reply)),
  );
}
