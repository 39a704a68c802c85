import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Passwords } from "../access/passwords.ts";
import type { Session, Sessions } from "../access/sessions.ts";
import type { Control } from "../control/control.ts";
import { ROLES } from "../control/role.ts";
import type { UserInfo } from "../control/user.ts";
import { TallystickError } from "../errors.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { ScopeBody, scopeOfBody, scopeShown } from "./scope-schema.ts";

export interface UsersRoutesParts {
  readonly control: Pick<Control, "users">;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
}

const TAGS = ["users"];
const Time = Type.String({ format: "date-time" });
const PEOPLE_ROLES = ROLES.filter((role) => role !== "producer");
const Password = Type.String({ minLength: 1, maxLength: 1_024 });
const ByName = Type.Object({ name: Type.String({ maxLength: 63 }) });

const User = Type.Object({
  name: Type.String(),
  role: Type.Enum([...ROLES]),
  scope: ScopeBody,
  has_password: Type.Boolean({ description: "False: a one-time link alone lets the user in." }),
  created_at: Time,
  disabled_at: Type.Union([Time, Type.Null()]),
});

const NewUserBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 63 }),
    role: Type.Enum(PEOPLE_ROLES),
    scope: Type.Optional(ScopeBody),
    password: Type.Optional(Password),
  },
  { additionalProperties: false },
);

const ChangeBody = Type.Object(
  {
    role: Type.Optional(Type.Enum(PEOPLE_ROLES)),
    scope: Type.Optional(ScopeBody),
    password: Type.Optional(Type.Union([Password, Type.Null()], { description: "Null takes it away." })),
  },
  { additionalProperties: false },
);

/** Users, and who is logged in; the administrator's affair. */
export function usersRoutes(app: FastifyInstance, parts: UsersRoutesParts): void {
  listRoute(app, parts);
  createRoute(app, parts);
  changeRoute(app, parts);
  disableRoute(app, parts);
  sessionsRoutes(app, parts);
}

function listRoute(app: FastifyInstance, { control }: UsersRoutesParts): void {
  app.get(
    "/api/users",
    {
      config: { access: "manage" },
      schema: {
        summary: "All users, disabled ones too",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ users: Type.Array(User) }), ...problems(401, 403) },
      },
    },
    async () => ({ users: control.users.users().map(shown) }),
  );
}

function createRoute(app: FastifyInstance, { control, passwords }: UsersRoutesParts): void {
  app.post(
    "/api/users",
    {
      config: { access: "manage" },
      schema: {
        summary: "Make a user",
        tags: TAGS,
        body: NewUserBody,
        response: { 201: User, ...problems(400, 401, 403, 409, 503) },
      },
    },
    async (request, reply) => {
      const { name, role, scope, password } = request.body as Static<typeof NewUserBody>;
      const stored = password === undefined ? null : await passwords.stored(password);
      const wanted = { name, role, password: stored, ...(scope === undefined ? {} : { scope: scopeOfBody(scope) }) };
      const user = await control.users.createUser(principalOf(request).name, wanted);
      return reply.code(201).send(shown(user));
    },
  );
}

function changeRoute(app: FastifyInstance, parts: UsersRoutesParts): void {
  app.post(
    "/api/users/:name",
    {
      config: { access: "manage" },
      schema: {
        summary: "Change a user's role, scope or password, at once",
        description: "A new password ends the user's sessions.",
        tags: TAGS,
        params: ByName,
        body: ChangeBody,
        response: { 200: User, ...problems(400, 401, 403, 404, 503) },
      },
    },
    (request) => change(parts, request),
  );
}

async function change(parts: UsersRoutesParts, request: FastifyRequest): Promise<Static<typeof User>> {
  const { control, passwords } = parts;
  const { name } = request.params as Static<typeof ByName>;
  const { role, scope, password } = request.body as Static<typeof ChangeBody>;
  const wanted = {
    role,
    scope: scope === undefined ? undefined : scopeOfBody(scope),
    password: typeof password === "string" ? await passwords.stored(password) : password,
  };
  const user = found(await control.users.changeUser(principalOf(request).name, name, wanted));
  if (password !== undefined) endSessionsOf(parts, name);
  return user;
}

function disableRoute(app: FastifyInstance, parts: UsersRoutesParts): void {
  app.delete(
    "/api/users/:name",
    {
      config: { access: "manage" },
      schema: {
        summary: "Disable a user, at once and for ever",
        tags: TAGS,
        params: ByName,
        response: { 200: User, ...problems(401, 403, 404, 503) },
      },
    },
    (request) => disable(parts, request),
  );
}

async function disable(parts: UsersRoutesParts, request: FastifyRequest): Promise<Static<typeof User>> {
  const { name } = request.params as Static<typeof ByName>;
  const user = found(await parts.control.users.disableUser(principalOf(request).name, name));
  endSessionsOf(parts, name);
  return user;
}

const SessionShown = Type.Object({
  id: Type.String(),
  name: Type.String(),
  method: Type.Enum(["link", "password", "oidc", "device"]),
  address: Type.String(),
  created_at: Time,
  last_used_at: Time,
  expires_at: Time,
});

function sessionsRoutes(app: FastifyInstance, { sessions }: UsersRoutesParts): void {
  app.get(
    "/api/sessions",
    {
      config: { access: "manage" },
      schema: {
        summary: "Who is logged in",
        tags: ["session"],
        querystring: query({}),
        response: { 200: Type.Object({ sessions: Type.Array(SessionShown) }), ...problems(401, 403) },
      },
    },
    async () => ({ sessions: sessions.sessions().map(sessionShown) }),
  );
  app.delete(
    "/api/sessions/:id",
    {
      config: { access: "manage" },
      schema: {
        summary: "End somebody's session",
        tags: ["session"],
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 204: Type.Null(), ...problems(401, 403, 404) },
      },
    },
    async (request: FastifyRequest, reply) => {
      if (sessions.revoke((request.params as { id: string }).id)) return reply.code(204).send();
      throw new TallystickError("not_found", "There is no session with this id.", {
        hint: "It has ended; GET /api/sessions lists those that have not.",
      });
    },
  );
}

function endSessionsOf({ sessions }: UsersRoutesParts, name: string): void {
  for (const { id, subject } of sessions.sessions())
    if (subject.kind === "user" && subject.name === name) sessions.revoke(id);
}

function found(user: UserInfo | null): Static<typeof User> {
  if (user !== null) return shown(user);
  throw new TallystickError("not_found", "There is no such user, or he is disabled.", {
    hint: "`tallystick users list` shows them.",
  });
}

function shown({ name, role, scope, hasPassword, createdAt, disabledAt }: UserInfo): Static<typeof User> {
  return {
    name,
    role,
    scope: scopeShown(scope),
    has_password: hasPassword,
    created_at: createdAt,
    disabled_at: disabledAt,
  };
}

function sessionShown(session: Session): Static<typeof SessionShown> {
  const { id, subject, method, address } = session;
  const time = (ms: number) => formatTimestamp(ms * 1_000);
  return {
    id,
    name: subject.kind === "admin" ? "admin" : `${subject.kind}:${subject.name}`,
    method,
    address,
    created_at: time(session.createdAtMs),
    last_used_at: time(session.lastUsedMs),
    expires_at: time(session.expiresAtMs),
  };
}
