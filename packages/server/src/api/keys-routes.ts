import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { DEFAULT_LOG } from "../access/authenticate.ts";
import type { Control, KeyInfo, NewKey } from "../control/control.ts";
import { MAX_BYTES_PER_DAY, MAX_RECORDS_PER_SECOND } from "../control/quota.ts";
import type { Quota } from "../control/quota.ts";
import { ROLES } from "../control/role.ts";
import { TallystickError } from "../errors.ts";
import { principalOf } from "./route-access.ts";
import { ScopeBody, scopeOfBody, scopeShown } from "./scope-schema.ts";
import { problems, query } from "./schemas.ts";
import type { IntakeParts } from "./take-in.ts";

const Services = Type.Union([
  Type.Literal("*"),
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 1_000 }),
]);

const QUOTA = {
  records_per_second: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: MAX_RECORDS_PER_SECOND }), Type.Null()], {
      description: "Most records a second, over time; null: no limit.",
    }),
  ),
  bytes_per_day: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: MAX_BYTES_PER_DAY }), Type.Null()], {
      description: "Most bytes of request bodies a day of UTC; null: no limit.",
    }),
  ),
};
const QuotaBody = Type.Object(QUOTA, { additionalProperties: false });

const NewKeyBody = Type.Object(
  {
    ...QUOTA,
    name: Type.String({ minLength: 1, maxLength: 63 }),
    service: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: "The service that the key speaks for." }),
    ),
    relay: Type.Optional(Type.Boolean({ description: "The key forwards for others, named in `services`." })),
    services: Type.Optional(Services),
    role: Type.Optional(Type.Enum([...ROLES], { default: "producer" })),
    log: Type.Optional(Type.String({ description: "The log that its records go to.", default: DEFAULT_LOG })),
    scope: Type.Optional(ScopeBody),
  },
  { additionalProperties: false },
);

const Key = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  service: Type.Union([Type.String(), Type.Null()]),
  relay: Type.Union([Services, Type.Null()]),
  log: Type.String(),
  records_per_second: Type.Union([Type.Integer(), Type.Null()]),
  bytes_per_day: Type.Union([Type.Integer(), Type.Null()]),
  scope: ScopeBody,
  created_at: Type.String({ format: "date-time" }),
  revoked_at: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
});
const CreatedKey = Type.Object({
  ...Key.properties,
  secret: Type.String({ description: "Shown this once; only its hash is kept." }),
});

export interface KeysRoutesParts {
  readonly control: Control;
  readonly intake: Pick<IntakeParts, "quotas" | "incidents">;
}

/** Keys of producers and readers; the administrator's affair. */
export function keysRoutes(app: FastifyInstance, parts: KeysRoutesParts): void {
  const { control } = parts;
  const tags = ["keys"];
  quotaRoutes(app, parts);
  app.get(
    "/api/keys",
    {
      config: { access: "manage" },
      schema: {
        summary: "All keys, revoked ones too",
        tags,
        querystring: query({}),
        response: { 200: Type.Object({ keys: Type.Array(Key) }), ...problems(401, 403) },
      },
    },
    async () => ({ keys: control.keys().map(shown) }),
  );
  app.post(
    "/api/keys",
    {
      config: { access: "manage" },
      schema: {
        summary: "Make a key",
        tags,
        body: NewKeyBody,
        response: { 201: CreatedKey, ...problems(400, 401, 403, 409, 503) },
      },
    },
    async (request, reply) => {
      const { key, secret } = await control.createKey(
        principalOf(request).name,
        newKey(request.body as Static<typeof NewKeyBody>),
      );
      return reply.code(201).send({ ...shown(key), secret });
    },
  );
  app.delete(
    "/api/keys/:id",
    {
      config: { access: "manage" },
      schema: {
        summary: "Revoke a key, at once",
        tags,
        params: Type.Object({ id: Type.String() }),
        response: { 200: Key, ...problems(401, 403, 404, 503) },
      },
    },
    (request) => revoke(control, request),
  );
}

