import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Control } from "../control/control.ts";
import { fingerprintWith } from "../control/fingerprint.ts";
import { TallystickError } from "../errors.ts";
import { credentialIdOf } from "../intake/credential-id.ts";
import { NO_RECORDS } from "./recorded-reads.ts";
import { problems } from "./schemas.ts";

export interface CredentialsRouteParts {
  readonly control: Control;
  readonly redactionKey: Uint8Array;
}

const MAX_CREDENTIAL_LENGTH = 65_536;
const Body = Type.Object(
  {
    credential: Type.String({
      minLength: 1,
      maxLength: MAX_CREDENTIAL_LENGTH,
      description: "A key, a token, an Authorization header's value, or a certificate as PEM. It is kept nowhere.",
    }),
  },
  { additionalProperties: false },
);
const Answer = Type.Object({
  credential_id: Type.String({ description: 'What to search for: credential_id:"…".' }),
  kind: Type.Enum(["certificate", "key id", "fingerprint"]),
  principal: Type.Union([Type.String(), Type.Null()], {
    description: "Set when it is a key of this server that is not revoked: who sends with it.",
  }),
});

/**
 * A credential that somebody holds, as the log knows it. It comes in a body, so that no URL and no record of the read
 * holds it; errors say nothing of it.
 */
export function credentialsRoute(app: FastifyInstance, { control, redactionKey }: CredentialsRouteParts): void {
  const fingerprint = fingerprintWith(redactionKey);
  app.post(
    "/api/credentials/fingerprint",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "The credential_id of a credential that one holds",
        tags: ["search"],
        body: Body,
        response: { 200: Answer, ...problems(400, 401, 403, 503) },
      },
    },
    (request, reply) => {
      const { credential } = request.body as Static<typeof Body>;
      const found = credentialIdOf(credential, fingerprint);
      if (found === null)
        throw new TallystickError("bad_request", "That names no credential.", {
          hint: "Give a key, a token, the value of an Authorization header, or a certificate as PEM.",
        });
      const key = control.keyBySecret(credential.trim().replace(/^bearer\s+/i, ""));
      const principal = key === null ? null : `key:${key.name}`;
      return reply.send({ credential_id: found.credentialId, kind: found.kind, principal });
    },
  );
}
