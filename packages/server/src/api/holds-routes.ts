import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Principal } from "../access/access.ts";
import type { Control } from "../control/control.ts";
import type { Hold } from "../control/hold.ts";
import { TallystickError } from "../errors.ts";
import { proposeRelease } from "../retain/second-person.ts";
import { assertHoldQuery } from "../search/held.ts";
import { sees, seesAllOf } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

const TAGS = ["retention"];
const orNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: "date-time" });

const HoldSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  query: Type.String(),
  logs: orNull(Type.Array(Type.String())),
  is_scoped: Type.Boolean({ description: "It holds only what whoever placed it could see." }),
  owner: Type.String(),
  reason: Type.String(),
  placed_by: Type.String(),
  placed_at: Time,
  released_by: orNull(Type.String()),
  released_at: orNull(Time),
});

const NewHoldBody = Type.Object(
  {
    name: Type.String({ description: "As litigation-4." }),
    query: Type.Optional(Type.String({ description: "Which records; * is all." })),
    subject: Type.Optional(Type.String({ description: "Instead of a query: a value of subject_refs." })),
    logs: Type.Optional(Type.Array(Type.String(), { description: "Absent: all." })),
    owner: Type.String({ description: "Who answers for it: a person or a matter." }),
    reason: Type.String(),
  },
  { additionalProperties: false },
);

const ReleaseBody = Type.Object({ reason: Type.String({ minLength: 1 }) }, { additionalProperties: false });
const Released = Type.Object({
  approval: Type.String({ description: "Id of the proposal." }),
  state: Type.String({ description: "done, or pending while a second person is asked." }),
  hold: HoldSchema,
});

/** A hold's query and reason name people and services: only who sees all of its logs sees it, and who placed it. */
function holdsFor({ name, scope }: Principal, { holds }: Control): readonly Hold[] {
  return holds.list().filter(({ logs, placedBy }) => placedBy === name || seesAllOf(scope, logs ?? "*"));
}

/** Legal holds: what must not go, whatever its retention says. */
export function holdsRoutes(app: FastifyInstance, { control }: { readonly control: Control }): void {
  app.get(
    "/api/holds",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Legal holds, released ones too, of logs that you see all of",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ holds: Type.Array(HoldSchema) }), ...problems(401, 403) },
      },
    },
    (request, reply) => reply.send({ holds: holdsFor(principalOf(request), control).map(shown) }),
  );
  app.post(
    "/api/holds",
    {
      config: { access: "hold" },
      schema: {
        summary: "Place a legal hold: epochs that hold a matching record stay whole",
        tags: TAGS,
        body: NewHoldBody,
        response: { 201: HoldSchema, ...problems(400, 401, 403, 409, 503) },
      },
    },
    async (request, reply) => reply.code(201).send(await place(control, request)),
  );
  app.post(
    "/api/holds/:id/release",
    {
      config: { access: "hold" },
      schema: {
        summary: "Release a hold, or propose it where a second person must agree",
        tags: TAGS,
        params: Type.Object({ id: Type.String() }),
        body: ReleaseBody,
        response: { 200: Released, ...problems(400, 401, 403, 404, 503) },
      },
    },
    (request: FastifyRequest) => release(control, request),
  );
}

async function place(control: Control, request: FastifyRequest): Promise<object> {
  const { subject, query: asked, logs = null, ...rest } = request.body as Static<typeof NewHoldBody>;
  if ((asked === undefined) === (subject === undefined))
    throw new TallystickError("bad_request", "A hold names its records by a query or by a subject, one of them.");
  const text = asked ?? `subject_refs:${JSON.stringify(subject)}`;
  assertHoldQuery(text);
  const { name: by, scope } = principalOf(request);
  return shown(await control.holds.place(by, { ...rest, query: text, logs: logsWithin(scope, logs), scope }));
}

/** Who holds what he does not see would keep others' records, and learn from what is kept that they are there. */
function logsWithin(scope: Scope, logs: readonly string[] | null): readonly string[] | null {
  const unseen = logs?.find((log) => !sees(scope, `${log}/`));
  if (unseen !== undefined)
    throw new TallystickError("forbidden", `You do not see the log ${unseen.slice(0, 64)}, so you cannot hold it.`);
  return logs ?? (Array.isArray(scope.logs) ? scope.logs : null);
}

async function release(control: Control, request: FastifyRequest): Promise<Static<typeof Released>> {
  const { id } = request.params as { readonly id: string };
  const { reason } = request.body as Static<typeof ReleaseBody>;
  const principal = principalOf(request);
  const isSeen = holdsFor(principal, control).some((one) => one.id === id);
  const approval = isSeen ? await proposeRelease(control, principal.name, id, reason) : null;
  const hold = control.holds.find(id);
  if (approval === null || hold === null)
    throw new TallystickError("not_found", "There is no hold of this id in force.", {
      hint: "`tallystick hold list` shows them.",
    });
  return { approval: approval.id, state: approval.state, hold: shown(hold) };
}

function shown(hold: Hold): Static<typeof HoldSchema> {
  const { id, name, query: text, logs, scope, owner, reason, placedBy, placedAt, releasedBy, releasedAt } = hold;
  return {
    id,
    name,
    query: text,
    logs: logs === null ? null : [...logs],
    is_scoped: scope.services !== "*" || scope.dataClasses !== "*",
    owner,
    reason,
    placed_by: placedBy,
    placed_at: placedAt,
    released_by: releasedBy,
    released_at: releasedAt,
  };
}
