import type { CallView } from "../tally/call-view.ts";
import type { BreaksAnswer } from "../tally/breaks.ts";
import { recordsIn } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import { TallystickError } from "../errors.ts";
import { VERDICT_KINDS } from "../tally/verdict.ts";
import type { TallyReader } from "../tally/reader.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { goneSignal } from "./search-query.ts";

export interface TallyRoutesParts {
  /** Null when calls are not paired here. */
  readonly tally: TallyReader | null;
}

const TAGS = ["tally"];
const PROBLEMS = problems(400, 401, 403, 404, 422, 503, 504);

/** What both halves of calls say of each other. */
export function tallyRoutes(app: FastifyInstance, parts: TallyRoutesParts): void {
  const reader = () => tallyReader(parts);
  breaksRoute(app, reader);
  callRoute(app, reader);
}

export function tallyReader({ tally }: TallyRoutesParts): TallyReader {
  if (tally !== null) return tally;
  throw new TallystickError("not_found", "Calls are not paired on this server.", {
    hint: "Set tally.enabled to true.",
  });
}

export const PERIOD = {
  from: Type.Optional(Type.String({ description: "Inclusive; RFC 3339, a date, or now-15m." })),
  to: Type.Optional(Type.String({ description: "Exclusive." })),
};
export const EDGE = Type.Optional(Type.String({ description: "caller:callee, as orders:payments." }));
const Text = Type.Union([Type.String(), Type.Null()]);

const BreaksQuery = query({
  ...PERIOD,
  edge: EDGE,
  kind: Type.Optional(Type.Enum([...VERDICT_KINDS])),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
  cursor: Type.Optional(Type.String({ description: "`next` of the page before, with the same question otherwise." })),
  history: Type.Optional(Type.Boolean({ description: "With breaks that a later half resolved." })),
});

const Place = Type.Object({ tree: Type.String(), leaf_index: Type.Integer() });

const BreakFound = Type.Object({
  kind: Type.String(),
  call_id: Type.Union([Type.String(), Type.Null()], {
    description: "Null of coverage and clock_skew, which are about an edge as a whole.",
  }),
  field: Text,
  caller: Type.String(),
  callee: Type.String(),
  caller_value: Text,
  callee_value: Text,
  tolerance: Text,
  state: Type.Union([Type.String(), Type.Null()], { description: "Of the call when it was judged." }),
  holds: Type.Boolean({ description: "False when a later verdict on the call replaced this one." }),
  timestamp: Type.String({ format: "date-time", description: "When the call came due." }),
  verdict: Place,
  records: Type.Array(Type.Ref("StoredRecord"), { description: "The halves that were judged." }),
});

const Breaks = Type.Object({
  breaks: Type.Array(BreakFound, { description: "Newest first; a call has one for each field." }),
  counts: Type.Record(Type.String(), Type.Integer(), { description: "Calls by state; each counts once." }),
  next: Text,
  settled_through: Type.Union([Type.String({ format: "date-time" }), Type.Null()], {
    description: "Every call that came due before then is settled.",
  }),
  partial: Type.Boolean(),
  elapsed_ms: Type.Number(),
});

interface BreaksParameters {
  readonly from?: string;
  readonly to?: string;
  readonly edge?: string;
  readonly kind?: string;
  readonly limit?: number;
  readonly cursor?: string;
  readonly history?: boolean;
}

function breaksRoute(app: FastifyInstance, reader: () => TallyReader): void {
  app.get<{ Querystring: BreaksParameters }>(
    "/api/tally",
    {
      config: { access: "read", reads: recordsIn(recordsOfBreaks) },
      schema: {
        summary: "Breaks between the two halves of calls, and how many calls are in which state",
        description:
          "Breaks are read from TALLY_VERDICT records in the log. Counts are of whole minutes, over more than six " +
          "hours of whole hours, by when a call's first half was received.",
        tags: TAGS,
        querystring: BreaksQuery,
        response: { 200: Breaks, ...PROBLEMS },
      },
    },
    (request, reply) => reader().breaks(scopeOf(request), request.query, goneSignal(reply)),
  );
}

const Call = Type.Object({
  call_id: Type.String(),
  caller: Type.String(),
  callee: Type.String(),
  state: Type.String(),
  reason: Text,
  due: Type.String({ format: "date-time" }),
  settled: Type.Boolean({ description: "False: it may change without a verdict until it is due." }),
  breaks: Type.Array(
    Type.Object({
      kind: Type.String(),
      field: Type.String(),
      caller_value: Type.String(),
      callee_value: Type.String(),
      tolerance: Type.String(),
    }),
  ),
  halves: Type.Object({
    caller: Type.Array(Type.Ref("StoredRecord")),
    callee: Type.Array(Type.Ref("StoredRecord")),
    observer: Type.Array(Type.Ref("StoredRecord")),
  }),
  verdicts: Type.Array(Type.Ref("StoredRecord"), { description: "TALLY_VERDICT records on it, oldest first." }),
  partial: Type.Boolean(),
});

function callRoute(app: FastifyInstance, reader: () => TallyReader): void {
  app.get<{ Params: { "*": string } }>(
    "/api/calls/*",
    {
      config: { access: "read", reads: recordsIn(recordsOfCall) },
      schema: {
        summary: "One call: both halves side by side, and what the tally says of them",
        description: "The path's rest is the call id, its slashes as they are or percent-encoded.",
        tags: TAGS,
        response: { 200: Call, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const call = await reader().call(scopeOf(request), request.params["*"], goneSignal(reply));
      if (call !== null) return call;
      throw new TallystickError("not_found", "No record that you may read is a half of that call.");
    },
  );
}

function recordsOfBreaks({ breaks }: BreaksAnswer): number {
  return breaks.reduce((sum, { records }) => sum + records.length, breaks.length);
}

function recordsOfCall({ halves, verdicts }: CallView): number {
  return halves.caller.length + halves.callee.length + halves.observer.length + verdicts.length;
}
