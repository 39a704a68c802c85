import type { SearchAnswer as Found } from "../search/search.ts";
import { recordsIn, NO_RECORDS } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Search } from "../search/search.ts";
import { scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { COST, CURSOR, goneSignal, ORDER, orderOf, QUESTION } from "./search-query.ts";
import type { QuestionParameters } from "./search-query.ts";

export interface SearchRoutesParts {
  readonly search: Search;
}

const TAGS = ["search"];
const PROBLEMS = problems(400, 401, 403, 422, 503, 504);

/** Search, and the counts beside it. */
export function searchRoutes(app: FastifyInstance, { search }: SearchRoutesParts): void {
  searchRoute(app, search);
  histogramRoute(app, search);
  facetsRoute(app, search);
  fieldsRoute(app, search);
}

const SearchQuery = query({
  ...QUESTION,
  order: ORDER,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
  cursor: CURSOR,
});
const SearchAnswer = Type.Object({
  records: Type.Array(Type.Ref("StoredRecord")),
  next: Type.Union([Type.String(), Type.Null()], { description: "Cursor of the next page; null on the last." }),
  ...COST,
});

interface SearchParameters extends QuestionParameters {
  readonly order?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

function searchRoute(app: FastifyInstance, search: Search): void {
  app.get<{ Querystring: SearchParameters }>(
    "/api/search",
    {
      config: { access: "read", reads: recordsIn(({ records }: Found) => records.length) },
      schema: {
        summary: "Records that match",
        description: "Pages of one run are consistent: a record that arrives later is on none of them.",
        tags: TAGS,
        querystring: SearchQuery,
        response: { 200: SearchAnswer, ...PROBLEMS },
      },
    },
    (request, reply) => {
      const { order, ...question } = request.query;
      return search.search(scopeOf(request), { ...question, order: orderOf(order) }, goneSignal(reply));
    },
  );
}

const HistogramQuery = query({
  ...QUESTION,
  buckets: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_000, description: "About how many." })),
  width: Type.Optional(Type.String({ description: "A bucket's width instead, as 30s, 5m or 1d." })),
  durations: Type.Optional(Type.Boolean({ description: "With the median and the 95th percentile of duration_us." })),
});
const Histogram = Type.Object({
  bucket_ms: Type.Number({ description: "A bucket's width." }),
  buckets: Type.Array(
    Type.Object({
      from: Type.String({ format: "date-time" }),
      count: Type.Integer(),
      by_status: Type.Record(Type.String(), Type.Integer()),
      p50_us: Type.Optional(Type.Union([Type.Integer(), Type.Null()], { description: "Null: no record tells one." })),
      p95_us: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
    }),
  ),
  total: Type.Integer(),
  ...COST,
});

interface HistogramOptions {
  readonly buckets?: number;
  readonly width?: string;
  readonly durations?: boolean;
}

function histogramRoute(app: FastifyInstance, search: Search): void {
  app.get<{ Querystring: QuestionParameters & HistogramOptions }>(
    "/api/histogram",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "How many match over time, by status",
        tags: TAGS,
        querystring: HistogramQuery,
        response: { 200: Histogram, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const answer = await search.histogram(scopeOf(request), request.query, goneSignal(reply));
      const { width_us: widthUs, buckets, count, ...cost } = answer;
      const shown = buckets.map(({ start, ...counts }) => ({ from: start, ...counts }));
      return { bucket_ms: widthUs / 1_000, buckets: shown, total: count, ...cost };
    },
  );
}

const FacetsQuery = query({
  ...QUESTION,
  fields: Type.String({ minLength: 1, description: "Names of fields or attributes, as service_id,status." }),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 10, description: "Values of each field." })),
});
const Facets = Type.Object({
  facets: Type.Array(
    Type.Object({
      field: Type.String(),
      values: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })),
      more: Type.Boolean(),
    }),
  ),
  sample_records: Type.Union([Type.Integer(), Type.Null()], { description: "Counted over so many records only." }),
  ...COST,
});

function facetsRoute(app: FastifyInstance, search: Search): void {
  app.get<{ Querystring: QuestionParameters & { fields: string; limit?: number } }>(
    "/api/facets",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "The most frequent values of fields",
        tags: TAGS,
        querystring: FacetsQuery,
        response: { 200: Facets, ...PROBLEMS },
      },
    },
    (request, reply) => {
      const { fields, ...question } = request.query;
      const names = fields
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "");
      return search.facets(scopeOf(request), { ...question, fields: names }, goneSignal(reply));
    },
  );
}

const Fields = Type.Object({
  fields: Type.Array(
    Type.Object({
      name: Type.String(),
      kind: Type.String(),
      values: Type.Optional(Type.Array(Type.String())),
      says: Type.String(),
    }),
  ),
  attributes: Type.Array(Type.Object({ name: Type.String(), count: Type.Integer() })),
  sample_records: Type.Integer(),
  ...COST,
});

function fieldsRoute(app: FastifyInstance, search: Search): void {
  app.get<{ Querystring: QuestionParameters }>(
    "/api/fields",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "The fields that a query can name, and the attributes that matching records have",
        tags: TAGS,
        querystring: query(QUESTION),
        response: { 200: Fields, ...PROBLEMS },
      },
    },
    (request, reply) => search.fields(scopeOf(request), request.query, goneSignal(reply)),
  );
}
