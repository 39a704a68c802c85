import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { AccessRecorder } from "../access/access-recorder.ts";
import { subjectOf } from "../access/authenticate.ts";
import type { DeviceLogins } from "../access/devices.ts";
import { DEVICE_POLL_S } from "../access/limits.ts";
import type { Sessions } from "../access/sessions.ts";
import type { Throttle } from "../access/throttle.ts";
import { TallystickError } from "../errors.ts";
import { principalOf } from "./route-access.ts";
import { problems } from "./schemas.ts";
import { recordLogin } from "./session-routes.ts";

export interface DeviceRoutesParts {
  readonly devices: DeviceLogins;
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  readonly accesses: Pick<AccessRecorder, "login">;
  readonly publicUrl: () => string;
}

const TAGS = ["session"];
const Begun = Type.Object({
  device_code: Type.String({ description: "For POST /api/device/token; keep it secret." }),
  user_code: Type.String({ description: "For the person who lets the device in." }),
  verification_uri: Type.String(),
  verification_uri_complete: Type.String(),
  expires_at: Type.String({ format: "date-time" }),
  interval: Type.Integer({ description: "Seconds between two questions." }),
});
const Token = Type.Object({
  state: Type.Enum(["pending", "denied", "allowed"]),
  token: Type.Union([Type.String(), Type.Null()]),
  expires_at: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
});
const DeviceCode = Type.Object({ device_code: Type.String({ maxLength: 128 }) }, { additionalProperties: false });
const Decision = Type.Object(
  { user_code: Type.String({ maxLength: 32 }), allow: Type.Boolean() },
  { additionalProperties: false },
);

/** How a command line gets a token of its own (RFC 8628's flow). */
export function deviceRoutes(app: FastifyInstance, parts: DeviceRoutesParts): void {
  beginRoute(app, parts);
  tokenRoute(app, parts);
  decideRoute(app, parts);
}

function beginRoute(app: FastifyInstance, { devices, publicUrl }: DeviceRoutesParts): void {
  app.post(
    "/api/device",
    {
      config: { access: "public" },
      schema: { summary: "Begin the login of a device", tags: TAGS, response: { 201: Begun, ...problems(403) } },
    },
    async (request, reply) => {
      const { deviceCode, userCode, expiresAtMs } = devices.begin(request.client);
      const page = `${publicUrl()}/device`;
      return reply.code(201).send({
        device_code: deviceCode,
        user_code: userCode,
        verification_uri: page,
        verification_uri_complete: `${page}?code=${userCode}`,
        expires_at: formatTimestamp(expiresAtMs * 1_000),
        interval: DEVICE_POLL_S,
      });
    },
  );
}

function tokenRoute(app: FastifyInstance, parts: DeviceRoutesParts): void {
  app.post(
    "/api/device/token",
    {
      config: { access: "public" },
      schema: {
        summary: "The device's token, once somebody has let it in",
        tags: TAGS,
        body: DeviceCode,
        response: { 200: Token, ...problems(400, 401, 403, 429, 503) },
      },
    },
    (request) => fetchToken(parts, request),
  );
}

async function fetchToken(parts: DeviceRoutesParts, request: FastifyRequest): Promise<Static<typeof Token>> {
  const { devices, sessions, throttle, accesses } = parts;
  const state = devices.fetch((request.body as Static<typeof DeviceCode>).device_code);
  if (state.kind === "unknown") throw unknownCode(throttle, request);
  if (state.kind !== "allowed") return { state: state.kind, token: null, expires_at: null };
  await recordLogin(accesses, state.subject, "device", request.client);
  const { token, session } = sessions.begin(state.subject, "device", request.client);
  return { state: "allowed", token, expires_at: formatTimestamp(session.expiresAtMs * 1_000) };
}

function decideRoute(app: FastifyInstance, parts: DeviceRoutesParts): void {
  app.post(
    "/api/device/decision",
    {
      // Whoever is logged in may let in a device of his own; it can do no more than he.
      config: { access: "public" },
      schema: {
        summary: "Let a device in as oneself, or not",
        tags: TAGS,
        body: Decision,
        response: {
          200: Type.Object({ address: Type.String({ description: "From where the device asks." }) }),
          ...problems(400, 401, 403, 429),
        },
      },
    },
    async (request, reply) => reply.send(decide(parts, request)),
  );
}

function decide({ devices, throttle }: DeviceRoutesParts, request: FastifyRequest): { readonly address: string } {
  const subject = subjectOf(principalOf(request));
  if (subject === null) throw new TallystickError("forbidden", "A service lets no device in.");
  const { user_code: code, allow } = request.body as Static<typeof Decision>;
  const waitS = throttle.waitS(request.client);
  if (waitS !== null) throw tooMany(waitS);
  const address = devices.addressOf(code);
  if (address === null || !devices.decide(code, allow ? subject : null)) throw unknownCode(throttle, request);
  return { address };
}

function unknownCode(throttle: Throttle, request: FastifyRequest): TallystickError {
  const waitS = throttle.failed(request.client);
  if (waitS !== null) return tooMany(waitS);
  return new TallystickError("unauthenticated", "This code is not known, was used already or is too old.", {
    hint: "`tallystick login` begins anew.",
  });
}

function tooMany(retryAfterS: number): TallystickError {
  return new TallystickError("rate_limited", "Too many codes that are not known came from this address.", {
    retryAfterS,
  });
}
