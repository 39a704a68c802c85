import { FIELDS } from "@tallystick/record";
import type { FieldSpec } from "@tallystick/record";
import { Type } from "typebox";
import type { TSchema } from "typebox";

/** RFC 9457 problem details; docs/errors lists the codes. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: "One of docs/errors; never changes its meaning." }),
    detail: Type.String({ description: "What happened, to what." }),
    hint: Type.String({ description: "What to do about it." }),
    at: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), {
        description: "Where: column, tree, index …",
      }),
    ),
  },
  { $id: "Problem" },
);

export const PROBLEM_CONTENT = "application/problem+json";

/** Responses of a route that are problems, by status. */
export function problems(...statuses: readonly number[]): Readonly<Record<number, unknown>> {
  const content = { [PROBLEM_CONTENT]: { schema: Type.Ref("Problem") } };
  return Object.fromEntries(statuses.map((status) => [status, { description: "Problem details", content }]));
}

function fieldSchema(field: FieldSpec): TSchema {
  const description = field.says;
  const string = { description, ...(field.pattern === undefined ? {} : { pattern: `^(?:${field.pattern.source})$` }) };
  if (field.kind === "uint") return Type.Integer({ description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
  if (field.kind === "time") return Type.String({ description, format: "date-time" });
  if (field.kind === "enum") return Type.Enum([...(field.values ?? [])], { description });
  if (field.kind === "names") return Type.Array(Type.String(), { description });
  if (field.kind === "map") return Type.Record(Type.String(), Type.String(), { description });
  return Type.String(string);
}

export const RecordSchema = Type.Object(
  Object.fromEntries(
    FIELDS.map((field) => [
      field.name,
      field.required === "no" ? Type.Optional(fieldSchema(field)) : fieldSchema(field),
    ]),
  ),
  { $id: "Record", description: "What the producer said." },
);

export const ObservedSchema = Type.Object(
  {
    received_at: Type.String({ format: "date-time" }),
    principal: Type.String(),
    standing: Type.Enum(["authenticated", "relayed", "claimed"]),
    source_address: Type.String(),
    intake: Type.String(),
    conflict: Type.Optional(Type.Literal(true)),
    clock_skew_us: Type.Optional(Type.Integer()),
    signature: Type.Optional(Type.Object({ alg: Type.String(), kid: Type.String(), verified: Type.Boolean() })),
  },
  { $id: "Observed", description: "What the server saw." },
);

export const StoredRecordSchema = Type.Object(
  {
    tree: Type.String(),
    leaf_index: Type.Integer(),
    call_id: Type.String(),
    record: Type.Ref("Record"),
    observed: Type.Ref("Observed"),
  },
  { $id: "StoredRecord" },
);

/** Schemas that others refer to by name. */
export const SHARED_SCHEMAS: readonly TSchema[] = [ProblemSchema, RecordSchema, ObservedSchema, StoredRecordSchema];

/** Parameters of a query; unknown ones are refused, because a mistyped filter that is ignored shows too much. */
export function query<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, { additionalProperties: false });
}

/** Types without a schema of their own in the answer: text, streams. */
export function textResponse(description: string, ...types: readonly string[]): unknown {
  return { description, content: Object.fromEntries(types.map((type) => [type, { schema: Type.String() }])) };
}
