import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Control } from "../control/control.ts";
import { rotateWrappingKey } from "../control/key-rotation.ts";
import { rotateSigning } from "../control/signing-rotation.ts";
import type { SigningParts } from "../control/signing-rotation.ts";
import type { Keyring } from "../kms/kms.ts";
import { principalOf } from "./route-access.ts";
import { problems } from "./schemas.ts";

export interface KmsRoutesParts {
  readonly control: Control;
  readonly keyring: Keyring;
  readonly signing: SigningParts;
}

const Rotation = Type.Object({
  before: Type.String({ description: "Id of the key that wrapped until now." }),
  kms: Type.String({ description: "Id of the key that wraps from now on." }),
  keys: Type.Integer({ description: "Data keys that were wrapped again." }),
});

const DEFAULT_OVERLAP_S = 30 * 86_400;
const MAX_OVERLAP_S = 366 * 86_400;

const Succession = Type.Object({
  before: Type.String({ description: "Public half of the key until now, base64." }),
  after: Type.String({ description: "Public half of the new key, base64." }),
  until: Type.String({ format: "date-time", description: "Until then both sign." }),
});

/** The key that wraps all others, and the one that signs checkpoints. */
export function kmsRoutes(app: FastifyInstance, { control, keyring, signing }: KmsRoutesParts): void {
  app.post(
    "/api/kms/rotate",
    {
      config: { access: "operate" },
      schema: {
        summary: "Rotate the KMS key",
        description: "A new wrapping key, and every data key under it. No segment is written again; intake goes on.",
        tags: ["keys"],
        response: { 200: Rotation, ...problems(401, 403, 503) },
      },
    },
    (request) => rotateWrappingKey(keyring, control, principalOf(request).name),
  );
  app.post(
    "/api/signing-key/rotate",
    {
      config: { access: "operate" },
      schema: {
        summary: "Rotate the key that signs checkpoints",
        description:
          "Both keys sign for a while, and a statement signed by both is written into every log, so that who knows the " +
          "old key follows to the new one.",
        tags: ["keys"],
        body: Type.Object(
          {
            overlap_s: Type.Optional(
              Type.Integer({ minimum: 0, maximum: MAX_OVERLAP_S, description: "Seconds for which both keys sign." }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Succession, ...problems(400, 401, 403, 503) },
      },
    },
    (request) => succeed(signing, principalOf(request).name, request.body as { overlap_s?: number }),
  );
}

async function succeed(
  signing: SigningParts,
  by: string,
  { overlap_s: overlapS = DEFAULT_OVERLAP_S }: { readonly overlap_s?: number },
): Promise<Static<typeof Succession>> {
  const { before, after, until } = await rotateSigning(signing, by, overlapS * 1_000);
  const [one, other] = [before, after].map((key) => Buffer.from(key).toString("base64")) as [string, string];
  return { before: one, after: other, until };
}
