import { createPublicKey } from "node:crypto";
import { BATCH_ALGORITHMS } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance } from "fastify";

import type { BatchKeyInfo } from "../control/batch-key.ts";
import { batchSecret, secretNameOf } from "../control/batch-secret.ts";
import type { Control } from "../control/control.ts";
import { TallystickError } from "../errors.ts";
import type { Keyring } from "../kms/kms.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface BatchKeysRoutesParts {
  readonly control: Control;
  readonly keyring: Keyring;
}

const NewBatchKeyBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 63 }),
    service: Type.String({ minLength: 1, maxLength: 256, description: "The service whose records it signs." }),
    alg: Type.Enum([...BATCH_ALGORITHMS]),
    public_key: Type.Optional(
      Type.String({
        maxLength: 1_024,
        description: "For ed25519: the public key as PEM, or its 32 bytes in base64.",
      }),
    ),
  },
  { additionalProperties: false },
);

const BatchKey = Type.Object({
  kid: Type.String(),
  name: Type.String(),
  service: Type.String(),
  alg: Type.Enum([...BATCH_ALGORITHMS]),
  public_key: Type.Union([Type.String(), Type.Null()]),
  created_at: Type.String({ format: "date-time" }),
  revoked_at: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
});
const CreatedBatchKey = Type.Object({
  ...BatchKey.properties,
  secret: Type.Union([Type.String(), Type.Null()], { description: "For hmac-sha256: shown this once." }),
});

/** Keys with which producers sign their batches. */
export function batchKeysRoutes(app: FastifyInstance, parts: BatchKeysRoutesParts): void {
  const { control } = parts;
  const tags = ["keys"];
  app.get(
    "/api/batch-keys",
    {
      config: { access: "manage" },
      schema: {
        summary: "All batch keys, revoked ones too",
        tags,
        querystring: query({}),
        response: { 200: Type.Object({ keys: Type.Array(BatchKey) }), ...problems(401, 403) },
      },
    },
    async () => ({ keys: control.batchKeys.list().map(shown) }),
  );
  app.post(
    "/api/batch-keys",
    {
      config: { access: "manage" },
      schema: {
        summary: "Make a key with which a service signs its batches",
        tags,
        body: NewBatchKeyBody,
        response: { 201: CreatedBatchKey, ...problems(400, 401, 403, 409, 503) },
      },
    },
    async (request, reply) => {
      const body = request.body as Static<typeof NewBatchKeyBody>;
      return reply.code(201).send(await create(parts, principalOf(request).name, body));
    },
  );
  app.delete(
    "/api/batch-keys/:kid",
    {
      config: { access: "manage" },
      schema: {
        summary: "Revoke a batch key, at once",
        tags,
        params: Type.Object({ kid: Type.String() }),
        response: { 200: BatchKey, ...problems(401, 403, 404, 503) },
      },
    },
    (request) => revoke(control, principalOf(request).name, (request.params as { kid: string }).kid),
  );
}

async function revoke(control: Control, by: string, kid: string): Promise<Static<typeof BatchKey>> {
  const key = await control.batchKeys.revoke(by, kid);
  if (key === null)
    throw new TallystickError("not_found", "There is no batch key with this id.", {
      hint: "`tallystick keys batch list` shows them.",
    });
  return shown(key);
}

async function create(
  { control, keyring }: BatchKeysRoutesParts,
  by: string,
  { name, service, alg, public_key: given }: Static<typeof NewBatchKeyBody>,
): Promise<Static<typeof CreatedBatchKey>> {
  if (alg === "ed25519" && given === undefined)
    throw new TallystickError("bad_request", "An ed25519 key is the producer's own: give its public_key.");
  if (alg === "hmac-sha256" && given !== undefined)
    throw new TallystickError("bad_request", "The secret of an hmac-sha256 key is made here; it has no public_key.");
  const kid = control.batchKeys.newKid();
  const publicKey = given === undefined ? null : publicKeyOf(given);
  // Durable before anybody hears of it: what it signs must stay checkable.
  const secret = publicKey === null ? batchSecret(await keyring.key(secretNameOf(kid))) : null;
  const key = await control.batchKeys.create(by, kid, { name, service, alg, publicKey });
  return { ...shown(key), secret };
}

const ED25519_BYTES = 32;

/** Base64 of the 32 bytes. */
function publicKeyOf(given: string): string {
  const raw = Buffer.from(given.trim(), "base64");
  if (raw.length === ED25519_BYTES && raw.toString("base64") === given.trim()) return given.trim();
  try {
    const key = createPublicKey(given);
    const spki = key.export({ format: "der", type: "spki" });
    if (key.asymmetricKeyType === "ed25519") return spki.subarray(spki.length - ED25519_BYTES).toString("base64");
  } catch {
    // Said below.
  }
  throw new TallystickError("bad_request", "public_key is an Ed25519 public key as PEM, or its 32 bytes in base64.", {
    hint: "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout",
  });
}

function shown({ kid, name, service, alg, publicKey, createdAt, revokedAt }: BatchKeyInfo): Static<typeof BatchKey> {
  return { kid, name, service, alg, public_key: publicKey, created_at: createdAt, revoked_at: revokedAt };
}
