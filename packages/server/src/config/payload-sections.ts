/** Configuration of what is done with bodies of calls, and of the classes that rules give to them. */
import { DATA_CATEGORIES, DATA_CLASSES } from "@tallystick/record";
import { Type } from "typebox";

import { JSON_PATH_PATTERN } from "../payload/json-places.ts";
import { MAX_BODY_BYTES } from "../payload/limits.ts";

const pattern = Type.String({ minLength: 1, maxLength: 512 });
const JSON_PATH = {
  source: JSON_PATH_PATTERN,
  says: "a path of $, .name, ..name, ['name'], [n] and [*], as $.customer.cards[*].number",
};
const KEEP: ["body", "digest", "none"] = ["body", "digest", "none"];
const names = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { description, default: [], maxItems: 256 });
const jsonPaths = Type.Array(Type.String({ pattern: JSON_PATH.source, says: JSON_PATH.says, maxLength: 512 }), {
  maxItems: 256,
});
const maxBodyBytes = Type.Integer({ minimum: 0, maximum: MAX_BODY_BYTES });

export const PAYLOADS = Type.Object(
  {
    keep: Type.Enum(KEEP, {
      description:
        "What is kept of a body: all but what is taken out of it, only a salted digest that proves it later, or nothing.",
      default: "body",
    }),
    max_bytes: Type.Integer({
      description: "A body is kept up to this length; what was cut off is said.",
      default: 262_144,
      minimum: 0,
      maximum: MAX_BODY_BYTES,
    }),
    patterns: Type.Boolean({
      description: "Whether keys, tokens, card numbers, e-mail addresses and values under secret names are taken out.",
      default: true,
    }),
    json_paths: Type.Array(Type.String({ pattern: JSON_PATH.source, says: JSON_PATH.says, maxLength: 512 }), {
      description: "Places of JSON bodies that are taken out, as $.customer.cards[*].number or $..iban.",
      default: [],
      maxItems: 256,
    }),
    form_fields: names("Fields of form bodies whose values are taken out."),
    headers: names("HTTP headers whose values are taken out of records' attributes."),
    rules: Type.Array(
      Type.Object(
        {
          service: Type.Optional(pattern),
          operation: Type.Optional(pattern),
          resource: Type.Optional(pattern),
          data_class: Type.Optional(Type.Enum([...DATA_CLASSES])),
          part: Type.Optional(Type.Enum(["request", "response"])),
          keep: Type.Optional(Type.Enum(KEEP)),
          max_bytes: Type.Optional(maxBodyBytes),
          patterns: Type.Optional(Type.Boolean()),
          json_paths: Type.Optional(jsonPaths),
          form_fields: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 256 })),
          headers: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 256 })),
        },
        { additionalProperties: false },
      ),
      {
        description:
          "Other choices for some calls, the first that fits: items {service, operation, resource, data_class, part} to match (* stands for any text) and {keep, max_bytes, patterns, json_paths, form_fields, headers} to use.",
        default: [],
        maxItems: 1_000,
      },
    ),
  },
  {
    description: "Bodies of calls, which records may bring as request_body and response_body.",
    additionalProperties: false,
    default: {},
  },
);

export const CLASSIFY = Type.Array(
  Type.Object(
    {
      service: Type.Optional(pattern),
      operation: Type.Optional(pattern),
      resource: Type.Optional(pattern),
      data_class: Type.Optional(Type.Enum([...DATA_CLASSES])),
      data_categories: Type.Optional(Type.Array(Type.Enum([...DATA_CATEGORIES]), { maxItems: 4 })),
    },
    { additionalProperties: false },
  ),
  {
    description:
      "Classes of data by call: items {service, operation, resource} to match (* stands for any text; either end may be the service) and {data_class, data_categories} to give. A rule never lowers what a producer says.",
    default: [],
    maxItems: 1_000,
  },
);
