import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Control } from "../control/control.ts";
import { rotateWrappingKey } from "../control/key-rotation.ts";
import type { Keyring } from "../kms/kms.ts";
import { principalOf } from "./route-access.ts";
import { problems } from "./schemas.ts";

export interface KmsRoutesParts {
  readonly control: Control;
  readonly keyring: Keyring;
}

const Rotation = Type.Object({
  before: Type.String({ description: "Id of the key that wrapped until now." }),
  kms: Type.String({ description: "Id of the key that wraps from now on." }),
  keys: Type.Integer({ description: "Data keys that were wrapped again." }),
});

/** The key that wraps all others. */
export function kmsRoutes(app: FastifyInstance, { control, keyring }: KmsRoutesParts): void {
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
}
