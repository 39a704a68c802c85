import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Clock } from "../clock.ts";
import type { Control } from "../control/control.ts";
import type { Revocation } from "../control/revocation.ts";
import { TallystickError } from "../errors.ts";
import { parseInstant } from "../search/time.ts";
import { MAX_REASON_LENGTH } from "./limits.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface RevocationRoutesParts {
  readonly control: Pick<Control, "revocations">;
  readonly clock: Clock;
  /** The issuers in `access.jwt`: names, and what tokens name them by. */
  readonly issuers: readonly { readonly name: string; readonly issuer: string }[];
}

const TAGS = ["keys"];
const Text = (description: string) => Type.String({ minLength: 1, maxLength: 512, description });
const orNull = (description: string) => Type.Union([Type.String({ description }), Type.Null()]);

const Body = Type.Object(
  {
    issuer: Text("Its name in `access.jwt`."),
    jti: Type.Optional(Text("The token's id: that one alone.")),
    subject: Type.Optional(Text("Or whose tokens: the value of the claim that names him.")),
    all: Type.Optional(Type.Boolean({ description: "Or true: all of the issuer, whoever's they are." })),
    issued_before: Type.Optional(Text("With a subject or all: RFC 3339 or relative; now when absent.")),
    reason: Type.String({ minLength: 1, maxLength: MAX_REASON_LENGTH }),
  },
  { additionalProperties: false },
);

const Revoked = Type.Object({
  issuer: Type.String(),
  jti: orNull("One token."),
  subject: orNull("All of this subject, or where there is neither a token nor a subject, of the issuer …"),
  issued_before: orNull("… that were issued before."),
  reason: Type.String(),
  revoked_by: Type.String(),
  revoked_at: Type.String({ format: "date-time" }),
});

/** JWTs of other issuers that count no more. Keys of this server are revoked by DELETE /api/keys/{id}. */
export function revocationRoutes(app: FastifyInstance, parts: RevocationRoutesParts): void {
  const { revocations } = parts.control;
  app.get(
    "/api/credentials/revoked",
    {
      config: { access: "manage" },
      schema: {
        summary: "Tokens of other issuers that were revoked here",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ revoked: Type.Array(Revoked) }), ...problems(401, 403) },
      },
    },
    (_, reply) => reply.send({ revoked: revocations.list().map(shown) }),
  );
  app.post(
    "/api/credentials/revoke",
    {
      config: { access: "manage" },
      schema: {
        summary: "Revoke a JWT by its id, or a subject's or an issuer's JWTs by when they were issued",
        description:
          "In force for the next request. It is a record of the control log, and each use afterwards is one; a use that a service records is a finding (`use-after-revocation`).",
        tags: TAGS,
        body: Body,
        response: { 201: Revoked, ...problems(400, 401, 403, 503) },
      },
    },
    async (request, reply) => {
      const asked = request.body as Static<typeof Body>;
      const revocation = await revocations.revoke(principalOf(request).name, wanted(parts, asked));
      return reply.code(201).send(shown(revocation));
    },
  );
}

function wanted({ clock, issuers }: RevocationRoutesParts, asked: Static<typeof Body>) {
  const { issuer, jti = null, subject = null, all = false, issued_before: before, reason } = asked;
  const known = issuers.find(({ name }) => name === issuer);
  if (known === undefined)
    throw new TallystickError("bad_request", `There is no issuer ${issuer} in access.jwt.`, {
      hint: issuers.length === 0 ? "None is configured." : `There are ${issuers.map(({ name }) => name).join(", ")}.`,
      at: { field: "issuer" },
    });
  if ([jti !== null, subject !== null, all].filter(Boolean).length !== 1)
    throw new TallystickError("bad_request", "Name a token by `jti`, or a `subject`, or say `all`.");
  const nowUs = clock.nowUs();
  const atUs = before === undefined ? nowUs : parseInstant(before, nowUs, "issued_before");
  const issuedBefore = jti !== null && before === undefined ? null : formatTimestamp(atUs);
  return { issuer, iss: known.issuer, jti, subject, issuedBefore, reason };
}

function shown({ issuer, jti, subject, issuedBefore, reason, revokedBy, revokedAt }: Revocation) {
  return { issuer, jti, subject, issued_before: issuedBefore, reason, revoked_by: revokedBy, revoked_at: revokedAt };
}
