import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { AccessRecorder } from "../access/access-recorder.ts";
import { subjectOf } from "../access/authenticate.ts";
import type { Passwords } from "../access/passwords.ts";
import { PERMISSIONS, ROLE_PERMISSIONS } from "../access/permissions.ts";
import type { LoginMethod, NewSession, Sessions, Subject } from "../access/sessions.ts";
import type { Throttle } from "../access/throttle.ts";
import type { Control } from "../control/control.ts";
import { TallystickError } from "../errors.ts";
import { principalOf, SESSION_COOKIE } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface SessionRoutesParts {
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  readonly accounts: Throttle;
  readonly passwords: Passwords;
  readonly accesses: Pick<AccessRecorder, "login">;
  readonly control: Pick<Control, "users">;
  /** Null when no identity provider is configured. */
  readonly oidc: unknown;
  /** How browsers reach the server: `https://audit.example.com`. */
  readonly publicUrl: () => string;
}

const LoginLink = Type.Object({
  url: Type.String({ description: "Works once." }),
  expires_at: Type.String({ format: "date-time" }),
});
const orNull = Type.Union([Type.String(), Type.Null()]);
const SessionAnswer = Type.Object({
  authenticated: Type.Boolean(),
  name: orNull,
  role: orNull,
  permissions: Type.Array(Type.Enum(Object.keys(PERMISSIONS)), { description: "What one may do here." }),
  methods: Type.Array(Type.Enum(["password", "oidc"]), { description: "How one logs in here, beside a link." }),
});
const Credentials = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 63 }), password: Type.String({ minLength: 1, maxLength: 1_024 }) },
  { additionalProperties: false },
);
const TAGS = ["session"];

/** One-time links, passwords, and the sessions they become. */
export function sessionRoutes(app: FastifyInstance, parts: SessionRoutesParts): void {
  linkRoutes(app, parts);
  passwordRoute(app, parts);
  ownSessionRoutes(app, parts);
}

