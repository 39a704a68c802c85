import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { AccessRecorder } from "../access/access-recorder.ts";
import { LOGIN_UNDER_WAY_MS } from "../access/limits.ts";
import type { OidcLogin } from "../access/oidc.ts";
import type { Sessions } from "../access/sessions.ts";
import type { Throttle } from "../access/throttle.ts";
import type { Control } from "../control/control.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { problems, query } from "./schemas.ts";
import { comeIn } from "./session-routes.ts";

export interface OidcRoutesParts {
  /** Null when no identity provider is configured. */
  readonly oidc: OidcLogin | null;
  readonly control: Pick<Control, "users">;
  readonly sessions: Sessions;
  readonly throttle: Throttle;
  readonly accesses: Pick<AccessRecorder, "login">;
  readonly publicUrl: () => string;
}

/** Binds a login to the browser that began it. Lax, since the provider sends the browser back from another site. */
const LOGIN_COOKIE = "tallystick_login";
const PATH = "/login/oidc";
const Redirect = { type: "null", description: "To the identity provider, or back to the dashboard." };
const Returned = query({
  code: Type.Optional(Type.String({ maxLength: 4_096 })),
  state: Type.Optional(Type.String({ maxLength: 256 })),
  iss: Type.Optional(Type.String({ maxLength: 1_024 })),
  session_state: Type.Optional(Type.String({ maxLength: 1_024 })),
  error: Type.Optional(Type.String({ maxLength: 256 })),
  error_description: Type.Optional(Type.String({ maxLength: 4_096 })),
  error_uri: Type.Optional(Type.String({ maxLength: 1_024 })),
});

/** Login by an identity provider. */
export function oidcRoutes(app: FastifyInstance, parts: OidcRoutesParts): void {
  const tags = ["session"];
  const config = { access: "public" } as const;
  const answer = { 302: Redirect, 303: Redirect, ...problems(400, 401, 403, 404, 429, 503) };
  app.get(
    PATH,
    {
      config,
      exposeHeadRoute: false,
      schema: { summary: "Log in by the identity provider", tags, querystring: query({}), response: answer },
    },
    async (_request, reply) => {
      const { url, state } = await configured(parts).begin(redirectUri(parts));
      reply.setCookie(LOGIN_COOKIE, state, {
        path: PATH,
        httpOnly: true,
        sameSite: "lax",
        secure: parts.publicUrl().startsWith("https:"),
        maxAge: LOGIN_UNDER_WAY_MS / 1_000,
      });
      return reply.redirect(url, 302);
    },
  );
  app.get(
    `${PATH}/callback`,
    {
      config,
      exposeHeadRoute: false,
      schema: { summary: "Back from the identity provider", tags, querystring: Returned, response: answer },
    },
    (request, reply) => comeBack(parts, request, reply),
  );
}

async function comeBack(parts: OidcRoutesParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const oidc = configured(parts);
  const { state } = request.query as { readonly state?: string };
  const bound = request.cookies[LOGIN_COOKIE];
  reply.clearCookie(LOGIN_COOKIE, { path: PATH });
  try {
    if (state === undefined || bound !== state)
      throw new TallystickError("unauthenticated", "This login was begun by another browser, or is too old.", {
        hint: "Begin the login again.",
      });
    const subject = await oidc.finish(state, request.url.split("?").slice(1).join("?"));
    await parts.control.users.seen(subject.name, subject.role);
    await comeIn(parts, request, reply, parts.sessions.begin(subject, "oidc", request.client));
    return reply.redirect("/", 303);
  } catch (error) {
    const retryAfterS = isTallystickError(error, "unauthenticated") ? parts.throttle.failed(request.client) : null;
    if (retryAfterS !== null)
      throw new TallystickError("rate_limited", "Too many logins failed from this address.", { retryAfterS });
    throw error;
  }
}

function configured({ oidc }: OidcRoutesParts): OidcLogin {
  if (oidc !== null) return oidc;
  throw new TallystickError("not_found", "No identity provider is configured.", {
    hint: "docs/guides/people.md shows how; the section is `oidc`.",
  });
}

function redirectUri({ publicUrl }: OidcRoutesParts): string {
  return `${publicUrl()}${PATH}/callback`;
}
