import type { NeighboursAnswer } from "../search/neighbours.ts";
import type { TimelineAnswer } from "../search/timeline.ts";
import { recordsIn, STREAMED } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { TallystickError } from "../errors.ts";
import { NEIGHBOUR_KINDS } from "../search/neighbours.ts";
import type { NeighbourKind } from "../search/neighbours.ts";
import { EXPORT_OPTIONS, exportAnswer, sendExport } from "./export-route.ts";
import type { ExportOptions, ExportRouteParts } from "./export-route.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { COST, CURSOR, goneSignal, ORDER, orderOf, QUESTION } from "./search-query.ts";
import type { QuestionParameters } from "./search-query.ts";

const TAGS = ["traces"];

/** What one service, credential or person did and what was done to it, and what happened around a record. */
export function timelineRoutes(app: FastifyInstance, parts: ExportRouteParts): void {
  timelineRoute(app, parts);
  timelineExportRoute(app, parts);
  neighboursRoute(app, parts);
}

const SUBJECT = {
  service: Type.Optional(Type.String({ description: "A service: calls that it made, calls made to it." })),
  credential: Type.Optional(
    Type.String({ description: "A key: calls made with it, and records whose resource names it." }),
  ),
  subject_ref: Type.Optional(
    Type.String({ description: "A person: records whose data is about them, and calls in their name." }),
  ),
  ...QUESTION,
  order: ORDER,
  cursor: CURSOR,
};

interface SubjectParameters extends QuestionParameters {
  readonly service?: string;
  readonly credential?: string;
  readonly subject_ref?: string;
  readonly order?: string;
  readonly cursor?: string;
}

const Entry = Type.Object({
  direction: Type.Enum(["did", "done_to", "both"], {
    description: "Whether the subject did it, or it was done to the subject.",
  }),
  tree: Type.String(),
  leaf_index: Type.Integer(),
  call_id: Type.String(),
  record: Type.Ref("Record"),
  observed: Type.Ref("Observed"),
});

function timelineRoute(app: FastifyInstance, { search }: ExportRouteParts): void {
  app.get<{ Querystring: SubjectParameters & { limit?: number } }>(
    "/api/timeline",
    {
      config: { access: "read", reads: recordsIn(({ entries }: TimelineAnswer) => entries.length) },
      schema: {
        summary: "What one service, credential or person did and what was done to it",
        description:
          "Exactly one of service, credential and subject_ref; `q` narrows further. Pages of one run are consistent, as " +
          "those of a search are.",
        tags: TAGS,
        querystring: query({
          ...SUBJECT,
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
        }),
        response: {
          200: Type.Object({
            entries: Type.Array(Entry),
            next: Type.Union([Type.String(), Type.Null()], {
              description: "Cursor of the next page; null on the last.",
            }),
            ...COST,
          }),
          ...problems(400, 401, 403, 422, 503, 504),
        },
      },
    },
    (request, reply) => {
      const { order, ...question } = request.query;
      return search.timeline(scopeOf(request), { ...question, order: orderOf(order) }, goneSignal(reply));
    },
  );
}

function timelineExportRoute(app: FastifyInstance, parts: ExportRouteParts): void {
  app.get(
    "/api/timeline/export",
    {
      config: { access: "read", reads: STREAMED },
      exposeHeadRoute: false,
      schema: {
        summary: "A whole timeline, streamed, each record with its direction",
        description: "Streamed whole or page by page, as /api/export is.",
        tags: TAGS,
        querystring: query({ ...SUBJECT, ...EXPORT_OPTIONS }),
        response: exportAnswer(),
      },
    },
    (request: FastifyRequest<{ Querystring: SubjectParameters & ExportOptions }>, reply) =>
      sendExport(parts, request, reply, ({ order, ...question }) =>
        parts.search.exportTimeline(scopeOf(request), { ...question, order: orderOf(order) }, goneSignal(reply)),
      ),
  );
}

const Neighbours = Type.Object({
  by: Type.String(),
  field: Type.String({ description: "The field that they share." }),
  value: Type.String(),
  before: Type.Array(Type.Ref("StoredRecord"), { description: "In the order of time, the nearest last." }),
  record: Type.Ref("StoredRecord"),
  after: Type.Array(Type.Ref("StoredRecord"), { description: "In the order of time, the nearest first." }),
  more_before: Type.Boolean(),
  more_after: Type.Boolean(),
  ...COST,
});

interface NeighboursParameters {
  readonly by?: NeighbourKind;
  readonly before?: number;
  readonly after?: number;
}

function neighboursRoute(app: FastifyInstance, { search }: ExportRouteParts): void {
  const count = (description: string) =>
    Type.Optional(Type.Integer({ minimum: 0, maximum: 500, default: 10, description }));
  app.get<{ Params: { log: string; epoch: string; index: string }; Querystring: NeighboursParameters }>(
    "/api/records/:log/:epoch/:index/neighbours",
    {
      config: {
        access: "read",
        reads: recordsIn(({ before, after }: NeighboursAnswer) => before.length + 1 + after.length),
      },
      schema: {
        summary: "What happened right before and after a record",
        tags: TAGS,
        params: Type.Object({
          log: Type.String(),
          epoch: Type.String(),
          index: Type.String({ pattern: "^(0|[1-9][0-9]{0,15})$" }),
        }),
        querystring: query({
          by: Type.Optional(
            Type.Enum([...NEIGHBOUR_KINDS], {
              default: "service",
              description: "By the same service_id, the same credential_id, or the same peer_identity or peer_address.",
            }),
          ),
          before: count("Records before it."),
          after: count("Records after it."),
        }),
        response: { 200: Neighbours, ...problems(400, 401, 403, 404, 422, 503, 504) },
      },
    },
    async (asked, reply) => {
      const { log, epoch, index } = asked.params;
      const { by = "service", before, after } = asked.query;
      const tree = `${log}/${epoch}`;
      const request = { tree, leafIndex: Number(index), by, before: before ?? null, after: after ?? null };
      const answer = await search.neighbours(scopeOf(asked), request, goneSignal(reply));
      if (answer !== null) return answer;
      throw new TallystickError("not_found", `The index has no record ${tree}/${index}.`, { at: { tree, index } });
    },
  );
}
