/** What OpenAPI says of the intake's bodies, headers and answers, which its routes read and write by themselves. */
import { Type } from "typebox";
import type { TSchema } from "typebox";

import { PROBLEM_CONTENT } from "./schemas.ts";

const content = (schema: TSchema) => ({ schema });
const contentOf = (types: readonly string[], schema: TSchema) =>
  Object.fromEntries(types.map((type) => [type, content(schema)]));

const ENCODING = {
  "Content-Encoding": Type.Optional(Type.Enum(["gzip", "zstd", "deflate", "identity"])),
  "Idempotency-Key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: "Makes a repeated request harmless when its records have no ids.",
    }),
  ),
};

export const RECORDS_DESCRIBED = {
  headers: Type.Object({
    ...ENCODING,
    Prefer: Type.Optional(Type.String({ description: "`handling=strict` stores all records or none (RFC 7240)." })),
  }),
  body: {
    content: {
      "application/json": content(Type.Union([Type.Ref("Record"), Type.Array(Type.Ref("Record"))])),
      ...contentOf(
        ["application/x-ndjson", "application/ndjson", "application/jsonl"],
        Type.String({ description: "One Record as JSON a line." }),
      ),
      ...contentOf(
        ["application/xml", "text/xml"],
        Type.String({ description: "One `record` element, or `records` with several; a field is an element." }),
      ),
    },
  },
};

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

const otlpContent = (message: string) => ({
  [PROTOBUF]: content(Type.String({ format: "binary", description: message })),
  [JSON_TYPE]: content(Type.Object({}, { additionalProperties: true, description: `${message} as OTLP's JSON` })),
});

export function otlpDescribed(request: string) {
  return { headers: Type.Object(ENCODING), body: { content: otlpContent(request) } };
}

const STATUS = {
  [PROTOBUF]: content(Type.String({ format: "binary", description: "google.rpc.Status" })),
  [JSON_TYPE]: content(
    Type.Object({ code: Type.Integer(), message: Type.String() }, { description: "google.rpc.Status" }),
  ),
};

/** Errors are in the request's encoding; where it has none of OTLP's, a problem. */
export function otlpResponses(response: string): Readonly<Record<number, unknown>> {
  const status = { description: "google.rpc.Status in the request's encoding", content: STATUS };
  const problem = { [PROBLEM_CONTENT]: content(Type.Ref("Problem")) };
  const statuses = [400, 401, 403, 413, 429, 503].map((code) => [code, status] as const);
  return {
    200: { description: "Stored; what was rejected is told as a partial success", content: otlpContent(response) },
    ...Object.fromEntries(statuses),
    405: { description: "Problem details", content: problem },
    408: { description: "Problem details", content: problem },
    415: { description: "google.rpc.Status, or problem details", content: { ...STATUS, ...problem } },
  };
}
