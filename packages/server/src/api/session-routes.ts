import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Sessions } from "../access/sessions.ts";
import type { Throttle } from "../access/throttle.ts";
import { TallystickError } from "../errors.ts";
import { principalOf, SESSION_COOKIE } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface SessionRoutesParts {
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  /** How browsers reach the server: `https://audit.example.com`. */
  readonly publicUrl: () => string;
}

const LoginLink = Type.Object({
  url: Type.String({ description: "Works once." }),
  expires_at: Type.String({ format: "date-time" }),
});
const SessionAnswer = Type.Object({
  authenticated: Type.Boolean(),
  name: Type.Union([Type.String(), Type.Null()]),
  role: Type.Union([Type.String(), Type.Null()]),
});

/** One-time links and the sessions they become. */
export function sessionRoutes(app: FastifyInstance, parts: SessionRoutesParts): void {
  const tags = ["session"];
  app.post(
    "/api/login-link",
    {
      config: { access: "manage" },
      schema: {
        summary: "A one-time link that opens the dashboard",
        tags,
        response: { 201: LoginLink, ...problems(401, 403) },
      },
    },
    async (request, reply) => reply.code(201).send(loginLink(parts, principalOf(request).name)),
  );
  app.get(
    "/login",
    {
      config: { access: "public" },
      // A mail or chat program that looks ahead asks by HEAD; it must not use the link up.
      exposeHeadRoute: false,
      schema: {
        summary: "Use a one-time link",
        tags,
        querystring: query({ token: Type.String({ maxLength: 128 }) }),
        response: {
          303: {
            type: "null",
            description: "To the dashboard, with the session's cookie; or to it without one when the link is too old.",
          },
          ...problems(400, 401, 429),
        },
      },
    },
    (request, reply) => login(parts, request, reply),
  );
  app.get(
    "/api/session",
    { config: { access: "public" }, schema: { summary: "Who is logged in", tags, response: { 200: SessionAnswer } } },
    async ({ principal }, reply) => {
      reply.header("cache-control", "no-store");
      return { authenticated: principal !== null, name: principal?.name ?? null, role: principal?.role ?? null };
    },
  );
  app.delete(
    "/api/session",
    { config: { access: "public" }, schema: { summary: "Log out", tags, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const token = request.cookies[SESSION_COOKIE];
      if (token !== undefined) parts.sessions.end(token);
      return reply.clearCookie(SESSION_COOKIE, { path: "/" }).code(204).send();
    },
  );
}

export function loginLink(
  { sessions, publicUrl }: SessionRoutesParts,
  name: string,
): { readonly url: string; readonly expires_at: string } {
  const { token, expiresAtMs } = sessions.makeLink(name);
  return { url: `${publicUrl()}/login?token=${token}`, expires_at: formatTimestamp(expiresAtMs * 1_000) };
}

function login(parts: SessionRoutesParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header("cache-control", "no-store").header("referrer-policy", "no-referrer");
  const redeemed = parts.sessions.redeem((request.query as { token: string }).token);
  if (redeemed === null) return refused(parts, request, reply);
  const { token, session } = redeemed;
  return reply
    .setCookie(SESSION_COOKIE, token, {
      path: "/",
      httpOnly: true,
      sameSite: "strict",
      secure: parts.publicUrl().startsWith("https:"),
      expires: new Date(session.expiresAtMs),
    })
    .redirect("/", 303);
}

function refused(parts: SessionRoutesParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const retryAfterS = parts.throttle.failed(request.client);
  if (retryAfterS !== null)
    throw new TallystickError("rate_limited", "Too many wrong login links came from this address.", { retryAfterS });
  if (request.headers.accept?.includes("text/html") === true) return reply.redirect("/?login=expired", 303);
  throw new TallystickError("unauthenticated", "This login link was used already or is too old.", {
    hint: "`tallystick login-link` prints a fresh one.",
  });
}
