import { DATA_CATEGORIES, DATA_CLASSES } from "@tallystick/record";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import type { AccessReport, AccessReportRequest } from "../search/access-report.ts";
import type { Search } from "../search/search.ts";
import { recordsIn } from "./recorded-reads.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { COST, CURSOR, goneSignal } from "./search-query.ts";

const Kind = Type.Enum(["read", "changed", "other"]);
const Time = Type.String({ format: "date-time" });
const Who = { service_id: Type.String(), credential_id: Type.String(), auth_subject: Type.String() };

const Report = Type.Object({
  lines: Type.Array(
    Type.Object({ kind: Kind, ...Who, calls: Type.Integer(), denied: Type.Integer(), first: Time, last: Time }),
    { description: "Each credential and what it did over the whole time; only with the first page." },
  ),
  more_lines: Type.Boolean({ description: "There are more credentials than were given." }),
  opened: Type.Array(
    Type.Object({
      timestamp: Time,
      auth_subject: Type.String(),
      client_address: Type.String(),
      reason: Type.String(),
      payloads: Type.Array(Type.String({ description: "tree:index/part" })),
    }),
    { description: "Sealed bodies of such records that somebody opened here; only with the first page." },
  ),
  more_opened: Type.Boolean({ description: "More was opened than is told." }),
  entries: Type.Array(
    Type.Object({
      timestamp: Time,
      kind: Kind,
      ...Who,
      target_id: Type.String(),
      operation: Type.String(),
      resource: Type.String(),
      status: Type.String(),
      tree: Type.String(),
      leaf_index: Type.Integer(),
    }),
    { description: "Newest first." },
  ),
  next: Type.Union([Type.String(), Type.Null()], { description: "Cursor of the next page; null on the last." }),
  ...COST,
});

/** Who read or changed data of a class, a category or a person. */
export function accessReportRoute(app: FastifyInstance, { search }: { readonly search: Search }): void {
  app.get<{ Querystring: AccessReportRequest }>(
    "/api/access-report",
    {
      config: { access: "audit", reads: recordsIn(({ entries }: AccessReport) => entries.length) },
      schema: {
        summary: "Who read or changed data of a class, of a category, or about a person",
        description:
          "At least one of data_class, data_category and subject_ref. What an access was is told by the record's action, " +
          "else by the verb that its operation begins with. A call that both sides recorded is two entries and one call.",
        tags: ["search"],
        querystring: query({
          data_class: Type.Optional(Type.Enum([...DATA_CLASSES])),
          data_category: Type.Optional(Type.Enum([...DATA_CATEGORIES])),
          subject_ref: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
          from: Type.Optional(Type.String({ description: "Inclusive; RFC 3339, a date, or now-15m." })),
          to: Type.Optional(Type.String({ description: "Exclusive." })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
          cursor: CURSOR,
        }),
        response: { 200: Report, ...problems(400, 401, 403, 422, 503, 504) },
      },
    },
    (request, reply) => search.accessReport(scopeOf(request), request.query, goneSignal(reply)),
  );
}