function linkRoutes(app: FastifyInstance, parts: SessionRoutesParts): void {
  app.post(
    "/api/login-link",
    {
      config: { access: "manage" },
      schema: {
        summary: "A one-time link that opens the dashboard, for oneself or for a user",
        tags: TAGS,
        querystring: query({
          user: Type.Optional(Type.String({ maxLength: 63, description: "A user of this server." })),
        }),
        response: { 201: LoginLink, ...problems(401, 403, 404) },
      },
    },
    async (request: FastifyRequest<{ Querystring: { user?: string } }>, reply) => {
      const { user } = request.query;
      const subject = user === undefined ? subjectOf(principalOf(request)) : userSubject(parts, user);
      if (subject === null) throw new TallystickError("forbidden", "Services have no login; make a user.");
      return reply.code(201).send(loginLink(parts, subject));
    },
  );
  app.get(
    "/login",
    {
      config: { access: "public" },
      // A mail or chat program that looks ahead asks by HEAD; it must not use the link up.
      exposeHeadRoute: false,
      schema: {
        summary: "Use a one-time link",
        tags: TAGS,
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
    async (request, reply) => {
      reply.header("cache-control", "no-store").header("referrer-policy", "no-referrer");
      const begun = parts.sessions.redeem((request.query as { token: string }).token, request.client);
      if (begun === null) return refusedLink(parts, request, reply);
      await comeIn(parts, request, reply, begun);
      return reply.redirect("/", 303);
    },
  );
}

function userSubject({ control }: SessionRoutesParts, name: string): Subject {
  if (control.users.user(name) !== null) return { kind: "user", name };
  throw new TallystickError("not_found", "There is no such user, or he is disabled.", {
    hint: "`tallystick users list` shows them.",
  });
}

function passwordRoute(app: FastifyInstance, parts: SessionRoutesParts): void {
  app.post(
    "/api/session",
    {
      config: { access: "public" },
      schema: {
        summary: "Log in by name and password",
        tags: TAGS,
        body: Credentials,
        response: { 204: Type.Null(), ...problems(400, 401, 403, 429, 503) },
      },
    },
    async (request, reply) => {
      refuseOtherSites(request);
      const { name, password } = request.body as { name: string; password: string };
      const waitS = parts.accounts.waitS(name) ?? parts.throttle.waitS(request.client);
      if (waitS !== null) throw tooMany(waitS);
      const fits = await parts.passwords.fits(password, parts.control.users.passwordOf(name));
      // Whoever was right had no failure to hide; whoever was wrong learns nothing of why.
      if (!fits || parts.control.users.user(name) === null) throw wrongPassword(parts, name, request.client);
      await comeIn(parts, request, reply, parts.sessions.begin({ kind: "user", name }, "password", request.client));
      return reply.code(204).send();
    },
  );
}

function wrongPassword({ accounts, throttle }: SessionRoutesParts, name: string, address: string): TallystickError {
  const waits = [accounts.failed(name), throttle.failed(address)].filter((wait) => wait !== null);
  if (waits.length > 0) return tooMany(Math.max(...waits));
  return new TallystickError("unauthenticated", "Name and password do not fit.", {
    hint: "An administrator sets a new password by `tallystick users password`.",
  });
}

function tooMany(retryAfterS: number): TallystickError {
  return new TallystickError("rate_limited", "Too many wrong passwords were tried.", { retryAfterS });
}

function ownSessionRoutes(app: FastifyInstance, parts: SessionRoutesParts): void {
  app.get(
    "/api/session",
    {
      config: { access: "public" },
      schema: { summary: "Who is logged in", tags: TAGS, response: { 200: SessionAnswer } },
    },
    async ({ principal }, reply) => {
      reply.header("cache-control", "no-store");
      const hasPasswords = parts.control.users.users().some((user) => user.hasPassword);
      const methods = [...(hasPasswords ? ["password"] : []), ...(parts.oidc === null ? [] : ["oidc"])];
      const { name = null, role = null } = principal ?? {};
      const permissions = role === null ? [] : ROLE_PERMISSIONS[role];
      return { authenticated: principal !== null, name, role, permissions, methods };
    },
  );
  app.delete(
    "/api/session",
    { config: { access: "public" }, schema: { summary: "Log out", tags: TAGS, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const token = request.cookies[SESSION_COOKIE] ?? bearerOf(request);
      if (token !== undefined) parts.sessions.end(token);
      return reply.clearCookie(SESSION_COOKIE, { path: "/" }).code(204).send();
    },
  );
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** A page of another site could else log its reader in as somebody else. */
function refuseOtherSites(request: FastifyRequest): void {
  const { origin, host, "sec-fetch-site": site } = request.headers;
  const isForeign = origin !== undefined && origin.replace(/^https?:\/\//, "") !== host;
  if (isForeign || (site !== undefined && site !== "same-origin" && site !== "none"))
    throw new TallystickError("forbidden", "A login comes from the dashboard itself.");
}

export function loginLink(
  { sessions, publicUrl }: Pick<SessionRoutesParts, "sessions" | "publicUrl">,
  subject: Subject,
): { readonly url: string; readonly expires_at: string } {
  const { token, expiresAtMs } = sessions.makeLink(subject);
  return { url: `${publicUrl()}/login?token=${token}`, expires_at: formatTimestamp(expiresAtMs * 1_000) };
}

/** Records the login, then gives the cookie; a login that cannot be recorded is none. */
export async function comeIn(
  { accesses, sessions, publicUrl }: Pick<SessionRoutesParts, "accesses" | "sessions" | "publicUrl">,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, session }: NewSession,
): Promise<void> {
  await recordLogin(accesses, session.subject, session.method, request.client).catch((error: unknown) => {
    sessions.end(token);
    throw error;
  });
  reply.header("cache-control", "no-store").setCookie(SESSION_COOKIE, token, {
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    secure: publicUrl().startsWith("https:"),
    expires: new Date(session.expiresAtMs),
  });
}

export function recordLogin(
  accesses: Pick<AccessRecorder, "login">,
  subject: Subject,
  method: LoginMethod,
  address: string,
): Promise<void> {
  const principal = subject.kind === "admin" ? "admin" : `${subject.kind}:${subject.name}`;
  return accesses.login({ principal, address, method });
}

function refusedLink(parts: SessionRoutesParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const retryAfterS = parts.throttle.failed(request.client);
  if (retryAfterS !== null)
    throw new TallystickError("rate_limited", "Too many wrong login links came from this address.", { retryAfterS });
  if (request.headers.accept?.includes("text/html") === true) return reply.redirect("/?login=expired", 303);
  throw new TallystickError("unauthenticated", "This login link was used already or is too old.", {
    hint: "`tallystick login-link` prints a fresh one.",
  });
}
