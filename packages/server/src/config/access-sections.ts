/** The sections about who comes in: TLS, how machines prove who they are, and where addresses belong. */
import { Type } from "typebox";

import { SCOPE_CLASSES } from "../control/granted-scope.ts";
import { MAX_BYTES_PER_DAY, MAX_RECORDS_PER_SECOND } from "../control/quota.ts";
import { oneOf, path, section, whole } from "./pieces.ts";

const ROUTE = {
  source: "^((GET|HEAD|POST|PUT|PATCH|DELETE) )?(/[^\\s*?#]*\\*?|\\*)$",
  says: "a path as the API names it, with or without its method: POST /v1/records, /api/*, or * for every path",
};

export const TLS = section("Encryption of the HTTP port, and the certificates that clients show.", {
  cert: path("PEM certificate chain; with `key` the port speaks TLS."),
  key: path("PEM private key of the certificate."),
  min_version: oneOf("Lowest version of TLS that is spoken.", "1.2", ["1.2", "1.3"]),
  reload_s: whole(
    "How often the files are looked at. What changed is used for new connections; those that are open go on.",
    10,
    1,
    86_400,
  ),
  client_ca: path(
    "PEM certificates of the authorities whose client certificates are believed. Empty: no client is asked for one.",
  ),
  client_crl: path(
    "PEM lists of revoked client certificates, one of each authority; what they revoke or what is out of date is refused.",
  ),
  client_required: section("Where a client certificate is required, whatever other credentials there are.", {
    routes: Type.Array(Type.String({ maxLength: 256, pattern: ROUTE.source, says: ROUTE.says }), {
      description: "Paths that only answer over a connection with a client certificate.",
      default: [],
      maxItems: 256,
    }),
    logs: Type.Array(Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,62}$", says: "the name of a log" }), {
      description: "Logs that are written and read only over a connection with a client certificate.",
      default: [],
      maxItems: 256,
    }),
  }),
});

const LOG_NAME = { pattern: "^[a-z0-9][a-z0-9-]{0,62}$", says: "the name of a log" };
const SERVICE = Type.String({ minLength: 1, maxLength: 256 });
const SERVICES = Type.Array(SERVICE, { minItems: 1, maxItems: 1_000 });

const ISSUER = Type.Object(
  {
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,31}$", says: "up to 32 lower-case letters, digits and dashes" }),
    issuer: Type.String({ minLength: 1, maxLength: 1_024 }),
    audience: Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), { minItems: 1, maxItems: 16 }),
    jwks: Type.String({ minLength: 1, maxLength: 4_096 }),
    algorithms: Type.Array(
      Type.Enum(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]),
      { default: ["RS256", "PS256", "ES256", "EdDSA"], minItems: 1, maxItems: 10 },
    ),
    claim: Type.String({ default: "sub", minLength: 1, maxLength: 128 }),
    bound: Type.Boolean({ default: false }),
  },
  { additionalProperties: false },
);

const RULE = Type.Object(
  {
    match: Type.String({ minLength: 1, maxLength: 512 }),
    role: Type.Enum(["producer", "viewer", "auditor", "investigator"], { default: "producer" }),
    services: Type.Optional(SERVICES),
    relay: Type.Optional(SERVICES),
    log: Type.String({ default: "default", ...LOG_NAME }),
    records_per_second: Type.Integer({ default: 0, minimum: 0, maximum: MAX_RECORDS_PER_SECOND }),
    bytes_per_day: Type.Integer({ default: 0, minimum: 0, maximum: MAX_BYTES_PER_DAY }),
    scope: Type.Optional(
      Type.Object(
        {
          logs: Type.Optional(Type.Array(Type.String(LOG_NAME), { minItems: 1, maxItems: 100 })),
          services: Type.Optional(Type.Array(SERVICE, { minItems: 1, maxItems: 100 })),
          data_classes: Type.Optional(Type.Array(Type.Enum([...SCOPE_CLASSES]), { minItems: 1, maxItems: 5 })),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export const ACCESS = section("How machines prove who they are, and which services they speak for.", {
  impersonation: oneOf(
    "Records for a service that the sender may not speak for: accepted, marked `claimed` and raised; or refused with 403 and raised.",
    "accept",
    ["accept", "refuse"],
  ),
  jwt: Type.Array(ISSUER, {
    description:
      "Issuers whose JWTs are believed as bearer tokens: items {name, issuer, audience: [], jwks: file or URL, algorithms: [], claim, bound}.",
    default: [],
    maxItems: 16,
  }),
  principals: Type.Array(RULE, {
    description:
      "What certificates and JWTs may do, the first that fits: items {match, role, services: [], relay: [], log, records_per_second, bytes_per_day, scope}.",
    default: [],
    maxItems: 1_000,
  }),
});

export const NETWORKS = Type.Record(
  Type.String(),
  Type.Array(Type.String({ pattern: "^[0-9a-fA-F:.]+(/\\d{1,3})?$", says: "an address or CIDR, as 10.0.0.0/8" }), {
    minItems: 1,
    maxItems: 256,
  }),
  {
    description:
      "Names of address ranges, as {office: [10.1.0.0/16]}: `source_network:office` in a search. The first that holds an address counts.",
    default: {},
    propertyNames: { type: "string", pattern: "^[a-z0-9][a-z0-9_-]{0,62}$" },
    maxProperties: 100,
  },
);
