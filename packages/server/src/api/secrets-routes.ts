import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Control } from "../control/control.ts";
import { removeSecret, SECRET_NAME, setSecret } from "../control/stored-secrets.ts";
import type { SecretKeyring } from "../control/stored-secrets.ts";
import { TallystickError } from "../errors.ts";
import type { SecretInfo } from "../kms/kms.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface SecretsRoutesParts {
  readonly control: Control;
  readonly keyring: SecretKeyring;
}

const Secret = Type.Object({ name: Type.String(), set_at: Type.String({ format: "date-time" }) });
const Params = Type.Object({ name: Type.String({ pattern: SECRET_NAME }) });

/** Secrets that the configuration names (of channels): they go in, and come out for whom they are meant only. */
export function secretsRoutes(app: FastifyInstance, { control, keyring }: SecretsRoutesParts): void {
  const tags = ["keys"];
  app.get(
    "/api/secrets",
    {
      config: { access: "manage" },
      schema: {
        summary: "Names of the stored secrets",
        tags,
        querystring: query({}),
        response: { 200: Type.Object({ secrets: Type.Array(Secret) }), ...problems(401, 403) },
      },
    },
    async () => ({ secrets: (await keyring.secrets()).map(shown) }),
  );
  app.put(
    "/api/secrets/:name",
    {
      config: { access: "manage" },
      schema: {
        summary: "Store a secret, sealed by the KMS, in the place of the one before",
        tags,
        params: Params,
        body: Type.Object({ secret: Type.String({ maxLength: 4_096 }) }, { additionalProperties: false }),
        response: { 200: Secret, ...problems(400, 401, 403, 503) },
      },
    },
    (request) => store(keyring, control, request),
  );
  app.delete(
    "/api/secrets/:name",
    {
      config: { access: "manage" },
      schema: {
        summary: "Take a stored secret away",
        tags,
        params: Params,
        response: { 204: Type.Null(), ...problems(401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const name = nameIn(request.params);
      if (!(await removeSecret(keyring, control, principalOf(request).name, name)))
        throw new TallystickError("not_found", "There is no secret of this name.", {
          hint: "`tallystick secrets list` shows them.",
        });
      return reply.code(204).send();
    },
  );
}

async function store(
  keyring: SecretKeyring,
  control: Control,
  request: FastifyRequest,
): Promise<Static<typeof Secret>> {
  const { secret } = request.body as { readonly secret: string };
  return shown(await setSecret(keyring, control, principalOf(request).name, nameIn(request.params), secret));
}

function nameIn(params: unknown): string {
  return (params as { readonly name: string }).name;
}

function shown({ name, setAt }: SecretInfo) {
  return { name, set_at: setAt };
}