const QuotaUses = Type.Object({
  quotas: Type.Array(
    Type.Object({
      principal: Type.String(),
      records_per_second: Type.Union([Type.Integer(), Type.Null()]),
      bytes_per_day: Type.Union([Type.Integer(), Type.Null()]),
      bytes_today: Type.Integer({ description: "Since 00:00 UTC." }),
      refused: Type.Integer({ description: "Requests answered 429 since the server's start." }),
    }),
  ),
});

function quotaRoutes(app: FastifyInstance, { control, intake }: KeysRoutesParts): void {
  const tags = ["keys"];
  app.put(
    "/api/keys/:id/quota",
    {
      config: { access: "manage" },
      schema: {
        summary: "Set the quota of a producer's key, at once",
        description: "What is left out is no longer limited.",
        tags,
        params: Type.Object({ id: Type.String() }),
        body: QuotaBody,
        response: { 200: Key, ...problems(400, 401, 403, 404, 503) },
      },
    },
    (request) => setQuota(control, request),
  );
  app.get(
    "/api/quotas",
    {
      config: { access: "manage" },
      schema: {
        summary: "Senders with a quota, and what they have used of it",
        description: "Of those who sent since the server's start.",
        tags,
        querystring: query({}),
        response: { 200: QuotaUses, ...problems(401, 403) },
      },
    },
    async () => ({ quotas: usesOf(intake) }),
  );
}

async function setQuota(control: Control, request: FastifyRequest): Promise<Static<typeof Key>> {
  const { id } = request.params as { id: string };
  const key = await control.setQuota(principalOf(request).name, id, quotaOf(request.body as QuotaBody));
  if (key === null) throw noKey();
  return shown(key);
}

function usesOf({ quotas, incidents }: KeysRoutesParts["intake"]): Static<typeof QuotaUses>["quotas"] {
  const refused = new Map<string, number>();
  for (const { kind, principal, total } of incidents.totals())
    if (kind === "quota") refused.set(principal, (refused.get(principal) ?? 0) + total);
  return quotas.uses().map(({ principal, quota, bytesToday }) => ({
    principal,
    records_per_second: quota.recordsPerSecond,
    bytes_per_day: quota.bytesPerDay,
    bytes_today: bytesToday,
    refused: refused.get(principal) ?? 0,
  }));
}

type QuotaBody = Static<typeof QuotaBody>;

function quotaOf({ records_per_second = null, bytes_per_day = null }: QuotaBody): Quota {
  return { recordsPerSecond: records_per_second, bytesPerDay: bytes_per_day };
}

async function revoke(control: Control, request: FastifyRequest): Promise<Static<typeof Key>> {
  const key = await control.revokeKey(principalOf(request).name, (request.params as { id: string }).id);
  if (key === null) throw noKey();
  return shown(key);
}

function noKey(): TallystickError {
  return new TallystickError("not_found", "There is no key with this id.", {
    hint: "`tallystick keys list` shows them.",
  });
}

function newKey(body: Static<typeof NewKeyBody>): NewKey {
  const { name, service, services, scope, role = "producer", log = DEFAULT_LOG } = body;
  const relays = body.relay ?? services !== undefined;
  if (relays && services === undefined)
    throw new TallystickError("bad_request", "A relay names the services it forwards for, or * for all.");
  if (!relays && services !== undefined) throw new TallystickError("bad_request", "Only a relay names services.");
  const speaks = { service: service ?? null, relay: relays ? (services ?? null) : null };
  const quota = quotaOf(body);
  return { name, role, ...speaks, log, quota, ...(scope === undefined ? {} : { scope: scopeOfBody(scope) }) };
}

function shown(key: KeyInfo): Static<typeof Key> {
  const { id, name, role, service, relay, log, quota, scope, createdAt, revokedAt } = key;
  return {
    id,
    name,
    role,
    service,
    relay: relay === null || relay === "*" ? relay : [...relay],
    log,
    records_per_second: quota.recordsPerSecond,
    bytes_per_day: quota.bytesPerDay,
    scope: scopeShown(scope),
    created_at: createdAt,
    revoked_at: revokedAt,
  };
}
