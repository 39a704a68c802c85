import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { DEFAULT_LOG } from "../access/authenticate.ts";
import type { Control, KeyInfo, NewKey } from "../control/control.ts";
import { ROLES } from "../control/role.ts";
import { TallystickError } from "../errors.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

const Services = Type.Union([
  Type.Literal("*"),
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 1_000 }),
]);

const NewKeyBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 63 }),
    service: Type.Optional(
      Type.String({ minLength: 1, maxLength: 256, description: "The service that the key speaks for." }),
    ),
    relay: Type.Optional(Type.Boolean({ description: "The key forwards for others, named in `services`." })),
    services: Type.Optional(Services),
    role: Type.Optional(Type.Enum([...ROLES], { default: "producer" })),
    log: Type.Optional(Type.String({ description: "The log that its records go to.", default: DEFAULT_LOG })),
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
  created_at: Type.String({ format: "date-time" }),
  revoked_at: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
});
const CreatedKey = Type.Object({
  ...Key.properties,
  secret: Type.String({ description: "Shown this once; only its hash is kept." }),
});

/** Keys of producers and readers; the administrator's affair. */
export function keysRoutes(app: FastifyInstance, control: Control): void {
  const tags = ["keys"];
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

async function revoke(control: Control, request: FastifyRequest): Promise<Static<typeof Key>> {
  const key = await control.revokeKey(principalOf(request).name, (request.params as { id: string }).id);
  if (key === null) {
    throw new TallystickError("not_found", "There is no key with this id.", {
      hint: "`tallystick keys list` shows them.",
    });
  }
  return shown(key);
}

function newKey(body: Static<typeof NewKeyBody>): NewKey {
  const { name, service, services, role = "producer", log = DEFAULT_LOG } = body;
  const relays = body.relay ?? services !== undefined;
  if (relays && services === undefined)
    throw new TallystickError("bad_request", "A relay names the services it forwards for, or * for all.");
  if (!relays && services !== undefined) throw new TallystickError("bad_request", "Only a relay names services.");
  return { name, role, service: service ?? null, relay: relays ? (services ?? null) : null, log };
}

function shown({ id, name, role, service, relay, log, createdAt, revokedAt }: KeyInfo): Static<typeof Key> {
  return {
    id,
    name,
    role,
    service,
    relay: relay === null || relay === "*" ? relay : [...relay],
    log,
    created_at: createdAt,
    revoked_at: revokedAt,
  };
}
